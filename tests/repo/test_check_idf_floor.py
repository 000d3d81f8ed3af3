"""scripts/check_idf_floor.py bites: the page is changed instead of the code, and the code so that a
part can no longer be taken out. That it passes on the tree as it is, is a stage of its own."""

import pytest


@pytest.fixture
def project(tree):
    return tree.copy("cmake", "include", "core", "agent", "crypto", "ports/esp-idf", "tests/idf",
                     "docs/design/esp-idf.md")


def test_other_number_on_the_page_is_found(project):
    page = (project.root / "docs/design/esp-idf.md").read_text()
    left = page.split("| redirects | ")[1].split("|")[1].strip()
    project.change("docs/design/esp-idf.md", f"| {left} |\n", f"| {int(left) * 9 // 10} |\n")
    project.finds("idf_floor", "without redirects", f"{left} bytes")


def test_part_that_cannot_be_taken_out_is_found(project):
    project.change("core/slots.c", "&ferry_slots_safe", "& ferry_slots_safe")
    project.finds("idf_floor", "core/slots.c", "any more")
