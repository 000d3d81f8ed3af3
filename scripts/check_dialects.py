#!/usr/bin/env python3
"""The core compiles in every dialect its users have: C11 without extensions, GNU C23 as ESP-IDF
uses it, and each public header alone, also as C++17; so do those under Espressif's names, in the
dialects of ESP-IDF's programs. Ports to machines without an operating system compile for them."""

import subprocess
from pathlib import Path

import checks

INCLUDE = ["-I", "include", "-I", "."]
STRICT = ["-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
CORE = [
    ["gcc", "-std=c11", "-Wpedantic"],
    ["gcc", "-std=gnu2x"],
    ["clang", "-std=c11", "-Wpedantic"],
]
HEADERS = [
    ["gcc", "-x", "c", "-std=c11", "-Wpedantic"],
    ["clang", "-x", "c++", "-std=c++17"],
]
RV32 = ["riscv64-unknown-elf-gcc", "-march=rv32imc", "-mabi=ilp32", "-misa-spec=2.2",
        "-ffreestanding", "-I", "cmake/toolchains/freestanding"]
BARE = [[*RV32, "-std=c11", "-Wpedantic"], [*RV32, "-std=gnu2x"],
        ["clang", "--target=riscv32", "-march=rv32imc", "-ffreestanding", "-nostdlibinc",
         "-std=c11", "-Wpedantic"]]
BARE_FOLDERS = [Path("ports/bare"), Path("ports/espressif"), Path("ports/esp32c3")]
IDF_FOLDER = Path("compat/esp-idf/include")
IDF_HEADERS = [
    [*command, "-I", str(IDF_FOLDER)]
    for command in (["gcc", "-x", "c", "-std=gnu17"], ["clang", "-x", "c", "-std=gnu2x"],
                    ["clang", "-x", "c++", "-std=c++17"])
]


def complaint(root, command, source, text=None):
    """What the compiler says first, or None."""
    done = subprocess.run([*command, *STRICT, *INCLUDE, "-" if text else str(source)], cwd=root,
                          check=False, input=text, stderr=subprocess.PIPE, text=True)
    if done.returncode == 0:
        return None
    said = [line for line in done.stderr.splitlines() if "error" in line] or [done.stderr]
    return f"{source} as {command[0]} {' '.join(command[1:])}: {said[0]}"


def main():
    args = checks.arguments(__doc__)
    sources = [name for name in checks.files(args.root, ".c") if name.parts[0] == "core"]
    headers = [name for name in checks.files(args.root, ".h") if name.parts[0] == "include"]
    found = [complaint(args.root, command, name) for command in CORE for name in sources]
    found += [complaint(args.root, command, name, f'#include "{"/".join(name.parts[1:])}"\n')
              for command in HEADERS for name in headers]
    bare = [name for name in checks.files(args.root, ".c") if name.parent in BARE_FOLDERS]
    rooms = [word for folder in BARE_FOLDERS for word in ("-I", str(folder))]
    found += [complaint(args.root, [*command, *rooms], name) for command in BARE for name in bare]
    idf = [name for name in checks.files(args.root, ".h") if IDF_FOLDER in name.parents]
    found += [complaint(args.root, command, name, f'#include "{name.relative_to(IDF_FOLDER)}"\n')
              for command in IDF_HEADERS for name in idf]
    checks.finish("dialects", [said for said in found if said],
                  f"{len(sources) + len(bare)} sources, {len(headers) + len(idf)} headers")


main()
