"""scripts/check_size_floor.py bites: the page is changed instead of the code, and the code so that
a part can no longer be taken out. That it passes on the tree as it is, is a stage of its own: each
run links the clients a dozen times."""

import pytest


@pytest.fixture
def core(tree):
    return tree.copy("core", "include", "docs/design/size.md")


def test_other_number_on_the_page_is_found(core):
    page = (core.root / "docs/design/size.md").read_text()
    left = page.split("| signatures | ")[1].split("|")[1].strip()
    core.change("docs/design/size.md", f"| {left} |\n", f"| {int(left) * 9 // 10} |\n")
    core.finds("size_floor", "without signatures", f"{left} bytes")


def test_row_that_is_missing_on_the_page_is_found(core):
    page = (core.root / "docs/design/size.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith("| signatures"))
    core.change("docs/design/size.md", row + "\n", "")
    core.finds("size_floor", "6 rows", "7")


def test_part_that_cannot_be_taken_out_is_found(core):
    core.change("core/slots.c", "&ferry_slots_safe", "& ferry_slots_safe")
    core.finds("size_floor", "core/slots.c", "any more")


def test_other_number_of_nvs_is_found(core):
    page = (core.root / "docs/design/size.md").read_text()
    left = page.split("| encryption | ")[1].split("|")[1].strip()
    core.change("docs/design/size.md", f"| {left} |\n", f"| {int(left) * 9 // 10} |\n")
    core.finds("size_floor", "without encryption", f"{left} bytes")
