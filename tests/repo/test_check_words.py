"""scripts/check_words.py bites. The words are spelt in pieces, because this file is checked too."""

import pytest


@pytest.mark.parametrize("text", [
    "cd /wo" "rk/main",
    "see ../sha" "red/notes",
    "fetch https://py" "pi.org/simple",
    "// TO" "DO later",
    'puts("not imple' 'mented");',
    "make || tr" "ue",
])
def test_word_that_does_not_belong_is_found(tree, text):
    tree.write("docs/page.md", "A network of words.\n")
    tree.passes("words")
    tree.write("core/file.c", f"line\n{text}\n")
    tree.finds("words", "core/file.c:2")
