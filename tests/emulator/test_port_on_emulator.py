"""The port's own tests run where they belong: on the emulated machine."""

import re

import pytest
from machine import ROOT, Machine, compile_program, new_flash, tree_with_fault

PORT_TEST = ["tests/emulator/test_sifive_u.c", "tests/emulator/tiny_printf.c",
             "tests/port/contract.c", "-Itests/emulator/libc", "-Itests/support", "-Itests/port"]
DRIVER = "ports/sifive-u/spi_nor.c"

# What a careless driver does, and the test that must say so.
FAULTS = {
    "pages are not split": (
        "SPI_NOR_PAGE_BYTES - off_bytes % SPI_NOR_PAGE_BYTES", "65536u",
        "no_program_crosses_a_page"),
    "pages are counted from the start of the data": (
        "SPI_NOR_PAGE_BYTES - off_bytes % SPI_NOR_PAGE_BYTES", "SPI_NOR_PAGE_BYTES",
        "no_program_crosses_a_page"),
    "the enable is not looked at": (
        "(status_of(nor) & (STATUS_ENABLED | STATUS_BUSY)) != STATUS_ENABLED",
        "status_of(nor) & STATUS_BUSY", "protected_chip_is_an_error"),
    "a block is erased as a sector": (
        "SPI_NOR_ERASE_BLOCK, off_bytes", "SPI_NOR_ERASE_SECTOR, off_bytes",
        "sifive_flash_keeps_the_contract"),
}


def run(folder, root):
    elf = compile_program(folder / "port.elf", *PORT_TEST, root=root)
    with Machine(elf, new_flash(folder / "spi.img")) as machine:
        code = machine.end(60)
        return code, machine.said.decode()


def test_contract_and_driver(tmp_path):
    code, said = run(tmp_path, ROOT)
    assert code == 0, said
    passed, failed = map(int, re.search(r"(\d+) passed, (\d+) failed", said).groups())
    assert failed == 0 and passed > 100


@pytest.mark.parametrize("fault", FAULTS)
def test_careless_driver_is_caught(tmp_path, fault):
    old, new, who = FAULTS[fault]
    code, said = run(tmp_path, tree_with_fault(tmp_path / "tree", (DRIVER, old, new)))
    assert code == 1 and f": {who}:" in said, said
