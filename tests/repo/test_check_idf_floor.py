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
    rest = next(line for line in page.splitlines() if line.startswith("| the table and the "))
    project.change("docs/design/esp-idf.md", rest, "| the table and the opened device | 999 |")
    code, output = project.check("idf_floor")
    assert code != 0
    assert f"without redirects: {left} bytes" in output
    assert "the table and the opened device: " in output and "the page says 999" in output


def test_part_that_cannot_be_taken_out_is_found(project):
    project.change("core/slots.c", "&ferry_slots_safe", "& ferry_slots_safe")
    project.finds("idf_floor", "core/slots.c", "any more")


def test_floor_that_is_not_all_there_is_found(project):
    """A call of what the floor does not link would make it look smaller than it is."""
    project.change("core/slots_idf.c", "ferry_err err = ferry_region_erase(",
                   "extern ferry_err ferry_absent(void);\n    ferry_err err = ferry_absent();\n"
                   "    err = ferry_region_erase(")
    project.finds("idf_floor", "does not link", "ferry_absent")
