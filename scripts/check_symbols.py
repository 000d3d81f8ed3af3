#!/usr/bin/env python3
"""What the freestanding code asks of its surroundings: the core may leave undefined only the four
memory functions and what ferry/crypto.h and ferry/crypto_verify.h promise, portable crypto the
memory functions and the core's loads and stores; so no 64-bit division creeps in through the
compiler. No data, no bss: no mutable statics.

Looks at the archives of the presets rv32, xtensa (divides in software) and release."""

import re

import checks

MEMORY = {"memcpy", "memmove", "memset", "memcmp"}
BYTES = {"ferry_le32", "ferry_put_le32"}
HASHES = {f"ferry_{hash}_{step}" for hash in ("sha256", "sha384", "md5")
          for step in ("init", "update", "finish")} | {"ferry_verify"}
# The lx106 has no divide instruction; these are 32 bits wide, so they cost little.
XTENSA_HELPERS = {"__divsi3", "__udivsi3", "__modsi3", "__umodsi3", "__mulsi3"}

# What -msave-restore calls at a function's ends; libgcc has them, and check_size.py counts them.
RV32_HELPERS = {f"__riscv_{what}_{n}" for what in ("save", "restore") for n in range(13)}

CHECKED = [
    # archive, tools, allowed undefined symbols (None: not looked at)
    ("build/rv32/libferry_core.a", "riscv64-unknown-elf-",
     MEMORY | HASHES | RV32_HELPERS),
    ("build/rv32/libferry_crypto_portable.a", "riscv64-unknown-elf-",
     MEMORY | BYTES | RV32_HELPERS),
    ("build/xtensa/libferry_core.a", "xtensa-lx106-elf-", MEMORY | HASHES | XTENSA_HELPERS),
    ("build/xtensa/libferry_crypto_portable.a", "xtensa-lx106-elf-",
     MEMORY | BYTES | XTENSA_HELPERS),
    ("build/release/agent/libferry_agent.a", "", None),
]


def undefined(archive, tools):
    """Symbols the archive needs and does not have itself, each with an object that needs it."""
    needed, defined, member = {}, set(), ""
    for line in checks.run(tools + "nm", archive).splitlines():
        if line.endswith(":"):
            member = line[:-1]
        words = line.split()
        if len(words) == 2 and words[0] in "Uwv":
            needed.setdefault(words[1], member)
        elif len(words) == 3 and words[1].isupper():
            defined.add(words[2])
    return {symbol: member for symbol, member in needed.items() if symbol not in defined}


def mutable(archive, tools):
    """(member, section, bytes) of everything that a program could write to. Constant tables of
    pointers lie in .data.rel.ro on the host and do not count."""
    member = ""
    for line in checks.run(tools + "objdump", "-h", archive).splitlines():
        head = re.match(r"(\S+):\s+file format", line)
        if head:
            member = head[1]
        words = line.split()
        if len(words) >= 3 and words[0].isdigit() and int(words[2], 16):
            section = words[1]
            if re.match(r"\.(s?data|s?bss)(\.|$)", section) and ".rel.ro" not in section:
                yield member, section, int(words[2], 16)


def main():
    args = checks.arguments(__doc__)
    found = []
    n_seen = 0
    for name, tools, allowed in CHECKED:
        archive = args.root / name
        if not archive.is_file():
            if allowed is not None:
                found.append(f"{name} is not built")
            continue
        n_seen += 1
        if allowed is not None:
            found += [f"{name}({member}): needs {symbol}"
                      for symbol, member in sorted(undefined(archive, tools).items())
                      if symbol not in allowed]
        found += [f"{name}({member}): {n_bytes} writable bytes in {section}"
                  for member, section, n_bytes in mutable(archive, tools)]
    checks.finish("symbols", found, f"{n_seen} archives")


main()
