#!/usr/bin/env python3
"""Layout: clang-format 14 agrees with every C file, and lines, files and functions keep to their
limits (100 columns, 600 lines, 80 lines). No file of ours has the name of another."""

import re
import shutil
import subprocess
from collections import defaultdict

import checks

LINE_MOST = 100
FILE_MOST = 600
FUNCTION_MOST = 80
TEXT = (".c", ".h", ".py", ".sh", ".cmake", "CMakeLists.txt", "Makefile")
# An examples folder or Espressif's own header names may repeat a name.
NAMES_MAY_REPEAT = ("compat", "examples", "cmake")
STAND_INS = {"headers", "libc"}  # folders of tests whose headers stand for somebody else's


def formatter():
    """clang-format 14: another version lays out some lines differently."""
    for name in ("clang-format-14", "clang-format"):
        path = shutil.which(name)
        if path and " version 14." in checks.run(path, "--version"):
            return path
    raise SystemExit("format: clang-format 14 is not installed; `make setup` installs it")


def layout(root, names):
    """The files that clang-format would change, with the first line it dislikes."""
    if not names:
        return []
    done = subprocess.run([formatter(), "--dry-run", "-Werror", *map(str, names)], cwd=root,
                          check=False, stderr=subprocess.PIPE, text=True)
    first = {}
    for line in done.stderr.splitlines():
        match = re.match(r"(\S+?):(\d+):\d+: error:", line)
        if match:
            first.setdefault(match[1], match[2])
    found = [f"{name}:{line}: run clang-format -i" for name, line in first.items()]
    if done.returncode and not found:
        found.append(f"clang-format failed: {done.stderr.strip()}")
    return found


def functions(lines):
    """(first line, length) of each function: in our layout its body's braces stand alone in
    column 0."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            yield start, number - start + 1
            start = None


def limits(name, lines):
    found = []
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_MOST:
            found.append(f"{name}:{number}: {len(line)} columns, limit {LINE_MOST}")
        if line != line.rstrip() or (name.suffix in (".c", ".h") and "\t" in line):
            found.append(f"{name}:{number}: tab, or blanks at the end")
    if len(lines) > FILE_MOST:
        found.append(f"{name}: {len(lines)} lines, limit {FILE_MOST}")
    if name.suffix == ".c":
        found += [f"{name}:{at}: function of {length} lines, limit {FUNCTION_MOST}"
                  for at, length in functions(lines) if length > FUNCTION_MOST]
    return found


def main():
    args = checks.arguments(__doc__)
    c_files = checks.files(args.root, ".c", ".h")
    found = layout(args.root, c_files)
    homes = defaultdict(list)
    for name in checks.files(args.root, *TEXT):
        found += limits(name, (args.root / name).read_text().split("\n")[:-1])
    for name in c_files:
        if name.parts[0] not in NAMES_MAY_REPEAT and not STAND_INS & set(name.parts):
            homes[name.name].append(str(name))
    found += [f"{', '.join(paths)}: one name for several files"
              for paths in homes.values() if len(paths) > 1]
    checks.finish("format", found, f"{len(c_files)} C files")


main()
