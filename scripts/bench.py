#!/usr/bin/env python3
"""Times the command line beside other people's tools on the same files, in one run: the best of
several, process start included. Needs build/release, build/venv and build/firmware."""

import subprocess
import tempfile
import time
from pathlib import Path

import checks

ROUNDS = 5
VENV = checks.HERE / "build/venv/bin"
FERRY = checks.HERE / "build/release/ferry"
FIRMWARE = checks.HERE / "build/firmware/micropython.bin"


def best_ms(command, cwd):
    """The shortest of ROUNDS runs; a failing command ends the bench with its words."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        checks.run(*command, cwd=cwd)
        times.append((time.perf_counter() - start) * 1000)
    return min(times)


def compare(what, ours, theirs, name, cwd):
    mine, other = best_ms(ours, cwd), best_ms(theirs, cwd)
    print(f"{what:42} ferry {mine:8.1f} ms   {name} {other:8.1f} ms   {other / mine:6.1f} x")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        combined, flash = folder / "mp.bin", folder / "flash.bin"
        combined.write_bytes(FIRMWARE.read_bytes())
        mp_tool = VENV / "mp-image-tool-esp32"
        checks.run(mp_tool, "--extract-app", combined, cwd=folder)
        app = folder / "mp.app-bin"
        checks.run(mp_tool, "--flash-size", "8M", "--table", "ota", "--output", "two.bin", combined,
                   cwd=folder)
        checks.run(VENV / "esptool", "--chip", "esp32", "merge-bin", "--output", flash,
                   "--pad-to-size", "8MB", "0x1000", "two.bin", cwd=folder)
        compare("verify an app image of 1.6 MB", [FERRY, "image", "verify", app],
                [VENV / "esptool", "image-info", app], "esptool", folder)
        compare("show the table of a flash of 8 MB", [FERRY, "partitions", "show", flash],
                [mp_tool, "--quiet", "two.bin"], "mp-image-tool-esp32", folder)
        update = best_ms([FERRY, "update", flash, app, "--chip", "esp32"], folder)
        done = app.stat().st_size / 1048576 / (update / 1000)
        print(f"{'update, with flash file, checks and sync':42} ferry {update:8.1f} ms   "
              f"{done:.0f} MB/s")


main()
