#!/usr/bin/env python3
"""Builds the page for traders with npm and writes it as one C++ source file, which the program embeds.

  scripts/build_web.py --npm NPM --source web --folder build/release/web --openapi FILE --output FILE.cc

FOLDER holds a copy of the sources and what npm installs, so that the source tree stays clean. Packages are installed
again only when package-lock.json changes.
"""

import argparse
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}


def stop(message):
    sys.exit(f"build_web.py: {message}")


def run(folder, what, *command):
    environment = dict(os.environ, NO_UPDATE_NOTIFIER="1", npm_config_audit="false", npm_config_fund="false")
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", env=environment, check=False)
    if done.returncode != 0:
        stop(f"{what}:\n{done.stdout[-6000:]}")


def copy_sources(source, folder):
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / "src", ignore_errors=True)
    shutil.rmtree(folder / "dist", ignore_errors=True)
    shutil.copytree(source / "src", folder / "src")
    for name in ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"):
        shutil.copy2(source / name, folder / name)


def install(npm, folder):
    """npm ci, once per lock file."""
    wanted = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    stamp = folder / "node_modules" / ".installed-from"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    run(folder, "npm could not install the page's packages; is its registry reachable ('npm config get registry')?",
        npm, "ci", "--no-audit", "--no-fund")
    stamp.write_text(wanted)


def as_array(content):
    lines = []
    for at in range(0, len(content), 32):
        lines.append("    " + ",".join(str(byte) for byte in content[at:at + 32]) + ",")
    return "\n".join(lines)


def source_of(files):
    """C++ that defines find_web_asset() over {path: content}."""
    text = ["// Made by scripts/build_web.py.", '#include "serve/web_assets.h"', "", "namespace tapeline::serve {", "",
            "namespace {", ""]
    table = []
    for number, (path, content) in enumerate(sorted(files.items())):
        text += [f"constexpr unsigned char content_{number}[] = {{", as_array(content), "};", ""]
        kind = TYPES.get(pathlib.PurePosixPath(path).suffix)
        if kind is None:
            stop(f"the page has a file of an unknown type: {path}")
        digest = hashlib.sha256(content).hexdigest()[:20]
        immutable = "true" if path.startswith("/assets/") else "false"
        table.append(f'    {{"{path}", text_of(content_{number}, {len(content)}), "{kind}", "\\"{digest}\\"", {immutable}}},')
    text += ["std::string_view text_of(const unsigned char* bytes, std::size_t size) {",
             "  return {reinterpret_cast<const char*>(bytes), size};", "}", "", "}  // namespace", "",
             "std::optional<WebAsset> find_web_asset(std::string_view path) {",
             "  static const WebAsset assets[] = {", *table, "  };",
             '  if (path == "/") path = "/index.html";',
             "  for (const WebAsset& asset : assets)", "    if (asset.path == path) return asset;",
             "  return std::nullopt;", "}", "", "}  // namespace tapeline::serve", ""]
    return "\n".join(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--npm", "--source", "--folder", "--openapi", "--output"):
        parser.add_argument(name, required=True)
    options = parser.parse_args()
    folder = pathlib.Path(options.folder)
    copy_sources(pathlib.Path(options.source), folder)
    install(options.npm, folder)
    run(folder, "the page does not build", options.npm, "run", "build")
    dist = folder / "dist"
    files = {"/" + path.relative_to(dist).as_posix(): path.read_bytes() for path in dist.rglob("*") if path.is_file()}
    if "/index.html" not in files:
        stop("the page's build made no index.html")
    files["/openapi.json"] = pathlib.Path(options.openapi).read_bytes()
    output = pathlib.Path(options.output)
    partial = output.with_suffix(".partial")
    partial.write_text(source_of(files))
    partial.replace(output)


if __name__ == "__main__":
    main()
