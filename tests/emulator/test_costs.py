"""Sizes and depths of stacks, measured and held against the table in docs/bare-metal.md; the
numbers of docs/bench.md against what the machine counts."""

import ast
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from board import STORAGE, send_update, stage
from costs import Costs
from machine import ROOT
from test_updater import Pair

BOOTLOADER_MOST = 16 * 1024


@pytest.fixture(scope="module")
def costs():
    return Costs()


def stack(machine):
    return int(machine.ask("stack").split()[1])


def test_images(programs, costs):
    sizes = {name: (programs / f"{name}.bin").stat().st_size
             for name in ("bootloader", "minimal", "updater", "bare-1.0.0")}
    assert sizes["bootloader"] <= BOOTLOADER_MOST
    costs.check("bootloader, starts an app", image=sizes["bootloader"])
    costs.check("minimal app", image=sizes["minimal"])
    costs.check("updater, takes an update of the app", image=sizes["updater"])
    costs.check("sample app, takes an update", image=sizes["bare-1.0.0"])


def test_stack_of_the_sample_app(board, costs):
    machine, _, _ = board.boot_as_predicted()
    assert send_update(machine, board.genuine["1.5.0"])[0] == "ok"
    costs.check("sample app, takes an update", stack=stack(machine))
    machine, _, _ = board.reboot(machine)
    assert machine.ask("confirm").strip() == "ok"
    costs.check("sample app, confirms", stack=stack(machine))
    machine, _, _ = board.reboot(machine)
    assert machine.ask("set name value").strip() == "ok"
    costs.check("sample app, writes a setting", stack=stack(machine))
    machine.kill()


def test_stack_of_a_reflash(board, costs):
    content = bytes(range(256)) * 400
    machine, _, _ = board.boot_as_predicted()
    line = stage("data", STORAGE, 0x20000, content)
    assert send_update(machine, content, line=line)[0] == "ok"
    assert machine.ask("reflash").split()[-1] == "ok"
    costs.check("sample app, reflashes", stack=stack(machine))
    machine, _, _ = board.reboot(machine)
    costs.check("bootloader, starts an app",
                stack=int(machine.said.split(b"boot: stack ")[1].split()[0]))
    machine.kill()
    board.cut_in_reflash(0x20000, random.Random(1))
    machine, _, _ = board.boot()
    assert b"boot: reflash wrote" in machine.said
    costs.check("bootloader, finishes a reflash",
                stack=int(machine.said.split(b"boot: stack ")[1].split()[0]))
    machine.kill()


def test_stack_of_the_updater(ferry, programs, tmp_path, costs):
    pair = Pair(ferry, programs, tmp_path, "ota")
    machine, _, _ = pair.boot_as_predicted()
    said = machine.expect(rb"starting the app in ota_1\r\nstack (\d+) bytes")
    costs.check("updater, starts the app", stack=int(said[1]))
    assert machine.end() == 0
    pair.power_on().kill()
    machine, _ = pair.boot()
    while b"ferry-updater" not in machine.said:
        machine.kill()
        machine, _ = pair.boot()
    pair.knock(machine)
    assert send_update(machine, pair.genuine["1.6.0"])[0] == "ok"
    costs.check("updater, takes an update of the app", stack=stack(machine))
    machine.kill()


def test_minimal_app_updates_itself(board):
    """What is counted as the least that updates itself does that."""
    board.ferry.ok("slots", "write", board.flash, "ota_0", board.programs / "minimal.bin",
                   *board.facts, "--force")
    image = board.genuine["1.5.0"]
    with board.power_on() as machine:
        machine.expect(rb"minimal 1.0.0\r\nlength\? ")
        machine.send(str(len(image)))
        sent = 0
        while sent < len(image):
            n = int(machine.expect(rb"want (\d+)\r\n")[1])
            machine.send(image[sent:sent + n])
            sent += n
        assert machine.end() == 0
    machine, version, slot = board.boot_as_predicted()
    assert (version, slot) == ("1.5.0", "ota_1")
    machine.kill()


def test_instructions_of_an_update(ferry, programs):
    """The table of docs/bench.md is what the machine counts, to two percent."""
    said = subprocess.run([sys.executable, ROOT / "scripts/bench_bare.py", programs], check=True,
                          text=True, stdout=subprocess.PIPE, timeout=120,
                          env={**os.environ, "FERRY": str(ferry.path)}).stdout
    part = (ROOT / "docs/bench.md").read_text().split("## Instructions of an update", 1)[1]
    said_there = dict(re.findall(r"^\| ([^|]+?) \| ([\d.]+) \|$", part, re.M))
    counted = dict(re.findall(r"^(.+?) {2,}([\d.]+)$", said, re.M))
    assert set(said_there) == set(counted)
    for what, n in counted.items():
        assert float(n) == pytest.approx(float(said_there[what]), rel=0.02, abs=0.01), what


def calls(path):
    """The rows and columns that a file's tests hold against what they measured."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "costs.check":
            for number in node.keywords:
                yield node.args[0].value, number.arg


def test_every_number_of_the_table_is_held(costs):
    here = Path(__file__)
    held = {*calls(here), *calls(here.with_name("test_network.py"))}
    there = {(what, column) for what, row in costs.rows.items()
             for column, n in zip(("image", "stack"), row, strict=True) if n}
    assert held == there


def test_what_grew_is_found():
    table = "## What it costs\n\n| app | 10,000 | 1,000 |\n| other | | 500 |\n"
    known = Costs(table)
    known.check("app", image=10100, stack=1000)
    for measured in ({"image": 10300}, {"image": 9000}, {"stack": 1001}, {"stack": 900}):
        with pytest.raises(AssertionError, match="app: (image|stack)"):
            known.check("app", **measured)
    with pytest.raises(AssertionError, match="not in the table"):
        known.check("other", image=1)
