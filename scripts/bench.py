#!/usr/bin/env python3
"""Times the command line beside other people's tools on the same files, in one run.

Each number is the best of several runs of a whole process, start included, with the files in the
page cache and the result not there before. The two take turns, so that whatever else the machine
does meets both. Memory is the largest peak of what the process had resident, mapped files,
libraries and its own text included. Needs build/release (or what BUILD names),
build/venv and build/firmware."""

import os
import tempfile
from pathlib import Path

import checks

TURNS, OURS_A_TURN = 10, 8
VENV = checks.HERE / "build/venv/bin"
BUILD = checks.HERE / os.environ.get("BUILD", "build/release")
FERRY = BUILD / "ferry"
FIRMWARE = checks.HERE / "build/firmware/micropython.bin"
ESPTOOL, MP_TOOL = VENV / "esptool", VENV / "mp-image-tool-esp32"
CSV = """nvs, data, nvs, 0x9000, 0x5000
otadata, data, ota, 0xe000, 0x2000
factory, app, factory, 0x10000, 0x1f0000
vfs, data, fat, 0x200000, 0x200000
"""


def best(rounds, output, command):
    """(ms, peak KB) of the best of several runs; a failing command ends the bench."""
    said = checks.run(BUILD / "bench/best_run", rounds, output or "-", *command)
    ms, peak_kb = said.split()
    return float(ms), int(peak_kb)


def best_of(runs):
    times, peaks = zip(*runs)
    return min(times), max(peaks)


def compare(what, ours, theirs, output=None, name=None):
    """A line: the same job by ferry and by another tool; output is what both would write."""
    turns = [(best(OURS_A_TURN, output, ours), best(1, output, theirs)) for _ in range(TURNS)]
    mine, mine_kb = best_of(turn[0] for turn in turns)
    other, other_kb = best_of(turn[1] for turn in turns)
    print(f"{what:34} {mine:7.2f} {mine_kb / 1024:6.1f}   {name or Path(theirs[0]).name:20}"
          f"{other:7.1f} {other_kb / 1024:6.1f} {other / mine:7.1f} x")


class Files:
    """A release in the shapes that its users meet."""

    def __init__(self, folder):
        self.out = folder / "out.bin"
        self.merged, self.flash = folder / "mp.bin", folder / "flash.bin"
        self.boot, self.table = folder / "boot.bin", folder / "table.bin"
        self.app, self.csv = folder / "mp.app-bin", folder / "parts.csv"
        content = FIRMWARE.read_bytes()
        self.merged.write_bytes(content)
        self.boot.write_bytes(content[:0x7000])
        self.table.write_bytes(content[0x7000:0x7C00])
        self.csv.write_text(CSV)
        self.csv_with_flags = folder / "flags.csv"  # the other tool's are numbers, and no option
        self.csv_with_flags.write_text(CSV.replace("\n", ", 0\n"))
        checks.run(MP_TOOL, "--extract-app", "--output", self.app, self.merged, cwd=folder)
        two = folder / "two.bin"
        checks.run(MP_TOOL, "--flash-size", "8M", "--table", "ota", "--output", two, self.merged)
        checks.run(ESPTOOL, "--chip", "esp32", "merge-bin", "--output", self.flash,
                   "--pad-to-size", "8MB", "0x1000", two)
        self.two = two
        self.nvs = folder / "nvs.csv"
        self.nvs.write_text(nvs_csv())


def nvs_csv():
    """Settings, certificates and blobs that fill all but a page of 64 KB."""
    rows = ["key,type,encoding,value"]
    for space in range(6):
        rows.append(f"space{space},namespace,,")
        rows += [f"count{i},data,u32,{i}" for i in range(60)]
        rows += [f"text{i},data,string,{'setting ' * 8}" for i in range(20)]
        rows += [f"cert{i},data,string,{'MIIB' * 400}" for i in range(2)]
        rows.append(f"blob,data,hex2bin,{'5a' * 1200}")
    return "\n".join(rows) + "\n"


def nvs_jobs(f):
    """Both must give the same bytes, or the times mean nothing."""
    ours = [FERRY, "nvs", "build", f.nvs, f.out, "--size", "0x10000"]
    theirs = [VENV / "python", "-m", "esp_idf_nvs_partition_gen", "generate", f.nvs, f.out,
              "0x10000"]
    made = []
    for command in (ours, theirs):
        checks.run(*command)
        made.append(f.out.read_bytes())
    assert made[0] == made[1], "ferry and the generator differ"
    compare("nvs build, 64 KB from CSV", ours, theirs, f.out, "nvs_partition_gen")


def jobs(f):
    parts = ["0x1000", f.boot, "0x8000", f.table, "0x10000", f.app]
    compare("image info, 1.6 MB", [FERRY, "image", "info", f.app], [ESPTOOL, "image-info", f.app])
    compare("image verify, 1.6 MB", [FERRY, "image", "verify", f.app],
            [ESPTOOL, "image-info", f.app])
    compare("image extract, 1.6 MB", [FERRY, "image", "extract", f.merged, "-o", f.out],
            [MP_TOOL, "--extract-app", "--output", f.out, f.merged], f.out)
    compare("image merge, 1.7 MB",
            [FERRY, "image", "merge", "--chip", "esp32", "-o", f.out, *parts],
            [ESPTOOL, "--chip", "esp32", "merge-bin", "-o", f.out, *parts], f.out)
    compare("partitions show, flash of 8 MB", [FERRY, "partitions", "show", f.flash],
            [MP_TOOL, "--quiet", f.two])
    theirs = [MP_TOOL, "--quiet", "--from-csv", f.csv_with_flags, "--output", f.out, f.merged]
    # Nobody else builds a table alone: the other tool puts it into a copy of the firmware.
    compare("partitions build, from CSV", [FERRY, "partitions", "build", f.csv, "-o", f.out],
            theirs, f.out)
    compare("partitions edit, into a firmware",
            [FERRY, "partitions", "edit", f.merged, "--from", f.csv, "-o", f.out],
            theirs, f.out)


def main():
    with tempfile.TemporaryDirectory() as name:
        f = Files(Path(name))
        print(f"{'':34}{'ms':>8} {'MB':>6}   {'':20}{'ms':>7} {'MB':>6}")
        start, start_kb = best(TURNS * OURS_A_TURN, None, [FERRY, "--version"])
        print(f"{'to start and end':34} {start:7.2f} {start_kb / 1024:6.1f}")
        jobs(f)
        nvs_jobs(f)
        update, update_kb = best(5, None, [FERRY, "update", f.flash, f.app, "--chip", "esp32"])
        done = f.app.stat().st_size / 1048576 / (update / 1000)
        print(f"{'update, checked and on disk':34} {update:7.2f} {update_kb / 1024:6.1f}   "
              f"{done:.0f} MB/s")


main()
