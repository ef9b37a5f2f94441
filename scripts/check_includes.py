#!/usr/bin/env python3
"""Holds src/ to the dependencies that src/CMakeLists.txt declares.

A file in src/NAME/ may include its own module and the modules under DEPS of tapeline_module(NAME …); its tests,
benchmarks and fuzzers also what those depend on, and base/testing. The program, src/app/, may include everything.
Modules stand in dependency order. What the check finds it prints as file:line, what is wrong, what to do.

  scripts/check_includes.py [--source FOLDER]      FOLDER holds src/; the project itself by default

Exits with 0 when all is well (warnings included), 1 when something is wrong, 2 when it could not look.
"""

import argparse
import dataclasses
import pathlib
import re
import sys

SECTIONS = ("SOURCES", "DEPS", "LIBS", "TESTS", "BENCHES", "FUZZERS")
SUFFIXES = (".h", ".cc", ".def", ".inc")
TEST_ENDINGS = ("_test.cc", "_bench.cc", "_fuzz.cc")
TESTING_MODULE = "base/testing"
PROGRAM = "app"
MAX_HEADER_LINES = 600
MAX_SOURCE_LINES = 700

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


@dataclasses.dataclass
class Module:
    name: str
    line: int
    deps: dict[str, int] = dataclasses.field(default_factory=dict)  # Name to line.


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    text: str
    warning: bool = False

    def __str__(self):
        return f"{self.path}:{self.line}: {'warning: ' if self.warning else ''}{self.text}"


def without_comments(text):
    """CMake text with its comments blanked; every line stays where it is."""
    text = re.sub(r"#\[\[.*?\]\]", lambda match: re.sub(r"[^\n]", " ", match[0]), text, flags=re.S)
    return re.sub(r"#[^\n]*", "", text)


def parse_modules(text):
    """The modules of a src/CMakeLists.txt in the order in which they stand."""
    text = without_comments(text)
    modules = []
    for block in re.finditer(r"\btapeline_module\s*\(([^)]*)\)", text):
        module = None
        section = None
        for token in re.finditer(r'[^\s"]+', block[1]):
            line = text.count("\n", 0, block.start(1) + token.start()) + 1
            if module is None:
                module = Module(token[0], line)
            elif token[0] in SECTIONS:
                section = token[0]
            elif section == "DEPS":
                module.deps[token[0]] = line
        if module is not None:
            modules.append(module)
    return modules


def closure(names, modules):
    """The named modules and everything they depend on, directly or not."""
    reached, open_names = set(), list(names)
    while open_names:
        name = open_names.pop()
        if name in modules and name not in reached:
            reached.add(name)
            open_names.extend(modules[name].deps)
    return reached


def cycle_through(name, modules):
    """The shortest way from a module back to itself, or None."""
    ways = [[name]]
    seen = set()
    for way in ways:
        for dep in modules[way[-1]].deps if way[-1] in modules else ():
            if dep == name:
                return way + [name]
            if dep not in seen:
                seen.add(dep)
                ways.append(way + [dep])
    return None


def check_modules(listed, path):
    """What is wrong with the declarations themselves."""
    modules, position, findings = {}, {}, []
    for index, module in enumerate(listed):
        if module.name in modules:
            findings.append(Finding(path, module.line, f"module {module.name} is declared twice: keep one"))
            continue
        modules[module.name], position[module.name] = module, index
    told = set()
    for module in modules.values():
        cycle = cycle_through(module.name, modules)
        if cycle:
            if not told & set(cycle):
                findings.append(Finding(path, module.line, "modules depend on each other in a circle: "
                                        + " -> ".join(cycle) + "; move what both need to a module below them"))
            told |= set(cycle)
        for dep, line in module.deps.items():
            if dep not in modules:
                findings.append(Finding(path, line, f"{module.name} depends on {dep}, which no tapeline_module"
                                        " declares: mend the name or declare it above"))
            elif not cycle and position[dep] > position[module.name]:
                findings.append(Finding(path, line, f"{module.name} depends on {dep}, which stands below it:"
                                        f" move tapeline_module({module.name} …) below {dep}"))
    return modules, findings


