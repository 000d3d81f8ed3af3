"""scripts/check_size_floor.py bites: the page is changed instead of the code, and the code so that
a part can no longer be taken out. That it passes on the tree as it is, is a stage of its own: each
run links the clients a dozen times."""

import pytest


@pytest.fixture
def core(tree):
    return tree.copy("core", "include", "docs/design/size.md")


def cell(core, row):
    """The last cell of a row of the page."""
    page = (core.root / "docs/design/size.md").read_text()
    return page.split(f"| {row} | ")[1].split("|")[1].strip()


def test_faults_of_the_page_are_found(core):
    """Another number in one table, a missing row in the other: one run tells both."""
    left = cell(core, "signatures")
    core.change("docs/design/size.md", f"| {left} |\n", f"| {int(left) * 9 // 10} |\n")
    page = (core.root / "docs/design/size.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith("| encryption"))
    core.change("docs/design/size.md", row + "\n", "")
    code, output = core.check("size_floor")
    assert code != 0
    assert "without signatures" in output and f"{left} bytes" in output, output
    assert "rows, the script" in output, output


def test_part_that_cannot_be_taken_out_is_found(core):
    core.change("core/slots.c", "&ferry_slots_safe", "& ferry_slots_safe")
    core.finds("size_floor", "core/slots.c", "any more")
