"""The power test catches what it is there to catch: each fault is planted in a copy of the core,
and the sweep over the copy must fail. A fault that cannot be planted any more fails too."""

import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

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

SOURCES = [
    "tests/power/test_power.c",
    "tests/power/scenarios.c",
    "tests/support/app_image.c",
    "tests/support/bench_device.c",
    "ports/sim/sim_flash.c",
    "crypto/openssl.c",
    "crypto/openssl_verify.c",
]


def build(tree: pathlib.Path) -> pathlib.Path:
    program = tree / "test_power"
    includes = ["include", ".", "ports/sim", "tests/support", "tests/power"]
    subprocess.run(
        ["gcc", "-std=c11", "-O2", *[f"-I{tree / i}" for i in includes]]
        + [str(tree / s) for s in SOURCES]
        + [str(p) for p in sorted((tree / "core").glob("*.c"))]
        + ["-lcrypto", "-o", str(program)],
        check=True,
    )
    return program


def copy_of_the_tree(to: pathlib.Path) -> pathlib.Path:
    for part in ("core", "crypto", "include", "ports/sim", "tests/support", "tests/power"):
        shutil.copytree(ROOT / part, to / part)
    return to


def plant(tree: pathlib.Path, changes) -> None:
    for name, old, new in changes:
        path = tree / name
        text = path.read_text()
        assert text.count(old) == 1, f"{name} has no longer one place that says: {old}"
        path.write_text(text.replace(old, new))


def sweep(program: pathlib.Path) -> subprocess.CompletedProcess:
    command = [str(program), "--seeds", "40", "--second-every", "20"]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_core_as_it_is_passes(tmp_path):
    result = sweep(build(copy_of_the_tree(tmp_path / "tree")))
    assert result.returncode == 0, result.stdout[-2000:]
    assert " 0 failed" in result.stdout.splitlines()[-1]


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault_is_caught(tmp_path, fault):
    tree = copy_of_the_tree(tmp_path / "tree")
    plant(tree, FAULTS[fault])
    result = sweep(build(tree))
    assert result.returncode == 1, f"{fault}: the sweep noticed nothing"
    assert not result.stdout.splitlines()[-1].endswith(" 0 failed")
