"""The power test catches what it is there to catch: each fault is planted in a copy of the core,
and the sweep over the copy must fail. A fault that cannot be planted any more fails too."""

import pytest
from planted import CRYPTO, Program

FAULTS = {
    "header not held back, slot armed before it was read back": [
        ("core/update.c", "u->phase = UPDATE_READING_BACK;", "u->phase = UPDATE_FLIPPING;"),
        ("core/update.c", "skip = ferry__update_head_bytes(u);", "skip = 0;"),
        (
            "core/update.c",
            "    const uint32_t rest = u->got_bytes % u->cfg.work_bytes;\n",
            "    err = flip(u);\n    if (err)\n        return err;\n"
            "    const uint32_t rest = u->got_bytes % u->cfg.work_bytes;\n",
        ),
        (
            "core/update.c",
            "static ferry_err end_receiving(",
            "static ferry_err flip(struct ferry_update *u);\nstatic ferry_err end_receiving(",
        ),
    ],
    "the only good entry is erased": [
        ("core/slots_safe.c", "if (v.s.names[i] != target)", "if (v.s.names[i] == target)"),
    ],
    "an entry is written in one go": [
        (
            "core/slots_safe.c",
            "return FERRY_OTADATA_CRC_OFF - FERRY_OTADATA_CRC_OFF % r->flash->prog_bytes;",
            "(void)r;\n    return 0;",
        ),
    ],
    "a blank-looking sector is trusted": [
        (
            "core/slots_safe.c",
            "    if (!is_erased)\n",
            "    uint8_t probe[FERRY_OTADATA_BYTES];\n"
            "    bool blank = !ferry_region_read(&v->region, off, probe, sizeof(probe));\n"
            "    for (uint32_t k = 0; k < sizeof(probe); k++)\n"
            "        blank = blank && probe[k] == 0xff;\n"
            "    if (!is_erased && !blank)\n",
        ),
    ],
}

SWEEP = Program("test_power", "tests/power/test_power.c", "tests/power/scenarios.c",
                "tests/support/app_image.c", "tests/support/bench_device.c", *CRYPTO,
                words=("--seeds", "40", "--second-every", "20"))


def test_core_as_it_is_passes(tmp_path):
    SWEEP.passes(tmp_path)


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault_is_caught(tmp_path, fault):
    SWEEP.catches(tmp_path, FAULTS[fault])
