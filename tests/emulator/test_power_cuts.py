"""Power cuts on the emulated machine: SIGKILL at random moments of boot, update, confirm, reject,
force, reflash and writing to NVS. It always boots a genuine release, and the one that it must."""

import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from board import Board
from machine import run_script, tree_with_fault
from power_cuts import Broken, Lives

N_CUTS = int(os.environ.get("CUTS", "300"))
N_BOARDS = 2
SEED = int(os.environ.get("CUTS_SEED", str(int(time.time()))))

# The slot is armed before the image's end is written, read back and its first bytes stand.
FLIP_BEFORE_VERIFY = [
    ("core/update.c", "static ferry_err end_receiving(",
     "static ferry_err flip(struct ferry_update *u);\nstatic ferry_err end_receiving("),
    ("core/update.c", "    const uint32_t rest = u->got_bytes % u->cfg.work_bytes;\n",
     "    err = flip(u);\n    if (err)\n        return err;\n"
     "    const uint32_t rest = u->got_bytes % u->cfg.work_bytes;\n"),
]


def lives(ferry, programs, folder, seed, n_cuts):
    folder.mkdir()
    return Lives(Board(ferry, programs, folder), seed).run(n_cuts)


def test_always_boots_a_genuine_release(ferry, programs, tmp_path, capsys):
    with ThreadPoolExecutor(N_BOARDS) as boards:
        jobs = [boards.submit(lives, ferry, programs, tmp_path / str(i), SEED + i,
                              -(-N_CUTS // N_BOARDS)) for i in range(N_BOARDS)]
        done = [job.result() for job in jobs]
    cuts = sum((life.cuts for life in done), Counter())
    facts = sum((life.facts for life in done), Counter())
    with capsys.disabled():
        print(f"\nseed {SEED}: {sum(cuts.values())} cuts: "
              + ", ".join(f"{n} in {deed}" for deed, n in cuts.most_common())
              + "; " + ", ".join(f"{n} {what}" for what, n in sorted(facts.items())))
    assert sum(life.n_cuts for life in done) >= N_CUTS
    if N_CUTS >= 300:  # enough for chance to have been everywhere
        for deed in ("boot", "receiving", "checking", "confirm", "set", "reflash"):
            assert cuts[deed], cuts
        for what in ("confirmed", "updated", "went back", "resumed", "reflashed",
                     "reflashes finished by the bootloader"):
            assert facts[what], facts


def test_slot_armed_too_early_is_caught(ferry, tmp_path):
    tree = tree_with_fault(tmp_path / "tree", *FLIP_BEFORE_VERIFY)
    run_script(tree, "firmware/bare/build.sh", tmp_path / "bare", env={"FERRY": str(ferry.path)})
    with pytest.raises(Broken, match="is selected and does not boot"):
        lives(ferry, tmp_path / "bare", tmp_path / "device", SEED, 100)
