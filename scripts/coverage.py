#!/usr/bin/env python3
"""Line coverage of the rooms by the tests in C, of the command line and of the server, held above
the floors in scripts/coverage_floor.txt. Expects the preset coverage built and build/venv made."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import checks

BUILD = Path("build/coverage")
FLOORS = Path("scripts/coverage_floor.txt")
SUMMARY = BUILD / "coverage.json"
# Who is killed says nothing of what it ran; one database shows what both are asked.
SERVER_TESTS = "not killed and not is_cut and (not postgres or test_engines or test_faults)"


def floors(root):
    pairs = (line.split() for line in (root / FLOORS).read_text().splitlines()
             if line and not line.startswith("#"))
    return {room: float(least) for room, least in pairs}


def run_tests(root):
    """Counts from zero; a failing test ends the check."""
    for counts in (root / BUILD).rglob("*.gcda"):
        counts.unlink()
    environment = dict(os.environ, FERRY=str(root / BUILD / "ferry"),
                       FERRYD=str(root / BUILD / "ferryd"), COMPAT=str(root / BUILD / "tests"))
    pytest = ["build/venv/bin/pytest", "-q", "-x", "-n2", "--dist", "worksteal"]
    for command in (["ctest", "--test-dir", BUILD, "-j2", "--output-on-failure"],
                    [*pytest, "tests/e2e"],
                    [*pytest, "tests/server", "-k", SERVER_TESTS]):
        done = subprocess.run(command, cwd=root, env=environment, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            sys.exit(f"coverage: {command[0]} failed\n{done.stdout[-4000:]}")


def by_room(summary, rooms):
    """{room: (lines covered, lines)}."""
    found = defaultdict(lambda: (0, 0))
    for file in summary["files"]:
        room = next((room for room in rooms if file["filename"].startswith(room + "/")), None)
        if room:
            covered, total = found[room]
            found[room] = (covered + file["line_covered"], total + file["line_total"])
    return found


def main():
    args = checks.arguments(__doc__)
    least = floors(args.root)
    run_tests(args.root)
    checks.run("gcovr", "--root", ".", "--object-directory", BUILD, "--json-summary", SUMMARY,
               *(word for room in least for word in ("--filter", room + "/")), cwd=args.root)
    found, said = [], []
    rooms = by_room(json.loads((args.root / SUMMARY).read_text()), least)
    for room, floor in least.items():
        covered, total = rooms[room]
        percent = 100.0 * covered / total if total else 0.0
        said.append(f"{room} {percent:.1f} %")
        if percent < floor:
            found.append(f"{room}: {covered} of {total} lines, {percent:.1f} %; "
                         f"the floor is {floor:g} %")
    checks.finish("coverage", found, ", ".join(said))


main()
