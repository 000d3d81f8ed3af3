"""The ports' own tests run where they belong: on the emulated machines."""

import re

import pytest
from machine import ROOT, Machine, compile_program, new_flash, sifive_u, tree_with_fault, virt

AROUND = ["tests/emulator/tiny_printf.c", "tests/port/contract.c", "-Itests/emulator/libc",
          "-Itests/support", "-Itests/port"]
PORTS = {"sifive-u": ("tests/emulator/test_sifive_u.c", sifive_u),
         "virt": ("tests/emulator/test_virt.c", virt)}
SPI_NOR, DISK = "ports/sifive-u/spi_nor.c", "ports/virt/disk_flash.c"

# What a careless driver does, and the test that must say so.
FAULTS = {
    "pages are not split": (
        SPI_NOR, "SPI_NOR_PAGE_BYTES - off_bytes % SPI_NOR_PAGE_BYTES", "65536u",
        "no_program_crosses_a_page"),
    "pages are counted from the start of the data": (
        SPI_NOR, "SPI_NOR_PAGE_BYTES - off_bytes % SPI_NOR_PAGE_BYTES", "SPI_NOR_PAGE_BYTES",
        "no_program_crosses_a_page"),
    "the enable is not looked at": (
        SPI_NOR, "(status_of(nor) & (STATUS_ENABLED | STATUS_BUSY)) != STATUS_ENABLED",
        "status_of(nor) & STATUS_BUSY", "protected_chip_is_an_error"),
    "a block is erased as a sector": (
        SPI_NOR, "SPI_NOR_ERASE_BLOCK, off_bytes", "SPI_NOR_ERASE_SECTOR, off_bytes",
        "sifive_flash_keeps_the_contract"),
    "a program overwrites": (
        DISK, "disk->piece[w.skip + i] &= from[i]", "disk->piece[w.skip + i] = from[i]",
        "flash_keeps_the_rules_of_nor"),
    "a program begins at its disk sector": (
        DISK, "disk->piece[w.skip + i] &=", "disk->piece[i] &=",
        "cut_leaves_each_byte_old_or_new"),
    "a block is erased in part": (
        DISK, "done < len_bytes;", "done < DISK_PIECE_BYTES;", "virt_flash_keeps_the_contract"),
    "sync does not reach the disk": (
        DISK, "return disk->bus->flush(disk->bus->ctx)", "return disk ? FERRY_OK : FERRY_OK",
        "failing_disk_is_an_error"),
}


def run(folder, root, port):
    test, kind = PORTS[port]
    elf = compile_program(folder / "port.elf", test, *AROUND, root=root, port=port)
    with Machine(elf, new_flash(folder / "flash.img"), kind) as machine:
        code = machine.end(60)
        return code, machine.said.decode()


@pytest.mark.parametrize("port", PORTS)
def test_contract_and_driver(tmp_path, port):
    code, said = run(tmp_path, ROOT, port)
    assert code == 0, said
    passed, failed = map(int, re.search(r"(\d+) passed, (\d+) failed", said).groups())
    assert failed == 0 and passed > 100


@pytest.mark.parametrize("fault", FAULTS)
def test_careless_driver_is_caught(tmp_path, fault):
    driver, old, new, who = FAULTS[fault]
    tree = tree_with_fault(tmp_path / "tree", (driver, old, new))
    code, said = run(tmp_path, tree, driver.split("/")[1])
    assert code == 1 and f": {who}:" in said, said
