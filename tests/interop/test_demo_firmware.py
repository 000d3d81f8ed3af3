"""The demo's firmware runs: its images are loaded segment by segment, as a bootloader loads them,
into an emulated rv32imc with just enough of the ESP32-C3 around it."""

import hashlib
import re
import struct

import pytest
from unicorn import UC_ARCH_RISCV, UC_MODE_RISCV32, Uc, UcError
from unicorn.riscv_const import UC_RISCV_REG_RA

MEMORY = ((0x3C000000, 0x800000), (0x42000000, 0x800000), (0x40380000, 0x60000),
          (0x3FC80000, 0x60000))
PERIPHERALS, PERIPHERALS_BYTES = 0x60000000, 0x100000
UART_FIFO, TIMER_OP, TIMER_LOW = 0, 0x23004, 0x23044
TIMER_VALID = 1 << 29
INSTRUCTIONS_MOST = 300_000_000


class Board:
    """Runs one image until it has printed `until`, or dies."""

    def __init__(self, image, until):
        self.printed, self.ticks, self.error, self.until = bytearray(), 0, None, until
        self.uc = Uc(UC_ARCH_RISCV, UC_MODE_RISCV32)
        for base, size in MEMORY:
            self.uc.mem_map(base, size)
        self.uc.mmio_map(PERIPHERALS, PERIPHERALS_BYTES, self.read, None, self.write, None)
        at, self.segments = 24, []
        for _ in range(image[1]):
            addr, size = struct.unpack_from("<LL", image, at)
            self.segments.append((addr, image[at + 8:at + 8 + size]))
            if addr:
                self.uc.mem_write(*self.segments[-1])
            at += 8 + size
        try:
            self.uc.emu_start(struct.unpack_from("<L", image, 4)[0], 0, count=INSTRUCTIONS_MOST)
        except UcError as error:
            self.error = error

    def read(self, uc, off, size, data):
        if off == TIMER_OP:
            return TIMER_VALID
        if off == TIMER_LOW:
            self.ticks += 16000 * 250
            return self.ticks & 0xFFFFFFFF
        return 0

    def write(self, uc, off, size, value, data):
        if off == UART_FIFO:
            self.printed.append(value & 0xFF)
            if self.printed.endswith(self.until):
                uc.emu_stop()


@pytest.mark.parametrize("release", ["1.0.0", "1.1.0"])
def test_release_runs_and_reads_all_of_its_flash(demo, release):
    board = Board((demo / f"demo-{release}.bin").read_bytes(), until=b"tick 2\r\n")
    text = board.printed.decode()
    assert board.error is None
    assert f"ferry-demo {release}\r\n" in text and "tick 0\r\ntick 1\r\ntick 2\r\n" in text
    digest = hashlib.sha256(board.segments[0][1]).hexdigest()
    assert f"{len(board.segments[0][1])} bytes, sha256 {digest}" in text
    assert re.search(r"table: [1-9]\d+ bytes, crc32 [0-9a-f]{8}", text)


def test_broken_release_dies_right_after_its_name(demo):
    board = Board((demo / "demo-1.2.0.bin").read_bytes(), until=b"tick 0\r\n")
    assert board.printed.decode().strip() == "ferry-demo 1.2.0"
    assert board.error is not None
    # It had just come back from printing; all zeros is the illegal instruction of RISC-V.
    assert board.uc.mem_read(board.uc.reg_read(UC_RISCV_REG_RA), 2) == b"\0\0"


def test_build_gives_the_same_bytes_twice(demo, demo_again):
    for release in ("1.0.0", "1.1.0", "1.2.0"):
        name = f"demo-{release}.bin"
        assert (demo / name).read_bytes() == (demo_again / name).read_bytes()
