"""Programs of real linkers: random sections through the cross compilers' own assemblers and
linkers, with their alignment, program headers, symbols and debugging information; then the images
of both builders, byte for byte."""

import random
import subprocess

import pytest
from elf_maker import LAYOUTS, XTENSA
from esptool.targets import CHIP_DEFS
from test_esptool_image import ours, theirs

SEED = 20260303
PROGRAMS = 6  # a processor; each for all its chips
RISCV_CC = ("riscv64-unknown-elf-gcc", "-march=rv32imc", "-mabi=ilp32", "-g")
XTENSA_CC = ("xtensa-lx106-elf-gcc", "-g")
OPTIONS = ({}, {"use_segments": True}, {"secure_pad_v2": True}, {"ram_only_header": True},
           {"append_digest": False, "flash_mode": "dio", "flash_size": "8MB"},
           {"elf_sha256_offset": 0xB0}, {"pad_to_size": "64KB", "min_rev_full": 3})
SCRIPT = """
ENTRY(start)
MEMORY {{ drom : ORIGIN = {drom}, LENGTH = 3M - 0x20
          irom : ORIGIN = {irom}, LENGTH = 3M - 0x20
          dram : ORIGIN = {dram}, LENGTH = 128K
          iram : ORIGIN = {iram}, LENGTH = 64K }}
SECTIONS {{
  .flash.appdesc : {{ KEEP(*(.appdesc)) }} >drom
  .flash.rodata : ALIGN({align}) {{ *(.rodata) }} >drom
  .flash.more (NOLOAD) : {{ . += {hole}; }} >drom
  .flash.init_array : ALIGN(4) {{ KEEP(*(.init_array)) }} >drom
  .iram0.text : {{ *(.ramtext) }} >iram
  .dram0.data : ALIGN({align}) {{ *(.data) }} >dram {at}
  .dram0.bss (NOLOAD) : {{ *(.bss) }} >dram
  .flash.text : {{ *(.text) }} >irom
}}
"""


def source(rnd, descriptor_bytes):
    def fill(name, flags, n_bytes, kind="@progbits"):
        return (f'.section {name},"{flags}",{kind}\n.byte '
                + ",".join(str(rnd.randrange(256)) for _ in range(n_bytes)) + "\n")
    parts = [f'.section .appdesc,"a",@progbits\n.word 0xabcd5432\n.space {descriptor_bytes - 4}\n',
             '.section .text,"ax",@progbits\n.global start\nstart:\n.space 64\n',
             fill(".text", "ax", 4 * rnd.randrange(1, 2000)),
             fill(".rodata", "a", rnd.randrange(1, 5000)),
             fill(".ramtext", "ax", rnd.randrange(1, 3000)),
             fill(".data", "aw", rnd.randrange(1, 3000)),
             '.section .init_array,"aw",@init_array\n' + ".word start\n" * rnd.randrange(1, 4),
             '.section .bss,"aw",@nobits\n.space 100\n']
    return "".join(parts)


def link(folder, compiler, rnd, chip):
    _, drom, irom, rams = LAYOUTS[chip]
    script, assembly, program = (folder / n for n in ("layout.ld", "program.s", "program.elf"))
    iram = {"esp32": 0x40080000, "esp32s2": 0x40020000, "esp32s3": 0x40374000,
            "esp32c2": 0x4037C000, "esp32c3": 0x40380000}.get(chip, rams[0] + 0x20000)
    script.write_text(SCRIPT.format(
        drom=hex(drom), irom=hex(irom), dram=hex(rams[0]), iram=hex(iram),
        align=rnd.choice((1, 4, 16, 32)), hole=rnd.choice((0, 0, 0, 4, 60)),
        at=rnd.choice(("", "", "AT>dram"))))
    assembly.write_text(source(rnd, rnd.choice((256, 256, 256, 260))))
    done = subprocess.run([*compiler, "-nostdlib", "-Wl,--no-warn-rwx-segments", "-T", script,
                           "-o", program, assembly], check=False, timeout=60, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return program.read_bytes()


@pytest.mark.parametrize("chip", LAYOUTS)
def test_linked_programs_give_the_same_bytes(ferry, tmp_path, chip):
    compiler = XTENSA_CC if LAYOUTS[chip][0] == XTENSA else RISCV_CC
    assert chip in CHIP_DEFS
    n_images = 0
    for case in range(PROGRAMS):
        rnd = random.Random(f"{SEED} {chip} {case}")
        program = link(tmp_path, compiler, rnd, chip)
        for options in OPTIONS:
            want = theirs(program, chip, options)
            assert ours(ferry, tmp_path, program, chip, options) == want, (case, options)
            n_images += want is not None
    assert n_images > PROGRAMS * len(OPTIONS) / 3, "most were refused: the test tests nothing"
