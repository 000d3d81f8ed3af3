"""Broken flash files, each a good device with its damage described, and the diagnosis it must get.

    python3 tests/doctor/patients.py FOLDER

writes them all, with diagnoses.json beside them. Built from the format facts (docs/formats.md) by
tests/e2e/images.py, which shares nothing with ferry's own code.
"""
import hashlib
import json
import random
import struct
import sys
import zlib
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import images
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from images import ABORTED, APP, DATA, INVALID, NEW, PENDING, VALID, entry, otadata

BOOTLOADER_OFF = {"esp32": 0x1000, "esp32c3": 0, "esp32s3": 0}
HIGHEST_SEQ = 0xFFFFFFFF - 4  # with two slots
DEBUG_TEXT = b"Mapping seq %d -> OTA slot %d"
ROLLBACK_TEXT = b"otadata[%d] is selected as new and marked PENDING_VERIFY state"
INFO_TEXT = b"Loaded app from partition at offset 0x%x"
ERROR_TEXT = b"load partition table error!"


def bootloader(chip="esp32c3", size_code=0, texts=(ERROR_TEXT,), size=12000, bad_checksum=False,
               bad_hash=False, with_hash=True, desc=False, cut=False, signed=False):
    """A second-stage bootloader: two segments for RAM, its log's texts in the first."""
    head = b""
    if desc:
        head = struct.pack("<BxxBI32s24s16x", 0x50, 0, 7, b"v5.4-test", b"Jan  2 2026 03:04:05")
    data = head + b"\0".join(texts)
    data += hashlib.sha256(chip.encode()).digest() * (size // 32)
    data = data[: max(size, len(head)) // 4 * 4]
    segments = [(0x3FCD5000, data), (0x403CE000, b"\x13\0\0\0" * 64)]
    out = struct.pack("<BBBBI", 0xE9, len(segments), 2, size_code << 4 | 0xF, 0x403CE000)
    out += struct.pack("<BBBBHBHH4xB", 0xEE, 0, 0, 0, images.CHIPS[chip], 0, 0, 0xFFFF,
                       1 if with_hash else 0)
    checksum = 0xEF
    for address, body in segments:
        length = 0x900000 if cut else len(body)
        out += struct.pack("<II", address, length) + body
        for byte in body:
            checksum ^= byte
    out += b"\0" * (15 - len(out) % 16) + bytes([checksum ^ (0x55 if bad_checksum else 0)])
    if with_hash:
        digest = hashlib.sha256(out).digest()
        out += bytes([digest[0] ^ 1]) + digest[1:] if bad_hash else digest
    if signed:
        out = out.ljust((len(out) + 0xFFF) // 0x1000 * 0x1000, b"\xff")
        out += b"\xe7\x02" + b"\0" * 1214
    return out


NVS_KEY = bytes(range(64))
NVS_KEYS = NVS_KEY + struct.pack("<I", zlib.crc32(NVS_KEY, 0xFFFFFFFF))


def xts(unit, offset):
    """An entry as it is stored encrypted; offset counts from the start of the partition."""
    tweak = modes.XTS(offset.to_bytes(16, "little"))
    return Cipher(algorithms.AES(NVS_KEY), tweak).encryptor().update(unit)


def nvs_page(damage=(), encrypt=False, seq=0):
    """An NVS page with a namespace and two numbers in it; damage: entries with a wrong byte."""
    head = struct.pack("<IIB19x", 0xFFFFFFFE, seq, 0xFE).replace(b"\0" * 19, b"\xff" * 19)
    page = bytearray(b"\xff" * 0x1000)
    put(page, 0, head + struct.pack("<I", zlib.crc32(head[4:], 0xFFFFFFFF)))
    for i, (space, kind, key, value) in enumerate(
            [(0, 0x01, b"storage", b"\x01"), (1, 0x14, b"restarts", b"\x05\0\0\0"),
             (1, 0x04, b"wishes", b"\x03\0\0\0")]):
        start = struct.pack("<BBBB", space, kind, 1, 0xFF)
        rest = key.ljust(16, b"\0") + value.ljust(8, b"\xff")
        unit = start + struct.pack("<I", zlib.crc32(start + rest, 0xFFFFFFFF)) + rest
        unit = flipped(xts(unit, 64 + 32 * i) if encrypt else unit, 24, i in damage)
        put(page, 64 + 32 * i, unit)
    page[32] = 0xEA  # the first three entries are written
    return bytes(page)


def journal(at):
    """The sector of a reflash that was begun and not finished: one region is to become blank."""
    head = b"FRYJ" + struct.pack("<BBBBIIIB11x", 1, 1, 12, 4, 0, images.FLASH, at, 1)
    step = struct.pack("<BBHIIII12x32x", 1, 4, 0, 0xD0000, 0x1000, 0, 0)
    return head + hashlib.sha256(head + step).digest() + step


V1 = images.app(version="1.0.0", size=24000, seed=1)
V2 = images.app(version="2.0.0", size=26000, seed=2)
BAD = images.app(version="2.0.0", size=26000, seed=2, bad_checksum=True)
UNFINISHED = b"\xff" * 16 + V2[16:]
RAW_MERGED = bootloader().ljust(0x8000, b"\xff") + images.table() + b"\xff" * 0x100
TWO = images.TWO_SLOTS
SINGLE = [("nvs", DATA, 2, 0x9000, 0x4000), ("factory", APP, 0, 0x10000, 0x60000)]


@dataclass
class Patient:
    """A flash file, what ferry must find in it, and what a repair must leave."""

    name: str
    finds: list             # ids of the findings, in order
    leaves: list = None     # after the repair; None: the same, and nothing is written
    boots: str = None       # what boots, before and after
    boots_after: str = None  # if that differs
    first: bytes = field(default_factory=lambda: entry(1, VALID))
    second: bytes = field(default_factory=lambda: entry(2, VALID))
    ota_0: bytes = V1
    ota_1: bytes = V2
    others: dict = field(default_factory=dict)  # label: what lies in other partitions
    rows: list = None
    table: bytes = None     # instead of the rows' own
    table_at: int = 0x8000
    boot: bytes = None      # a bootloader other than the good one
    boot_at: int = 0
    size: int = images.FLASH
    flash: bytes = None     # instead of all of that
    options: tuple = ("--chip=esp32c3",)
    app: bytes = None       # --app
    resume: bool = False    # an update's checkpoint lies beside it

    def build(self):
        if self.flash is not None:
            return self.flash
        rows = TWO if self.rows is None else self.rows
        room = {row[0]: row[4] for row in rows}
        parts = {"otadata": otadata(self.first, self.second), "ota_0": self.ota_0,
                 "ota_1": self.ota_1, **self.others}
        flash = bytearray(images.dump({k: v[:room[k]] for k, v in parts.items() if k in room},
                                      rows, self.size))
        put(flash, 0x8000, b"\xff" * 0xC00)
        put(flash, self.boot_at, bootloader() if self.boot is None else self.boot)
        put(flash, self.table_at, images.table(rows) if self.table is None else self.table)
        return bytes(flash)


def put(flash, at, data):
    flash[at:at + len(data)] = data


def flipped(data, at, bits=1):
    out = bytearray(data)
    out[at] ^= bits
    return bytes(out)


def noise(n, seed=1):
    return random.Random(seed).randbytes(n)


def rows_with(label, **changes):
    """The two-slot table with one row changed: offset, size, subtype or its name."""
    names = ("label", "kind", "subtype", "offset", "size")
    return [tuple(changes.get(k, v) for k, v in zip(names, row)) if row[0] == label else row
            for row in TWO]


def rows_without(*labels):
    return [row for row in TWO if row[0] not in labels]


def noisy(page):
    """Its entries as by keys that nobody has."""
    return page[:64] + noise(96) + page[160:]


WITH_KEYS = [*TWO[:5], ("keys", DATA, 4, 0xD0000, 0x1000)]
FACTORY = {"factory": V1}
USELESS = {"first": entry(1, VALID, crc=1), "second": entry(2, VALID, crc=2)}

PATIENTS = [
    # Nothing wrong: what is in order must stay without a finding.
    Patient("healthy", [], boots="ota_1"),
    Patient("healthy, never booted", [], boots="ota_0", first=b"", second=b"", ota_1=b""),
    Patient("healthy, update armed", [], boots="ota_1", second=entry(2, NEW)),
    Patient("healthy, update rolled back", [], boots="ota_0", second=entry(2, ABORTED)),
    Patient("healthy, update rejected to factory", [], boots="factory",
            rows=images.WITH_FACTORY, others=FACTORY, first=entry(1, INVALID), second=b""),
    Patient("healthy, esp32", [], boots="ota_1", boot=bootloader("esp32"), boot_at=0x1000,
            options=(), ota_0=images.app(chip="esp32"),
            ota_1=images.app(chip="esp32", version="2.0.0")),
    Patient("healthy, bootloader with debug texts and rollback", [], boots="ota_1",
            boot=bootloader(texts=(ERROR_TEXT, DEBUG_TEXT, ROLLBACK_TEXT, INFO_TEXT), desc=True)),
    # The flash as a whole.
    Patient("blank", ["flash-blank"], flash=b"\xff" * images.FLASH),
    Patient("encrypted", ["flash-encrypted"], flash=noise(images.FLASH)),
    Patient("chip unknown", ["nothing-boots", "slot-damaged", "chip-unknown"], options=(), boot=b"",
            ota_0=b"", ota_1=b"", first=b"", second=b"",
            rows=[("nvs", DATA, 2, 0x9000, 0x4000), ("app", APP, 0, 0x10000, 0x10000)],
            others={"app": noise(2000)}),
    # The bootloader.
    Patient("bootloader erased", ["bootloader-missing"], boots="ota_1", boot=b""),
    Patient("bootloader overwritten", ["bootloader-missing"], boots="ota_1", boot=noise(9000)),
    Patient("bootloader checksum", ["bootloader-damaged"], boots="ota_1",
            boot=bootloader(bad_checksum=True)),
    Patient("bootloader cut", ["bootloader-damaged"], boots="ota_1", boot=bootloader(cut=True)),
    Patient("bootloader too big", ["bootloader-too-big"], boots="ota_1",
            boot=bootloader(size=0x8D00)),
    Patient("bootloader hash", ["bootloader-hash"], boots="ota_1", boot=bootloader(bad_hash=True)),
    Patient("bootloader of another chip", ["bootloader-chip"], boots="ota_1",
            boot=bootloader("esp32s3")),
    Patient("bootloader at another chip's place", ["bootloader-chip"], boots="ota_1",
            boot=bootloader("esp32"), boot_at=0x1000),
    Patient("bootloader says a smaller flash", ["bootloader-flash-small"], [], boots="ota_1",
            size=0x200000, rows=rows_with("vfs", size=0x100000), boot=bootloader(size_code=0)),
    Patient("bootloader says a smaller flash, no hash", ["bootloader-flash-small"], [],
            boots="ota_1", size=0x200000, rows=rows_with("vfs", size=0x100000),
            boot=bootloader(with_hash=False)),
    Patient("bootloader says a larger flash", ["bootloader-flash-large"], [], boots="ota_1",
            boot=bootloader(size_code=3)),
    Patient("bootloader leaves flash unused", ["bootloader-flash-spare"], [], boots="ota_1",
            size=0x200000),
    Patient("bootloader signed, flash size wrong", ["bootloader-flash-large"], boots="ota_1",
            boot=bootloader(size_code=2, signed=True)),
    Patient("rollback off", ["rollback-off"], boots="ota_1",
            options=("--chip=esp32c3", "--rollback=off")),
    Patient("rollback not built in", ["rollback-off"], boots="ota_1",
            boot=bootloader(texts=(ERROR_TEXT, DEBUG_TEXT, INFO_TEXT))),
    Patient("rollback built in, said to be off", ["rollback-unexpected"], boots="ota_1",
            boot=bootloader(texts=(ERROR_TEXT, DEBUG_TEXT, ROLLBACK_TEXT)),
            options=("--chip=esp32c3", "--rollback=off")),
    # The partition table.
    Patient("table erased", ["table-missing"], table=b""),
    Patient("table overwritten", ["table-missing"], table=b"\0" * 0xC00),
    Patient("table elsewhere", ["table-elsewhere"], table_at=0x9000,
            rows=[(n, k, s, max(o, 0xA000), z) for n, k, s, o, z in TWO]),
    Patient("table row damaged", ["table-damaged"], table=flipped(images.table(), 64)),
    Patient("table without an end", ["table-damaged"],
            table=images.table([("p%d" % i, DATA, 0x81, 0x100000 - 0x1000, 0x1000)
                                for i in range(95)], md5=False)[:0xBE0] + images.table()[:32]),
    Patient("table MD5 damaged", ["table-md5"], [], boots_after="ota_1",
            table=flipped(images.table(), 6 * 32 + 20)),
    Patient("table label damaged", ["table-md5"], [], boots_after="ota_1",
            table=flipped(images.table(), 12)),
    Patient("table offset damaged", ["table-md5"], table=flipped(images.table(), 3 * 32 + 5, 0x10)),
    Patient("table leaves the flash", ["table-beyond-flash"], rows=rows_with("vfs", size=0x80000)),
    Patient("table without MD5", ["table-no-md5"], [], boots="ota_1",
            table=images.table(md5=False)),
    Patient("table with otadata twice", ["table-twice"], boots="ota_1",
            rows=[*TWO[:5], ("again", DATA, 0, 0xD0000, 0x2000),
                  ("vfs", DATA, 0x81, 0xE0000, 0x20000)],
            others={"again": otadata(entry(1, VALID), entry(2, VALID))}),
    Patient("slots with a gap", ["nothing-boots", "slot-gap", "slot-unreached"],
            rows=[*rows_without("ota_0", "ota_1"), ("ota_1", APP, 0x11, 0x10000, 0x60000)],
            first=b"", second=b""),
    Patient("one slot", ["one-slot"], boots="ota_0", rows=rows_without("ota_1"), second=b""),
    Patient("no app partition", ["no-app-partition"], rows=rows_without("ota_0", "ota_1")),
    Patient("otadata missing", ["otadata-missing"], boots="ota_0", rows=rows_without("otadata")),
    Patient("otadata too small", ["otadata-small", "nothing-boots"],
            rows=rows_with("otadata", size=0x1000)),
    Patient("otadata too large", ["otadata-size"], boots="ota_1",
            rows=[("nvs", DATA, 2, 0x9000, 0x3000), ("otadata", DATA, 0, 0xC000, 0x3000),
                  *TWO[2:]]),
    Patient("rows overlap", ["rows-overlap"], boots="ota_1", rows=rows_with("vfs", offset=0xC0000)),
    Patient("row on the bootloader", ["row-on-table"], boots="ota_1",
            rows=[("low", DATA, 0x81, 0x4000, 0x1000), *TWO]),
    Patient("app misaligned", ["app-misaligned", "slot-linked-elsewhere", "entry-stale"],
            ["app-misaligned", "slot-linked-elsewhere"], boots="ota_1",
            rows=rows_with("ota_0", offset=0x12000, size=0x5E000)),
    # What boots, and otadata.
    Patient("nothing boots", ["nothing-boots", "slot-damaged", "slot-damaged", "entry-stale"],
            ota_0=BAD, ota_1=BAD),
    Patient("both slots empty", ["nothing-boots", "entry-stale"], ota_0=b"", ota_1=b""),
    Patient("selected slot damaged", ["selected-bad", "slot-damaged"], ["slot-damaged"],
            boots="ota_0", ota_1=BAD),
    Patient("selected slot erased", ["selected-bad"], [], boots="ota_0", ota_1=b""),
    Patient("selected slot unfinished", ["selected-bad", "slot-unfinished"], ["slot-unfinished"],
            boots="ota_0", ota_1=UNFINISHED),
    Patient("armed slot damaged", ["selected-bad", "slot-damaged"], ["slot-damaged"],
            boots="ota_0", ota_1=BAD, second=entry(2, NEW)),
    Patient("selected slot damaged, factory boots",
            ["selected-bad", "slot-damaged", "slot-damaged", "entry-stale"],
            ["slot-damaged", "slot-damaged"], boots="factory", rows=images.WITH_FACTORY,
            others=FACTORY, ota_0=BAD, ota_1=BAD),
    Patient("both entries on one bad slot", ["entries-same-bad", "slot-damaged", "entry-stale"],
            ["slot-damaged"], boots="ota_0", first=entry(4, VALID), ota_1=BAD),
    Patient("both entries damaged", ["entries-useless", "entry-crc", "entry-crc"], [],
            boots="ota_0", **USELESS),
    Patient("both entries damaged, factory", ["entries-useless", "entry-crc", "entry-crc"], [],
            boots="factory", rows=images.WITH_FACTORY, others=FACTORY, **USELESS),
    Patient("both entries rejected", ["entries-useless"], [], boots="ota_0",
            first=entry(1, INVALID), second=entry(2, ABORTED)),
    Patient("old entry damaged", ["entry-crc"], [], boots="ota_1", first=entry(1, VALID, crc=1)),
    Patient("active entry damaged", ["entry-crc"], [], boots="ota_0",
            second=entry(2, VALID, crc=1)),
    Patient("old entry torn", ["entry-crc"], [], boots="ota_1", first=entry(1, VALID)[:28]),
    Patient("state of the active entry unknown", ["entry-state"], [], boots="ota_1",
            second=entry(2, 0x77)),
    Patient("state of the old entry unknown", ["entry-state"], [], boots="ota_1",
            first=entry(1, 0xFFFF0000)),
    Patient("sequence number used up", ["entry-seq"], [], boots="ota_1",
            second=entry(0xFFFFFFFE, VALID)),
    Patient("sequence number used up, nothing else left", ["entry-seq"], [], boots="ota_1",
            first=b"", second=entry(HIGHEST_SEQ + 3, VALID)),
    Patient("rollback target erased", ["entry-stale"], [], boots="ota_1", ota_0=b""),
    Patient("on trial", ["on-trial"], boots="ota_0", second=entry(2, PENDING)),
    Patient("running app damaged", ["running-damaged", "slot-damaged", "entry-stale"],
            ["running-damaged", "slot-damaged"], boots="ota_1",
            ota_0=BAD, options=("--chip=esp32c3", "--running=ota_0")),
    # What lies in the slots.
    Patient("other slot damaged", ["slot-damaged", "entry-stale"], ["slot-damaged"],
            boots="ota_1", ota_0=BAD),
    Patient("other slot, hash damaged", ["slot-damaged", "entry-stale"], ["slot-damaged"],
            boots="ota_1", ota_0=images.app(bad_hash=True)),
    Patient("other slot cut short", ["slot-damaged", "entry-stale"], ["slot-damaged"],
            boots="ota_1", ota_0=V1[:9000]),
    Patient("other slot, noise", ["slot-damaged", "entry-stale"], ["slot-damaged"], boots="ota_1",
            ota_0=noise(30000)),
    Patient("three apps, one damaged", ["slot-damaged", "entry-stale"], ["slot-damaged"],
            boots="ota_1", rows=images.WITH_FACTORY, others=FACTORY, ota_0=BAD),
    Patient("update interrupted", ["slot-unfinished", "update-interrupted"], boots="ota_0",
            second=b"", ota_1=UNFINISHED, resume=True),
    Patient("reflash interrupted", ["reflash-interrupted", "entry-crc"], boots="ota_1",
            first=entry(1, VALID, crc=1), rows=[*rows_with("vfs", size=0x20000), (
                "journal", 0x40, 0, 0xFF000, 0x1000)], others={"journal": journal(0xFF000)}),
    Patient("app of another chip", ["slot-chip", "entry-stale"], ["slot-chip"], boots="ota_1",
            ota_0=images.app(chip="esp32s3")),
    Patient("merged image in a slot", ["slot-merged", "entry-stale"], ["slot-merged"],
            boots="ota_1", ota_0=RAW_MERGED),
    Patient("merged image of the esp32 in a slot", ["slot-merged", "entry-stale"],
            ["slot-merged"], boots="ota_1", ota_0=b"\xff" * 0x1000 + RAW_MERGED[0x1000:]),
    Patient("secure version too low", ["slot-secure-version", "entry-stale"],
            ["slot-secure-version"], boots="ota_1",
            ota_1=images.app(secure_version=3, version="2.0.0"),
            options=("--chip=esp32c3", "--anti-rollback=on", "--secure-version=3")),
    Patient("no descriptor", ["slot-no-descriptor"], boots="ota_1",
            ota_0=images.app(no_descriptor=True)),
    # NVS.
    Patient("nvs whole", [], boots="ota_1", others={"nvs": nvs_page()}),
    Patient("nvs entry damaged", ["nvs-damaged"], [], boots="ota_1",
            others={"nvs": nvs_page(damage=[1])}),
    Patient("nvs namespace damaged", ["nvs-damaged"], ["nvs-damaged"], boots="ota_1",
            others={"nvs": nvs_page(damage=[0])}),
    Patient("nvs page header damaged", ["nvs-damaged"], boots="ota_1",
            others={"nvs": flipped(nvs_page(), 4) + nvs_page(seq=1)}),
    Patient("nvs of a later format", ["nvs-damaged"], boots="ota_1",
            others={"nvs": nvs_page() + flipped(nvs_page(), 8, 3)}),
    Patient("nvs without a free page", ["nvs-damaged"], boots="ota_1",
            others={"nvs": b"".join(nvs_page(seq=n) for n in range(4))}),
    Patient("nvs all damaged", ["nvs-unreadable"], boots="ota_1",
            others={"nvs": nvs_page(damage=[0, 1, 2])}),
    Patient("nvs one page, damaged", ["nvs-damaged"], boots="ota_1",
            others={"nvs": flipped(nvs_page(), 4)}),
    Patient("nvs damaged, on another partition", ["rows-overlap", "nvs-damaged"], boots="ota_1",
            rows=rows_with("vfs", offset=0xC000, size=0x1000),
            others={"nvs": nvs_page(damage=[1])}),
    Patient("nvs encrypted", [], boots="ota_1", rows=WITH_KEYS,
            others={"nvs": nvs_page(encrypt=True), "keys": NVS_KEYS}),
    Patient("nvs encrypted and damaged", ["nvs-damaged"], [], boots="ota_1", rows=WITH_KEYS,
            others={"nvs": nvs_page(damage=[1], encrypt=True), "keys": NVS_KEYS}),
    Patient("nvs encrypted, keys damaged", ["nvs-unreadable"], boots="ota_1", rows=WITH_KEYS,
            others={"nvs": nvs_page(damage=[1], encrypt=True), "keys": flipped(NVS_KEYS, 7)}),
    Patient("nvs encrypted, keys of another", ["nvs-unreadable"], boots="ota_1",
            rows=WITH_KEYS, others={"nvs": noisy(nvs_page()), "keys": NVS_KEYS}),
    Patient("nvs encrypted by keys in eFuses", ["nvs-unreadable"], boots="ota_1",
            others={"nvs": nvs_page(encrypt=True)}),
    Patient("nvs plain, keys not yet used", ["nvs-damaged"], [], boots="ota_1", rows=WITH_KEYS,
            others={"nvs": nvs_page(damage=[1])}),
    # An app that is to come.
    Patient("app fits", [], boots="ota_1", app=V1),
    Patient("app too big", ["app-too-big"], boots="ota_1", app=images.app(size=0x60000)),
    Patient("app is a merged image", ["app-merged"], boots="ota_1", app=RAW_MERGED),
    Patient("app is a bootloader", ["app-bootloader"], boots="ota_1", app=bootloader()),
    Patient("app for another chip", ["app-chip"], boots="ota_1", app=images.app(chip="esp32")),
    Patient("app damaged", ["app-damaged"], boots="ota_1", app=BAD),
    Patient("app is a text", ["app-damaged"], boots="ota_1", app=b"<html>not found</html>"),
    Patient("app secure version too low", ["app-secure-version"], boots="ota_1",
            ota_0=images.app(secure_version=3), app=V1,
            ota_1=images.app(secure_version=3, version="2.0.0"),
            options=("--chip=esp32c3", "--anti-rollback=on", "--secure-version=3")),
    Patient("app without descriptor", ["app-no-descriptor"], boots="ota_1",
            app=images.app(no_descriptor=True)),
    # Several at once, in order of danger.
    Patient("all sorts of things",
            ["bootloader-flash-small", "selected-bad", "slot-damaged", "table-no-md5", "entry-crc"],
            ["slot-damaged"], boots="ota_0", size=0x200000,
            rows=rows_with("vfs", size=0x100000), ota_1=BAD, first=entry(1, VALID, crc=1),
            table=images.table(rows_with("vfs", size=0x100000), md5=False)),
]


def main(folder):
    """Writes every patient's file, and what must be found in it."""
    folder.mkdir(parents=True, exist_ok=True)
    diagnoses = {}
    for p in PATIENTS:
        file = p.name.replace(" ", "-").replace(",", "") + ".bin"
        (folder / file).write_bytes(p.build())
        diagnoses[file] = {"options": p.options, "finds": p.finds,
                           "leaves": p.finds if p.leaves is None else p.leaves, "boots": p.boots}
    (folder / "diagnoses.json").write_text(json.dumps(diagnoses, indent=1) + "\n")
    print(f"{len(PATIENTS)} flash files in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
