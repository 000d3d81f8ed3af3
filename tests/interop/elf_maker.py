"""ELF files out of nothing: sections of any name, type, address and size, and random programs made
of them, to ask two image builders the same question."""

import struct
from dataclasses import dataclass

XTENSA, RISCV = 0x5E, 0xF3
PROGBITS, STRTAB, NOBITS, NOTE, INIT_ARRAY, FINI_ARRAY, PREINIT_ARRAY = 1, 3, 8, 7, 14, 15, 16
PAGE = 0x10000

# Chip: machine, where data and code are mapped, and addresses in its kinds of RAM.
LAYOUTS = {
    "esp32": (XTENSA, 0x3F400020, 0x400D0020,
              (0x3FFB0000, 0x40080000, 0x50000000, 0x400C0000, 0x3FF80000, 0x40070000)),
    "esp32s3": (XTENSA, 0x3C000020, 0x42000020,
                (0x3FC88000, 0x40374000, 0x50000000, 0x600FE000)),
    "esp32c3": (RISCV, 0x3C000020, 0x42000020,
                (0x3FC80000, 0x3FC88000, 0x40380000, 0x50000000)),
    "esp32s2": (XTENSA, 0x3F000020, 0x40080020, (0x3FFB0000, 0x40020000, 0x40070000)),
    "esp32c2": (RISCV, 0x3C000020, 0x42000020, (0x3FCA0000, 0x4037C000)),
    "esp32c6": (RISCV, 0x42400020, 0x42000020, (0x40800000, 0x50000000)),
    "esp32p4": (RISCV, 0x40400020, 0x40000020, (0x4FF00000, 0x50108000)),
    "esp32c5": (RISCV, 0x42400020, 0x42000020, (0x40800000, 0x50000000)),
    "esp32c61": (RISCV, 0x42400020, 0x42000020, (0x40800000, 0x40820000)),
    "esp32h2": (RISCV, 0x42400020, 0x42000020, (0x40800000, 0x50000000)),
    "esp32h21": (RISCV, 0x42400020, 0x42000020, (0x40800000, 0x50000000)),
    "esp32h4": (RISCV, 0x42800020, 0x42000020, (0x40810000, 0x50000000)),
    "esp32s31": (RISCV, 0x40400020, 0x40000020, (0x2F000000, 0x2E000000)),
}
# Lengths that end a segment just before, on and just behind a page, with and without headers.
BORDERS = (0xFFC8, 0xFFD8, 0xFFE0, 0xFFE4, 0xFFF8, 0x10000, 0x1FFE0, 0x3FE0)


@dataclass
class Section:
    name: str
    addr: int
    data: bytes
    type: int = PROGBITS
    align: int = 4

    @property
    def end(self):
        return self.addr + len(self.data)


def elf(machine, entry, sections, with_segments=True):
    """The file: header, one program header a section, contents, names, section headers."""
    names, name_at = b"\0", []
    for name in [s.name for s in sections] + [".shstrtab"]:
        name_at.append(len(names))
        names += name.encode() + b"\0"
    n_segments = len(sections) if with_segments else 0
    base = 52 + 32 * n_segments
    body, rows, segments = b"", [bytes(40)], b""
    for s, at in zip(sections, name_at):
        body += bytes(-len(body) % 4)
        off = base + len(body)
        stored = b"" if s.type == NOBITS else s.data
        body += stored
        rows.append(struct.pack("<10L", at, s.type, 2, s.addr, off, len(s.data), 0, 0, s.align, 0))
        segments += struct.pack("<8L", 1, off, s.addr, s.addr, len(stored), len(s.data), 5, 4)
    rows.append(struct.pack("<10L", name_at[-1], STRTAB, 0, 0, base + len(body), len(names),
                            0, 0, 1, 0))
    body += names
    body += bytes(-len(body) % 4)
    header = struct.pack("<16sHHLLLLLHHHHHH", b"\x7fELF\1\1\1" + bytes(9), 2, machine, 1, entry,
                         52 if n_segments else 0, base + len(body), 0, 52, 32, n_segments, 40,
                         len(rows), len(rows) - 1)
    return header + (segments if n_segments else b"") + body + b"".join(rows)


