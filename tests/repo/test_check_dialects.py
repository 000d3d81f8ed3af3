"""scripts/check_dialects.py bites."""

import pytest


@pytest.fixture
def core(tree):
    tree.copy("include", "core", "ports", "cmake")
    tree.passes("dialects")
    return tree


@pytest.mark.parametrize(("name", "text", "words"), [
    ("core/crc32.c", "int f(void) { return ({ 1; }); }", "core/crc32.c as gcc -std=c11"),
    ("core/crc32.c", "int f(n) int n; { return n; }", "core/crc32.c as"),
    ("ports/esp32c3/flash_rom.c", "int f(void) { return ({ 1; }); }",
     "ports/esp32c3/flash_rom.c as riscv64-unknown-elf-gcc"),
    ("include/ferry/crc32.h", "struct s { int class; };", "include/ferry/crc32.h as clang -x c++"),
    ("include/ferry/crc32.h", "static inline size_t n(void) { return f(); }",
     "include/ferry/crc32.h as gcc"),
])
def test_what_one_dialect_refuses_is_found(core, name, text, words):
    path = core.root / name
    path.write_text(path.read_text() + text + "\n")
    core.finds("dialects", words)
