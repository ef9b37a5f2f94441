"""Holds dashboards to the schema that Grafana publishes, the npm package @grafana/schema.

It is a package of TypeScript types, so TypeScript's compiler is the judge: each dashboard becomes a literal of the type
Dashboard, and each panel's options, field settings and queries literals of the types of its plugin, where a name that is
unknown or a value of another type is an error. JSON has no enumerations, so theirs are taken by their values.
"""

import json
import re
import shutil
import subprocess
import unittest

import harness

PACKAGES = ["@grafana/schema@13.2.3", "typescript@5.9.3"]
PLUGINS = {"heatmap": "HeatmapPanelCfg", "stat": "StatPanelCfg", "table": "TablePanelCfg",
           "timeseries": "TimeSeriesPanelCfg"}
HEAD = """
import type { Dashboard, Panel, DataQuery } from "@grafana/schema";
import type * as common from "@grafana/schema";
%s
type Json<T> = unknown extends T ? T
  : T extends string ? `${T}` : T extends number ? (number extends T ? number : `${T}` extends `${infer N extends number}` ? N : never)
  : T extends boolean | null | undefined ? T
  : T extends (infer U)[] ? Json<U>[]
  : T extends object ? { [K in keyof T]: Json<T[K]> } : T;
// Of the Prometheus data source, whose own types are in no package: what its documentation of a query names.
interface PrometheusQuery extends DataQuery { expr: string; legendFormat?: string; format?: "time_series" | "table" | "heatmap"; instant?: boolean; range?: boolean }
"""


def packages():
    """The folder of both packages, fetched once; skips the test where they are not to be had."""
    folder = harness.SOURCE_DIR / "build/test_tools/grafana"
    if not shutil.which("npm") or not shutil.which("node"):
        raise unittest.SkipTest("there is no npm to fetch Grafana's schema with")
    if not (folder / "node_modules/typescript/bin/tsc").exists() or \
            not (folder / "node_modules/@grafana/schema/package.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        try:
            done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES], cwd=folder,
                                  capture_output=True, text=True, timeout=120, check=False)
        except subprocess.TimeoutExpired as error:
            raise unittest.SkipTest("Grafana's schema cannot be fetched: npm does not come to an end") from error
        if done.returncode != 0:
            raise unittest.SkipTest(f"Grafana's schema cannot be fetched: {done.stderr[-500:]}")
    return folder


def program(dashboard):
    """A program that compiles if and only if the dashboard is one."""
    kinds = sorted({panel["type"] for panel in dashboard["panels"]} - {"row"})
    imports = "\n".join(
        f'import type * as {kind} from "@grafana/schema/dist/esm/raw/composable/{kind}/panelcfg/x/{PLUGINS[kind]}_types.gen";'
        for kind in kinds)
    text = [HEAD % imports, f"const dashboard: Json<Dashboard> = {json.dumps(dashboard)};"]
    for panel in dashboard["panels"]:
        name, kind = f"panel_{panel['id']}", panel["type"]
        text.append(f"const {name}: Json<Panel> = {json.dumps(panel)};")
        text.append(f"const {name}_options: Json<Partial<{kind}.Options>> = {json.dumps(panel['options'])};")
        custom = panel["fieldConfig"]["defaults"].get("custom")
        if custom is not None:
            fields = "common.TableFieldOptions" if kind == "table" else f"{kind}.FieldConfig"
            text.append(f"const {name}_fields: Json<Partial<{fields}>> = {json.dumps(custom)};")
        text.append(f"const {name}_queries: Json<PrometheusQuery>[] = {json.dumps(panel['targets'])};")
    return "\n".join(text) + "\nexport {};\n"


def mistakes(folder, dashboard):
    """What is wrong with it by Grafana's types, one a line."""
    source = folder / "dashboard.ts"
    source.write_text(program(dashboard))
    done = subprocess.run(["node", "node_modules/typescript/bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--target",
                           "es2022", "--module", "esnext", "--moduleResolution", "bundler", source.name],
                          cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0 and not done.stdout:
        raise AssertionError(done.stderr)
    return re.findall(r"error TS\d+: .*", done.stdout)