def descriptor(page_log2=0, sha=bytes(32)):
    head = struct.pack("<II8s32s32s16s16s32s32sHHB", 0xABCD5432, 0, bytes(8), b"1.0", b"random",
                       b"12:00:00", b"Jan  1 2026", b"v0", sha, 0, 0, page_log2)
    return head + bytes(256 - len(head))


def some_size(rnd):
    return rnd.choice((rnd.randrange(1, 0x200), rnd.randrange(1, 0x4000), rnd.choice(BORDERS),
                       4 * rnd.randrange(1, 0x40), rnd.randrange(0x1000, 0x18000)))


def next_page(rnd, addr):
    """An address in the next page, mostly where a segment's data can begin without a filler."""
    return (addr & -PAGE) + PAGE + rnd.choice((0x20, 0x20, 0x18, 0x28, 0))


def mapped_data(rnd, addr):
    out = []
    if rnd.random() < 0.85:
        page_log2 = rnd.choice((0, 0, 0, 0, 13, 14, 15, 16, 17))
        out.append(Section(".flash.appdesc", addr, descriptor(page_log2)))
        addr = out[-1].end
    for i in range(rnd.randrange(4)):
        kind = rnd.choice((PROGBITS,) * 5 + (INIT_ARRAY, FINI_ARRAY, PREINIT_ARRAY, NOTE))
        out.append(Section(f".flash.rodata{i}", addr, rnd.randbytes(some_size(rnd)), kind))
        addr = next_page(rnd, out[-1].end) if rnd.random() < 0.4 else (out[-1].end + 3) & ~3
    return out


def mapped_code(rnd, addr):
    out = []
    for i in range(rnd.randrange(1, 4)):
        out.append(Section(f".flash.text{i}", addr, rnd.randbytes(some_size(rnd))))
        addr = next_page(rnd, out[-1].end) if rnd.random() < 0.5 else (out[-1].end + 3) & ~3
    return out


def in_ram(rnd, addr):
    out = []
    for i in range(rnd.randrange(1, rnd.choice((2, 3, 6)))):
        out.append(Section(f".ram{addr:x}.{i}", addr, rnd.randbytes(some_size(rnd)),
                           align=rnd.choice((1, 2, 4, 8, 16))))
        # Touching the next section, with a gap of alignment only, or with a real gap.
        end = (out[-1].end + 3) & ~3
        addr = rnd.choice((end, end, (end + 15) & ~15, end + 4 * rnd.randrange(16)))
    out.append(Section(f".bss{addr:x}", addr, bytes(64), NOBITS))
    return out


def bootloader_data(rnd, addr):
    """A bootloader's descriptor, which its linker script need not place first."""
    return [Section(".dram0.data", addr, rnd.randbytes(some_size(rnd) & ~3)),
            Section(".dram0.bootdesc", addr + 0x30000, b"\x50".ljust(80, b"\0"))]


def random_program(rnd, chip):
    """A program as a linker might lay it out, or nearly; many cannot become an image."""
    machine, drom, irom, rams = LAYOUTS[chip]
    sections = mapped_data(rnd, drom) + mapped_code(rnd, irom + rnd.choice((0, PAGE)))
    for addr in rams:
        if rnd.random() < 0.7:
            sections += in_ram(rnd, addr + rnd.choice((0, 0, 4, 0x100)))
    if rnd.random() < 0.05:
        sections += [Section(f".many{i}", rams[0] + 0x40000 + 0x100 * i, rnd.randbytes(0x20))
                     for i in range(17)]
    if rnd.random() < 0.1:
        sections += bootloader_data(rnd, rams[0] + 0x60000)
    if rnd.random() < 0.1:
        sections.append(Section(".comment", 0, b"made by hand"))
    if rnd.random() < 0.15:
        rnd.shuffle(sections)
    return elf(machine, rams[-1] + 4, sections)
