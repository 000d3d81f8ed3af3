"""Small images, partition tables and otadata for the tests of the command line.

Everything is built from the format facts (docs/formats.md), by code that shares nothing with
ferry's own, so that the two check each other. Each builder has knobs to break one thing at a time.
"""
import hashlib
import struct
import zlib

CHIPS = {"esp32": 0, "esp32s2": 2, "esp32c3": 5, "esp32s3": 9, "esp32c6": 13}
DROM = {"esp32": 0x3F400000, "esp32s2": 0x3F000000, "esp32c3": 0x3C000000, "esp32s3": 0x3C000000,
        "esp32c6": 0x42000000}
DRAM = {"esp32": 0x3FFB0000, "esp32s2": 0x3FFB0000, "esp32c3": 0x3FC80000, "esp32s3": 0x3FC90000,
        "esp32c6": 0x40800000}

NEW, PENDING, VALID, INVALID, ABORTED, UNDEFINED = 0, 1, 2, 3, 4, 0xFFFFFFFF


def descriptor(project="demo", version="1.0.0", secure_version=0, date="Jan  2 2026",
               time="03:04:05", magic=0xABCD5432):
    def text(s, n):
        return s.encode()[: n - 1].ljust(n, b"\0")

    fields = struct.pack("<II8x", magic, secure_version)
    fields += text(version, 32) + text(project, 32) + text(time, 16) + text(date, 16)
    fields += text("test", 32) + hashlib.sha256(project.encode()).digest()
    return fields.ljust(256, b"\0")


def app(project="demo", version="1.0.0", size=20000, chip="esp32c3", secure_version=0, seed=1,
        magic=0xE9, min_rev=0, no_descriptor=False, bad_checksum=False, bad_hash=False,
        truncate=None, with_hash=True):
    """An application image: a segment of descriptor and data, a short one for RAM."""
    data = hashlib.sha256(struct.pack("<I", seed)).digest() * (size // 32 + 1)
    data = data[: max(size, 16) // 4 * 4]
    desc = b"\0" * 256 if no_descriptor else descriptor(project, version, secure_version)
    # The app begins at a 64 KB boundary of flash, so mapped data keeps the offset of its address.
    segments = [(DROM[chip] + 0x20, desc + data), (DRAM[chip], struct.pack("<I", seed) * 4)]
    out = struct.pack("<BBBBI", magic, len(segments), 2, 0x2F, segments[1][0])
    out += struct.pack("<BBBBHBHH4xB", 0xEE, 0, 0, 0, CHIPS[chip], 0, min_rev, 0xFFFF,
                       1 if with_hash else 0)
    checksum = 0xEF
    for address, body in segments:
        out += struct.pack("<II", address, len(body)) + body
        for byte in body:
            checksum ^= byte
    if bad_checksum:
        checksum ^= 0x55
    out += b"\0" * (15 - len(out) % 16) + bytes([checksum])
    if with_hash:
        digest = hashlib.sha256(out).digest()
        out += bytes([digest[0] ^ 1]) + digest[1:] if bad_hash else digest
    return out if truncate is None else out[:truncate]


APP, DATA = 0, 1
TWO_SLOTS = [("nvs", DATA, 2, 0x9000, 0x4000), ("otadata", DATA, 0, 0xD000, 0x2000),
             ("phy_init", DATA, 1, 0xF000, 0x1000), ("ota_0", APP, 0x10, 0x10000, 0x60000),
             ("ota_1", APP, 0x11, 0x70000, 0x60000), ("vfs", DATA, 0x81, 0xD0000, 0x30000)]
WITH_FACTORY = [("nvs", DATA, 2, 0x9000, 0x4000), ("otadata", DATA, 0, 0xD000, 0x2000),
                ("phy_init", DATA, 1, 0xF000, 0x1000), ("factory", APP, 0, 0x10000, 0x40000),
                ("ota_0", APP, 0x10, 0x50000, 0x40000), ("ota_1", APP, 0x11, 0x90000, 0x40000),
                ("test", APP, 0x20, 0xD0000, 0x20000)]
FLASH = 0x100000


def table(rows=None, md5=True):
    out = b""
    for label, kind, subtype, offset, size in rows if rows is not None else TWO_SLOTS:
        out += struct.pack("<HBBII16sI", 0x50AA, kind, subtype, offset, size, label.encode(), 0)
    if md5:
        out += b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(out).digest()
    return out.ljust(0xC00, b"\xff")


def entry(seq, state, crc=None):
    if crc is None:
        crc = zlib.crc32(struct.pack("<I", seq), 0xFFFFFFFF)
    return struct.pack("<I20sII", seq, b"\xff" * 20, state, crc)


def otadata(first=b"", second=b""):
    return first.ljust(0x1000, b"\xff") + second.ljust(0x1000, b"\xff")


def dump(parts, rows=None, size=FLASH, bootloader=None, chip="esp32c3"):
    """A flash: the table, and parts = {label: bytes}."""
    rows = TWO_SLOTS if rows is None else rows
    flash = bytearray(b"\xff" * size)
    flash[0x8000:0x8C00] = table(rows)
    if bootloader:
        at = 0x1000 if chip == "esp32" else 0
        flash[at:at + len(bootloader)] = bootloader
    for label, _, _, offset, room in rows:
        if label in parts:
            assert len(parts[label]) <= room
            flash[offset:offset + len(parts[label])] = parts[label]
    return bytes(flash)


def partition(flash, label, rows=None):
    for name, _, _, offset, size in TWO_SLOTS if rows is None else rows:
        if name == label:
            return flash[offset:offset + size]
    raise KeyError(label)
