"""scripts/check_docs.py bites."""

import pytest


@pytest.fixture
def docs(tree):
    tree.copy("docs", "include", "examples/reflash", "examples/esp32c3-baremetal", "packaging",
              "ports/sifive-u/README.md", "ports/virt/README.md", "host/sentence.c",
              "build/release/ferry", "build/release/ferryd")
    tree.write("README.md", "See [design](docs/design.md).\n")
    tree.write("docs/coverage.md", "| S0-01 | a thing | done | `tests/unit/test_it.c:it_works` |\n")
    tree.write("tests/unit/test_it.c", "static void it_works(void);\n")
    for page in ("design", "testing", "porting"):  # they point into the whole tree
        tree.write(f"docs/{page}.md", "# Page\n\n## The way of the data\n"
                   "## otadata, written safely\n## The flash model\n"
                   "## Resume, and the bytes written last\n## Trust\n## NVS\n")
    tree.check("docs", "--update")
    tree.passes("docs")
    return tree


def test_new_error_without_docs_is_found(docs):
    docs.change("include/ferry/err.h", '"argument out of range"', '"argument is odd"')
    docs.finds("docs", "docs/errors.md")


def test_error_without_sentence_is_found(docs):
    docs.change("host/sentence.c", "X(FERRY_ERR_STATE,", "X(FERRY_ERR_STATEMENT,")
    docs.finds("docs", "no sentence for FERRY_ERR_STATE")


@pytest.mark.parametrize("page, program", [("docs/cli.md", "ferry"), ("docs/ferryd.md", "ferryd")])
def test_stale_command_help_is_found(docs, page, program):
    docs.change(page, f"## {program} help", f"## {program} halp")
    docs.finds("docs", page)


@pytest.mark.parametrize("program", ["ferry", "ferryd"])
def test_missing_command_line_is_found(docs, program):
    (docs.root / "build/release" / program).unlink()
    docs.finds("docs", f"build/release/{program} is not built")


def test_dead_link_is_found(docs):
    docs.change("README.md", "docs/design.md", "docs/desing.md")
    docs.finds("docs", "README.md", "docs/desing.md")


def test_quoted_file_that_has_changed_is_found(docs):
    docs.write("examples/it.c", "int main(void);\n")
    docs.write("README.md", "The whole of `examples/it.c`:\n\n```c\nint main(void);\n```\n")
    docs.passes("docs")
    docs.change("examples/it.c", "void", "int n")
    docs.finds("docs", "README.md", "shows examples/it.c otherwise than it is")


def test_link_to_a_missing_heading_is_found(docs):
    docs.change("README.md", "docs/design.md", "docs/design.md#nowhere")
    docs.finds("docs", "README.md", "no such heading")


def test_pointer_of_a_comment_to_a_missing_heading_is_found(docs):
    docs.write("core/it.c", '/* Rules: docs/design.md\n * "The moon". */\n')
    docs.finds("docs", "core/it.c", "The moon")


@pytest.mark.parametrize(("old", "new", "words"), [
    (":it_works", ":it_does_not", "tests/unit/test_it.c:it_does_not, which does not exist"),
    ("test_it.c", "test_that.c", "test_that.c:it_works, which does not exist"),
    ("`tests/unit/test_it.c:it_works`", "", "no test shows it"),
    ("done", "finished", "status 'finished'"),
    ("| S0-01", "| S0-01 | x | later | |\n| S0-01", "stands twice"),
])
def test_coverage_that_is_not_true_is_found(docs, old, new, words):
    docs.change("docs/coverage.md", old, new)
    docs.finds("docs", "S0-01", words)
