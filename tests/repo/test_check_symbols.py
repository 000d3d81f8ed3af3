"""scripts/check_symbols.py bites: faulty objects are compiled into copies of the archives."""

import subprocess

import pytest

FLAGS = ["-march=rv32imc", "-mabi=ilp32", "-misa-spec=2.2", "-Os", "-ffreestanding", "-c"]
ARCHIVES = [f"build/{preset}/{library}" for preset in ("rv32", "xtensa")
            for library in ("libferry_core.a", "libferry_crypto_portable.a")]


@pytest.fixture
def archives(tree):
    tree.copy(*ARCHIVES)
    tree.passes("symbols")
    return tree


def plant(tree, source):
    """Adds an object with this source to the rv32 core."""
    tree.write("fault.c", source)
    subprocess.run(["riscv64-unknown-elf-gcc", *FLAGS, "fault.c", "-o", "fault.o"],
                   cwd=tree.root, check=True)
    subprocess.run(["riscv64-unknown-elf-ar", "r", ARCHIVES[0], "fault.o"], cwd=tree.root,
                   check=True)


@pytest.mark.parametrize(("source", "words"), [
    ("void *malloc(unsigned n); void *f(void) { return malloc(4); }", "needs malloc"),
    ("unsigned long long f(unsigned long long a, unsigned long long b) { return a / b; }",
     "needs __udivdi3"),
    ("int counter; int f(void) { return ++counter; }", "4 writable bytes in .sbss"),
    ("int counter = 7; int f(void) { return ++counter; }", "4 writable bytes in .sdata"),
])
def test_foreign_symbol_or_mutable_static_is_found(archives, source, words):
    plant(archives, source)
    archives.finds("symbols", "fault.o", words)


def test_missing_archive_is_found(archives):
    (archives.root / ARCHIVES[2]).unlink()
    archives.finds("symbols", ARCHIVES[2], "not built")
