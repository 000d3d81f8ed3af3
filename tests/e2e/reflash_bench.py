"""What the reflash tests work on: a 1 MB device with two slots, NVS and a file system whose last
sector is free for the journal, contents to put on it, and the journal's bytes built from
docs/design/reflash.md alone."""
import hashlib
import random
import signal
import struct
import time

import images
from images import APP, DATA

SECTOR = 0x1000
JOURNAL = images.FLASH - SECTOR
OLD = [("nvs", DATA, 2, 0x9000, 0x4000), ("otadata", DATA, 0, 0xD000, 0x2000),
       ("phy_init", DATA, 1, 0xF000, 0x1000), ("ota_0", APP, 0x10, 0x10000, 0x40000),
       ("ota_1", APP, 0x11, 0x50000, 0x40000), ("storage", DATA, 0x82, 0x90000, 0x20000)]
# Larger slots, NVS and file system behind them and larger too.
NEW = [("otadata", DATA, 0, 0x9000, 0x2000), ("phy_init", DATA, 1, 0xB000, 0x1000),
       ("ota_0", APP, 0x10, 0x10000, 0x50000), ("ota_1", APP, 0x11, 0x60000, 0x50000),
       ("nvs", DATA, 2, 0xB0000, 0x6000), ("storage", DATA, 0x82, 0xB6000, 0x30000)]
MIGRATION = ("--step=table=new.csv", "--step=move@nvs=nvs", "--step=move@storage=storage",
             "--step=bootloader=boot2.bin", "--step=blank@otadata")
CHIP_IDS = {**images.CHIPS, "esp32h2": 16}
BOOTLOADER_OFF = {"esp32": 0x1000, "esp32s2": 0x1000}


def noise(n, seed):
    return random.Random(seed).randbytes(n)


def bootloader(seed=1, chip="esp32c3", size=14000, bad_hash=False):
    """A second-stage bootloader: two segments for RAM, checksum and SHA-256."""
    body = noise(size // 4 * 4, seed)
    out = struct.pack("<BBBBI", 0xE9, 2, 2, 0x2F, 0x403CE000)
    out += struct.pack("<BBBBHBHH4xB", 0xEE, 0, 0, 0, CHIP_IDS[chip], 0, 0, 0xFFFF, 1)
    checksum = 0xEF
    for address, data in ((0x3FCD5000, body), (0x403CE000, body[:256])):
        out += struct.pack("<II", address, len(data)) + data
        for byte in data:
            checksum ^= byte
    out += b"\0" * (15 - len(out) % 16) + bytes([checksum])
    digest = hashlib.sha256(out).digest()
    return out + (bytes([digest[0] ^ 1]) + digest[1:] if bad_hash else digest)


def csv(rows):
    """The rows as gen_esp32part.py takes them."""
    kinds = {APP: "app", DATA: "data"}
    return "".join(f"{label}, {kinds[kind]}, 0x{subtype:02x}, 0x{offset:x}, 0x{size:x}\n"
                   for label, kind, subtype, offset, size in rows)


def journal(steps, marks=(), journal_at=JOURNAL, flash=images.FLASH, good=True):
    """A journal's sector. steps: (kind, source, flags, dest, size, length, from, sha256)."""
    head = b"FRYJ" + bytes([1, len(steps), 16, 1]) + struct.pack("<III", 0, flash, journal_at)
    head += bytes([len(steps)]) + b"\0" * 11
    body = b"".join(struct.pack("<BBHIIII12x", *step[:7]) + step[7] for step in steps)
    sha = hashlib.sha256(head + body).digest()
    sector = bytearray((head + (sha if good else b"\0" * 32) + body).ljust(SECTOR, b"\xff"))
    for at in marks:
        sector[at] = 0
    return bytes(sector)


class Bench:
    """The device, and the files that the tests give it, in one folder."""

    def __init__(self, ferry, folder, *options, rows=OLD, boot=True, name="dev", chip="esp32c3"):
        self.ferry, self.folder, self.rows = ferry, folder, rows
        self.path = folder / name
        self.nvs, self.fs = noise(0x2100, 7), noise(0x4000, 8)
        self.app = images.app(version="1.0.0", size=60000, chip=chip)
        self.boot1 = bootloader(1, chip)
        for file, data in (("v1.bin", self.app), ("old.bin", images.table(rows)),
                           ("boot1.bin", self.boot1), ("boot2.bin", bootloader(2, chip)),
                           ("v2.bin", images.app(version="2.0.0", size=90000, seed=2, chip=chip)),
                           ("fs.bin", noise(0x5000, 9)), ("new.csv", csv(NEW).encode())):
            (folder / file).write_bytes(data)
        self("device", "new", self.path, f"--chip={chip}", f"--flash-size={images.FLASH}",
             "--partitions=old.bin", "--bootloader=boot1.bin", "--app=ota_0=v1.bin", *options)
        self.put(self.at("nvs"), self.nvs)
        self.put(self.at("storage"), self.fs)
        if boot:
            self("device", "boot", self.path)

    def __call__(self, *words, **options):
        return self.ferry.ok(*words, cwd=self.folder, **options)

    def reflash(self, verb, *words, **options):
        """Runs `ferry reflash VERB`, whatever comes of it."""
        return self.ferry("reflash", verb, self.path, *words, "--json", cwd=self.folder, **options)

    def done(self, verb, *words, **options):
        result = self.reflash(verb, *words, **options)
        assert result.code == 0, result
        return result.json

    def refused(self, verb, *words, code=None, staging="ota_1", **options):
        """Insists on a refusal that changed nothing but the staging area, and gives the object."""
        before, facts = self.flash, self.facts
        result = self.reflash(verb, *words, **options)
        assert result.code == 1 and result.err.strip(), result
        assert code is None or result.json["code"] == code, result
        assert self.facts == facts
        for label, _, _, offset, size in self.rows:
            if label != staging:
                assert self.flash[offset:offset + size] == before[offset:offset + size], label
        assert self.flash[:0x9000] == before[:0x9000]
        assert self.flash[JOURNAL:] == before[JOURNAL:], "the journal was written"
        return result.json

    @property
    def flash(self):
        return (self.path / "flash.bin").read_bytes()

    @flash.setter
    def flash(self, data):
        (self.path / "flash.bin").write_bytes(data)

    @property
    def facts(self):
        return (self.path / "device.json").read_text()

    def at(self, label, rows=None):
        return next(row[3] for row in rows or self.rows if row[0] == label)

    def part(self, label, rows=None):
        return images.partition(self.flash, label, rows or self.rows)

    def put(self, offset, data):
        flash = self.flash
        self.flash = flash[:offset] + data + flash[offset + len(data):]

    def state(self):
        return self.done("status")["state"]

    def killed(self, *words, after):
        """Runs the command and kills it, as a power cut would, unless it is through before."""
        process = self.ferry.start("reflash", *words, cwd=self.folder)
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
        out, err = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), out + err
        return process.returncode != 0