def owner_of(file, modules):
    """The module that a path under src/ belongs to: the longest one that is a folder of it."""
    folders = file.split("/")[:-1]
    for length in range(len(folders), 0, -1):
        name = "/".join(folders[:length])
        if name in modules or name == PROGRAM:
            return name
    return None


def code_lines(text):
    """(number, line) of each line; those of block comments that start a line come out empty."""
    blanked = re.sub(r"^[ \t]*/\*.*?\*/", lambda match: re.sub(r"[^\n]", "", match[0]), text, flags=re.S | re.M)
    return enumerate(blanked.split("\n"), start=1)


def allowed_for(file, owner, modules):
    """The modules that the file may include, or None for all of them."""
    if owner == PROGRAM:
        return None
    allowed = {owner, *modules[owner].deps}
    if file.endswith(TEST_ENDINGS):
        allowed |= closure(allowed | {TESTING_MODULE}, modules)
    return allowed


def include_finding(kind, target, file, owner, modules, source):
    """What is wrong with one include of `file`, or None."""
    exists = (source / target).is_file()
    if kind == "<":
        return f'<{target}> is a file of this project: write "{target}"' if exists else None
    if not exists:
        beside = pathlib.PurePosixPath(file).parent / target
        if (source / beside).is_file():
            return f'there is no src/{target}; includes are rooted at src/: write "{beside}"'
        return f'there is no src/{target}: mend the path, or write <{target}> if it is from a library'
    wanted = owner_of(target, modules)
    if wanted is None:
        return f'"{target}" belongs to no module: declare a tapeline_module for its folder'
    allowed = allowed_for(file, owner, modules)
    if allowed is None or wanted in allowed:
        return None
    if wanted == PROGRAM:
        return f'{owner} includes "{target}", but nothing may include the program: move what is needed to a module'
    if owner in closure([wanted], modules):
        return (f'{owner} includes "{target}", but {wanted} itself depends on {owner}:'
                " move what both need to a module below them")
    return f'{owner} includes "{target}" without declaring it: add {wanted} to DEPS of {owner}, or do without'


def check_file(file, source, modules, declared_text):
    """What is wrong with one file; `file` is relative to src/."""
    text = (source / file).read_text(encoding="utf-8")
    path = f"src/{file}"
    findings = []
    owner = owner_of(file, modules)
    if owner is None:
        return [Finding(path, 1, "the file belongs to no module: declare a tapeline_module for its folder")]
    for number, line in code_lines(text):
        match = INCLUDE.match(line)
        wrong = match and include_finding(match[1], match[2], file, owner, modules, source)
        if wrong:
            findings.append(Finding(path, number, wrong))
    name = file.rsplit("/", 1)[-1]
    if name.endswith(".h") and not re.search(r"^#pragma once$", text, flags=re.M):
        findings.append(Finding(path, 1, "the header lacks '#pragma once': write it on the first line"))
    if name.endswith(".cc") and not re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", declared_text):
        findings.append(Finding(path, 1, "the file is never built: list it in src/CMakeLists.txt under SOURCES,"
                                " TESTS, BENCHES or FUZZERS"))
    limit = {".h": MAX_HEADER_LINES, ".cc": MAX_SOURCE_LINES}.get(pathlib.PurePosixPath(file).suffix)
    lines = text.count("\n")
    if limit and lines > limit:
        findings.append(Finding(path, limit + 1, f"{lines} lines, {limit} are the limit: would a reader find the"
                                " room they look for? Split it", warning=True))
    return findings


def check(root):
    """Looks at everything under root/src: the findings, the number of modules and of files."""
    source = root / "src"
    cmake = (source / "CMakeLists.txt").read_text(encoding="utf-8")
    modules, findings = check_modules(parse_modules(cmake), "src/CMakeLists.txt")
    files = sorted(path.relative_to(source).as_posix() for path in source.rglob("*") if path.suffix in SUFFIXES)
    declared_text = without_comments(cmake)
    for file in files:
        findings.extend(check_file(file, source, modules, declared_text))
    return sorted(findings), len(modules), len(files)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    root = parser.parse_args().source
    try:
        findings, modules, files = check(root)
    except OSError as error:
        print(f"check_includes: cannot read {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    for finding in findings:
        print(finding)
    errors = sum(not finding.warning for finding in findings)
    print(f"check_includes: {modules} modules, {files} files, {errors} wrong, {len(findings) - errors} warnings")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
