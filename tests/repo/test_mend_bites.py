"""test_mend catches what it is there to catch: each fault is planted in a copy of the core, and the
test built over the copy must fail. A fault that cannot be planted any more fails too."""

import pytest
from planted import CRYPTO, Program
MEND = "core/slots_mend.c"
FAULTS = {
    "the fresh entry takes the place of the active one": (
        MEND, "*place = active >= 0 ? 1 - active : 0;", "*place = active >= 0 ? active : 0;"),
    "the active entry goes before another one decides": (
        MEND, "            err = write_fresh(d, &v, &keep);",
        "        {\n            if (active >= 0)\n"
        "                err = ferry__entry_erase(d, &v, active);\n"
        "            if (!err)\n                err = write_fresh(d, &v, &keep);\n        }"),
    "nobody looks at the image": (
        MEND, "ferry_device_verify(d, s->names[i]) == FERRY_OK", "d->n_slots"),
    "the number is not looked at": (
        MEND, "return seq <= UINT32_MAX - 2u * d->n_slots;", "return seq != 0 || d->n_slots;"),
}
MEND_TEST = Program("test_mend", "tests/unit/test_mend.c", "tests/support/app_image.c",
                    "tests/support/bench_device.c", *CRYPTO, optimise="-O1")


def test_core_as_it_is_passes(tmp_path):
    MEND_TEST.passes(tmp_path)


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault_is_caught(tmp_path, fault):
    MEND_TEST.catches(tmp_path, [FAULTS[fault]])
