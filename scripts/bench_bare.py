#!/usr/bin/env python3
"""Counts the instructions that an update costs on rv32imc: firmware/bare/bare_bench.c on QEMU's
sifive_u with -icount, where one count is one instruction and time follows the count, so that the
numbers are the same on every host; they depend on compiler and flash driver alone. Needs
build/release/ferry (or what FERRY names) and a RISC-V compiler.
    bench_bare.py [PROGRAMS]    PROGRAMS: a folder where firmware/bare/build.sh has been already"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import checks

FERRY = Path(os.environ.get("FERRY", checks.HERE / "build/release/ferry"))
PARTS = {"crc32": "CRC-32", "sha256": "SHA-256", "erase": "flash, erase a block of 64 KB",
         "program": "flash, program, page by page", "read": "flash, read",
         "received": "an update, until the last byte came",
         "update": "... and read back, checked and armed"}
MOST_S = 120


def build(folder):
    subprocess.run([checks.HERE / "firmware/bare/build.sh", folder], check=True,
                   env={**os.environ, "FERRY": str(FERRY)}, stdout=subprocess.DEVNULL)
    return folder


def count(programs, folder):
    """{part: instructions for each byte}."""
    flash, table = folder / "device/flash.bin", checks.HERE / "firmware/demo/partitions.csv"
    checks.run(FERRY, "device", "new", folder / "device", "--chip", "esp32c3",
               "--flash-size", "32MB", "--partitions", table,
               "--bootloader", programs / "bootloader.bin",
               "--app", f"ota_0={programs / 'bench.bin'}")
    done = subprocess.run(
        ["qemu-system-riscv32", "-M", "sifive_u", "-m", "128M", "-bios", "none", "-display",
         "none", "-monitor", "none", "-serial", "stdio", "-icount", "shift=0,sleep=off",
         "-semihosting-config", "enable=on,target=native", "-kernel", programs / "rom.elf",
         "-no-reboot", "-drive", f"if=mtd,format=raw,file={flash}"],
        check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=MOST_S)
    if done.returncode or "end -0" not in done.stdout:
        raise SystemExit(f"bench: the machine ended with {done.returncode}:\n{done.stdout}")
    return {part: int(n) / int(n_bytes) for part, n, n_bytes in
            re.findall(r"^(\w+) (\d+) (\d+)\s*$", done.stdout, re.M)}


def main():
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        counts = count(Path(sys.argv[1]) if sys.argv[1:] else build(place), place)
    print(f"{'':40} instructions a byte")
    for part, text in PARTS.items():
        print(f"{text:40} {counts[part]:12.2f}")


if __name__ == "__main__":
    main()
