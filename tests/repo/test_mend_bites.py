"""test_mend catches what it is there to catch: each fault is planted in a copy of the core, and the
test built over the copy must fail. A fault that cannot be planted any more fails too."""

import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
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
SOURCES = ["tests/unit/test_mend.c", "tests/support/app_image.c", "tests/support/bench_device.c",
           "ports/sim/sim_flash.c", "crypto/openssl.c", "crypto/openssl_verify.c"]


@pytest.fixture
def tree(tmp_path):
    for part in ("core", "crypto", "include", "ports/sim", "tests/support", "tests/unit"):
        shutil.copytree(ROOT / part, tmp_path / part)
    return tmp_path


def run(tree):
    program = tree / "test_mend"
    includes = ["include", ".", "ports/sim", "tests/support"]
    subprocess.run(["gcc", "-std=c11", "-O1", *[f"-I{tree / i}" for i in includes],
                    *[str(tree / s) for s in SOURCES],
                    *[str(p) for p in sorted((tree / "core").glob("*.c"))],
                    "-lcrypto", "-o", str(program)], check=True)
    return subprocess.run([str(program)], check=False, stdout=subprocess.PIPE, text=True,
                          timeout=120)


def test_core_as_it_is_passes(tree):
    assert run(tree).returncode == 0


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault_is_caught(tree, fault):
    name, old, new = FAULTS[fault]
    text = (tree / name).read_text()
    assert text.count(old) == 1, f"{name} has no longer one place that says: {old}"
    (tree / name).write_text(text.replace(old, new))
    assert run(tree).returncode == 1, f"{fault}: test_mend noticed nothing"
