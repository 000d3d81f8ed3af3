"""The bootloader on the machine finishes a reflash that waits in the journal, whatever the power
does meanwhile, and the app boots afterwards."""

import hashlib
import random
import sys

from board import SLOTS
from machine import FLASH_BYTES, ROOT, Silence

sys.path.insert(0, str(ROOT / "tests/e2e"))
import reflash_bench  # noqa: E402  (journals made by code that shares nothing with ferry)

DATA_KIND, STAGED = 1, 1
JOURNAL = FLASH_BYTES - 4096
STAGING, STORAGE = SLOTS["ota_1"] + 0x1000, 0x210000
CONTENT = 0x30000
N_CUTS = 20


def put(board, offset, data):
    with open(board.flash, "r+b") as file:
        file.seek(offset)
        file.write(data)


def plan_waits(board, seed):
    """Two contents are staged in ota_1 and are to go into the storage partition."""
    contents = [reflash_bench.noise(CONTENT, seed), reflash_bench.noise(CONTENT - 0x1234, seed + 1)]
    steps = []
    for i, data in enumerate(contents):
        put(board, STAGING + i * CONTENT, data)
        steps.append((DATA_KIND, STAGED, 0, STORAGE + i * CONTENT, CONTENT, len(data),
                      STAGING + i * CONTENT, hashlib.sha256(data).digest()))
    put(board, JOURNAL, reflash_bench.journal(steps, journal_at=JOURNAL, flash=FLASH_BYTES))
    return b"".join(data.ljust(CONTENT, b"\xff") for data in contents)


def state(board):
    return board.ferry.ok("reflash", "status", board.flash, "--chip", "esp32c3", "--json").json


def is_done(board, content):
    return board.read(STORAGE, len(content)) == content


def test_bootloader_finishes_a_plan(board):
    content = plan_waits(board, 1)
    assert state(board)["state"] == "unfinished"
    machine, version, slot = board.boot()
    assert (version, slot) == ("1.0.0", "ota_0")
    assert b"boot: reflash wrote 95 sectors\r\n" in machine.said
    machine.kill()
    assert state(board)["state"] == "finished" and is_done(board, content)
    machine, _, _ = board.boot_as_predicted()
    assert b"reflash" not in machine.said
    machine.kill()


def cut_until_done(board, chance):
    """Boots again and again, each time a little longer, until the app starts; the cuts."""
    n_cuts = 0
    while n_cuts < 100:
        with board.power_on() as machine:
            try:
                machine.expect(rb"ferry-bare 1.0.0\r\n", chance.uniform(0.05, 0.4 + 0.1 * n_cuts))
                return n_cuts
            except Silence:
                n_cuts += 1
        assert state(board)["state"] in ("unfinished", "finished")
    raise AssertionError("the plan does not come to its end")


def test_plan_is_finished_through_power_cuts(board):
    chance = random.Random(7)
    n_cuts = n_plans = 0
    while n_cuts < N_CUTS and n_plans < 40:
        content = plan_waits(board, 10 + 2 * n_plans)
        n_plans += 1
        n_cuts += cut_until_done(board, chance)
        assert state(board)["state"] == "finished" and is_done(board, content)
    assert n_cuts >= N_CUTS
    print(f"{n_cuts} cuts in {n_plans} plans")
    machine, version, _ = board.boot_as_predicted()
    assert version == "1.0.0"
    machine.kill()


def test_plan_with_a_damaged_source_does_not_keep_the_app_from_booting(board):
    plan_waits(board, 3)
    put(board, STAGING + 5000, b"\0" * 8)
    machine, version, _ = board.boot()
    assert version == "1.0.0" and b"boot: reflash -728\r\n" in machine.said
    machine.kill()
