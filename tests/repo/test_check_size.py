"""scripts/check_size.py bites: the table is changed instead of the code, which is the same."""

import re

import pytest

TABLE = "docs/size.md"


@pytest.fixture
def built(tree):
    tree.copy("include", "ports")
    for preset in ("rv32", "xtensa"):
        tree.copy(f"build/{preset}/libferry_core.a", f"build/{preset}/libferry_crypto_portable.a",
                  f"build/{preset}/CMakeFiles/ferry_core.dir",
                  f"build/{preset}/CMakeFiles/ferry_crypto_portable.dir")
    code, output = tree.check("size", "--update")
    assert code == 0, output
    tree.passes("size")
    return tree


def shrink(tree, pattern, percent):
    """Makes the first number after the pattern smaller, as if the code had grown since."""
    path = tree.root / TABLE
    text = path.read_text()
    match = re.search(pattern + r"(\d+)", text)
    smaller = str(int(match[1]) * (100 - percent) // 100)
    path.write_text(text[:match.start(1)] + smaller + text[match.end(1):])


def test_grown_object_is_found(built):
    shrink(built, r"\| core/update\.c \| ", 5)
    built.finds("size", "rv32: core/update.c grew")


def test_grown_function_is_found(built):
    shrink(built, r"\| core/image\.c:ferry_image_feed \| ", 5)
    built.finds("size", "rv32: core/image.c:ferry_image_feed grew")


def test_grown_client_and_port_are_found(built):
    shrink(built, r"An update client links ", 5)
    shrink(built, r"The ESP32-C3's port links ", 5)
    code, output = built.check("size")
    assert code == 1 and "rv32: an update client grew" in output
    assert "rv32: the ESP32-C3's port grew" in output


def test_grown_nvs_client_is_found(built):
    shrink(built, r"An NVS client links ", 5)
    built.finds("size", "rv32: an NVS client grew")


def test_grown_work_memory_is_found(built):
    shrink(built, r"An open NVS store takes ", 30)
    built.finds("size", "rv32: an open NVS store grew")


def test_growth_under_two_percent_passes(built):
    shrink(built, r"\| core/update\.c \| ", 1)
    built.passes("size")


def test_new_function_is_found(built):
    path = built.root / TABLE
    path.write_text(re.sub(r"\| core/crc32\.c:.*\n", "", path.read_text(), count=1))
    built.finds("size", "rv32: core/crc32.c:ferry_crc32 is not in the table")


def test_deep_stack_is_found_whatever_the_table_says(built):
    usage = built.root / "build/rv32/CMakeFiles/ferry_core.dir/core/crc32.c.su"
    usage.write_text(re.sub(r"\t\d+\t", "\t512\t", usage.read_text()))
    code, output = built.check("size", "--update")
    assert code == 1 and "ferry_crc32 uses 512 bytes of stack" in output
