"""The power test of reflash catches what it is there to catch: each fault is planted in a copy of
the core, and the sweep over the copy must fail. A fault that cannot be planted any more fails
too."""

import pytest
from planted import CRYPTO, Program

FAULTS = {
    "a destination changes before the journal stands": (
        "core/reflash.c",
        "    err = ferry_journal_write(",
        "    const struct ferry_region chip = ferry__reflash_chip(r);\n"
        "    err = ferry_region_erase(&chip, r->plan.steps[0].dest_off_bytes, 4096, false);\n"
        "    if (err)\n        return err;\n"
        "    err = ferry_journal_write(",
    ),
    "a chunk is marked done before it is written and read back": (
        "core/reflash.c",
        "            is_begun = true;\n",
        "            is_begun = true;\n            if (!err)\n"
        "                err = ferry_journal_end_chunk(&r->journal, r->chunk, &r->fault);\n",
    ),
    "a chunk is not marked before its first change": (
        "core/reflash.c",
        "err = ferry_journal_begin_chunk(&r->journal, r->chunk, &r->fault);",
        "err = FERRY_OK;",
    ),
    "the journal is trusted without its hash": (
        "core/journal.c",
        "if (!ferry_equal_const_time(stands, counts, sizeof(stands)))",
        "if (memcmp(work, \"FRYJ\", 4) != 0)",
    ),
    "sectors that are finished are erased again": (
        "core/reflash.c",
        "        if (!r->redo) {\n",
        "        if (r->n_written > 1000) {\n",
    ),
    "the plan is closed before its last step": (
        "core/reflash.c",
        "if (++r->step < r->plan.n_steps)",
        "if (++r->step + 1 < r->plan.n_steps)",
    ),
    "what decides about booting has no place in the order": (
        "core/reflash_boot.c",
        "    if (!o->b->n_differ[i])\n        return false;\n",
        "    if (o->b->n_differ[i] < 1000)\n        return false;\n",
    ),
    "a region is overwritten before the step that reads it": (
        "core/reflash_boot.c",
        "if (k != i && s->source == FERRY_SOURCE_MOVED &&",
        "if (k != i && s->source == FERRY_SOURCE_HELD &&",
    ),
    "a window is kept quiet": (
        "core/reflash_boot.c",
        "    rep->window_sectors += o->b->n_differ[i];\n",
        "",
    ),
    "after a cut the work begins one chunk too far": (
        "core/reflash.c",
        "seek(r, !err && is_done ? chunk + 1 : chunk);",
        "seek(r, !err ? chunk + 1 : chunk);",
    ),
}

SWEEP = Program("test_power_reflash", "tests/power/test_power_reflash.c",
                "tests/support/app_image.c", "tests/support/reflash_world.c", *CRYPTO,
                words=("--seeds", "24"), core=lambda name: not name.startswith("nvs"),
                optimise="-O1")


def test_core_as_it_is_passes(tmp_path):
    SWEEP.passes(tmp_path)


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault_is_caught(tmp_path, fault):
    SWEEP.catches(tmp_path, [FAULTS[fault]])
