"""scripts/check_format.py bites."""

import pytest

GOOD = "/* core/good.c - a file. */\nint good(void)\n{\n    return 1;\n}\n"


@pytest.fixture
def sources(tree):
    tree.copy(".clang-format")
    tree.write("core/good.c", GOOD)
    tree.passes("format")
    return tree


def test_layout_of_another_taste_is_found(sources):
    sources.write("core/good.c", GOOD.replace("{\n    return", "{\n  return"))
    sources.finds("format", "core/good.c:3", "clang-format")


def test_long_line_is_found(sources):
    sources.write("scripts/long.py", "x = 1  # " + "y" * 100 + "\n")
    sources.finds("format", "scripts/long.py:1", "109 columns")


def test_blank_at_the_end_of_a_line_is_found(sources):
    sources.write("scripts/blank.sh", "true \n")
    sources.finds("format", "scripts/blank.sh:1", "blanks")


def test_long_file_is_found(sources):
    sources.write("core/good.c", GOOD + "int many;\n" * 600)
    sources.finds("format", "core/good.c", "605 lines")


def test_long_function_is_found(sources):
    body = "    more();\n" * 80
    sources.write("core/good.c", GOOD.replace("    return", body + "    return"))
    sources.finds("format", "core/good.c:3", "function of 83 lines")


def test_two_files_of_one_name_are_found(sources):
    sources.write("host/good.c", GOOD)
    sources.finds("format", "core/good.c, host/good.c")
