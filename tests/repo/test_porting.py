"""docs/porting.md is true: its commands run as they stand, the template refuses, and a port that
does what the guide says passes the suite that the guide names."""

import re
import subprocess

import pytest

from conftest import ROOT

# What stands for a chip: the four bodies of step 3.
BODIES = {
    "read": "memcpy(dst, cells + off_bytes, len_bytes);\n    return FERRY_OK;",
    "prog": "for (uint32_t i = 0; i < len_bytes; i++)\n"
            "        cells[off_bytes + i] &= ((const uint8_t *)src)[i];\n    return FERRY_OK;",
    "erase": "memset(cells + off_bytes, 0xff, len_bytes);\n    return FERRY_OK;",
    "sync": "(void)f;\n    return FERRY_OK;",
}


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs/porting.md").read_text(), re.S)


@pytest.fixture
def port(tree):
    tree.copy("ports/template", "include", "tests/port", "core", "crypto/portable.c",
              "cmake/ferry_sources.cmake", "cmake/toolchains")
    (tree.root / "build").mkdir()
    tree.sh = lambda text: subprocess.run(["bash", "-euc", text], cwd=tree.root, check=False,
                                          capture_output=True, text=True, timeout=120)
    done = tree.sh(blocks("sh")[0])
    assert done.returncode == 0, done.stderr
    tree.write("ports/mychip/judge.c", blocks("c")[0])
    return tree


def fill_in(port):
    path = port.root / "ports/mychip/flash_mychip.c"
    text = path.read_text()
    for name, body in BODIES.items():
        start = text.index(f"static ferry_err mychip_{name}(")
        at = text.index("return FERRY_ERR_FLASH_IO;", start)
        text = text[:at] + body + text[at + len("return FERRY_ERR_FLASH_IO;"):]
    text = text.replace('#include "flash_mychip.h"', '#include "flash_mychip.h"\n'
                        "#include <string.h>\nstatic uint8_t cells[0x100000];", 1)
    path.write_text(text)


def test_template_compiles_and_keeps_next_to_nothing(port):
    done = port.sh(blocks("sh")[1])
    assert done.returncode == 1, done.stderr
    assert "not kept: a sector can be erased" in done.stdout


def test_filled_in_it_passes(port):
    fill_in(port)
    done = port.sh(blocks("sh")[1])
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_a_fault_in_it_is_named(port):
    fill_in(port)
    port.change("ports/mychip/flash_mychip.c", "] &= ", "] = ")
    done = port.sh(blocks("sh")[1])
    assert done.returncode == 1
    assert "not kept" in done.stdout


def test_the_core_builds_for_a_chip_as_written(port):
    done = port.sh(blocks("sh")[2])
    assert done.returncode == 0, done.stderr
    assert (port.root / "build/update.o").is_file()
    assert (port.root / "build/flash_mychip.o").is_file()
