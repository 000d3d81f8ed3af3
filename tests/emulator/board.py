"""A board: the machine's flash with bootloader, table and app, and what ferry's tools say of it."""

import hashlib
import struct
import time

from machine import FLASH_BYTES, ROOT, Machine

TABLE = ROOT / "firmware/demo/partitions.csv"
VALID = 2  # state of an otadata entry
NVS, OTADATA, OTADATA_BYTES = 0x9000, 0xD000, 0x2000
SLOTS = {"ota_0": 0x10000, "ota_1": 0x110000}
USED_BYTES = 0x210000  # partitions that boot and update touch; the rest of the flash stays blank
JOURNAL = FLASH_BYTES - 4096  # of a reflash
STORAGE, STORAGE_BYTES = 0x210000, 0x100000
VERSIONS = ("1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0", "1.6.0")
BANNER = rb"ferry-bare ([0-9.]+)\r\n(?s:.*?)running [0-9.]+ in (\w+)\r\n(?s:.*?)\n> "
WANT = rb"want (\d+) (\d+)\r\n"


class Prediction:
    """What ferry's tools say that the machine will do."""

    def __init__(self, slot, selected, otadata, release, storage=b""):
        self.slot, self.selected, self.otadata, self.release = slot, selected, otadata, release
        self.storage = storage  # what a reflash that waits will have written

    @property
    def confirmed(self):
        """An entry of the slot that boots is valid."""
        entries = (self.otadata[:32], self.otadata[0x1000:0x1020])
        return any(state == VALID and (seq - 1) % len(SLOTS) == list(SLOTS).index(self.slot)
                   for seq, state in (struct.unpack("<I20xI4x", entry) for entry in entries))


class Board:
    """One flash file and the programs that are meant for it."""

    table, slots = TABLE, SLOTS
    used_bytes = USED_BYTES
    facts = ("--chip", "esp32c3")  # what the flash does not say of its chip

    def __init__(self, ferry, programs, folder, first="1.0.0"):
        self.ferry, self.programs, self.folder = ferry, programs, folder
        self.flash, self.copy = folder / "device/flash.bin", folder / "copy.bin"
        ferry.ok("device", "new", folder / "device", "--chip", "esp32c3", "--flash-size", "32MB",
                 "--partitions", self.table, "--bootloader", programs / "bootloader.bin",
                 "--app", f"ota_0={self.release(first)}")
        self.genuine = {version: self.release(version).read_bytes() for version in VERSIONS}

    def release(self, version):
        return self.programs / f"bare-{version}.bin"

    def power_on(self):
        return Machine(self.programs / "rom.elf", self.flash)

    def boot(self):
        """Power on and wait for the prompt: (machine, version, slot)."""
        machine = self.power_on()
        said = machine.expect(BANNER)
        return machine, said[1].decode(), said[2].decode()

    def read(self, offset, n):
        with open(self.flash, "rb") as file:
            file.seek(offset)
            return file.read(n)

    def holds(self, slot):
        """The genuine release that lies whole in a slot, or None."""
        for version, image in self.genuine.items():
            if self.read(self.slots[slot], len(image)) == image:
                return version
        return None

    def reflash_waits(self):
        """A plan is in the journal and not finished."""
        if self.read(JOURNAL, 4) != b"FRYJ":
            return False
        told = self.ferry.ok("reflash", "status", self.flash, *self.facts, "--json").json
        return told["state"] == "unfinished"

    def finish_on_copy(self):
        """What the bootloader does first: `ferry reflash resume` on a copy that has the journal and
        what a plan may touch. What it writes into the storage partition."""
        with open(self.copy, "r+b") as copy:
            copy.seek(STORAGE)
            copy.write(self.read(STORAGE, STORAGE_BYTES))
            copy.seek(JOURNAL)
            copy.write(self.read(JOURNAL, 4096))
        self.ferry.ok("reflash", "resume", self.copy, *self.facts, "--resumes=bootloader")
        with open(self.copy, "rb") as copy:
            copy.seek(STORAGE)
            return copy.read(STORAGE_BYTES)

    def predict(self):
        """Asks `ferry status` about the flash, lets `ferry device boot` boot a copy of it."""
        self.copy.write_bytes(self.read(0, self.used_bytes))
        storage, asked = b"", self.flash
        if self.reflash_waits():
            storage, asked = self.finish_on_copy(), self.copy
        status = self.ferry.ok("status", asked, *self.facts, "--json").json
        boot = self.ferry.ok("device", "boot", self.copy, *self.facts, "--json").json
        assert status["next"] == boot["booted"], (status, boot)
        return Prediction(boot["booted"], boot["selected"],
                          self.copy.read_bytes()[OTADATA:OTADATA + OTADATA_BYTES],
                          self.holds(boot["booted"]), storage)

    def boot_as_predicted(self):
        """Boots; slot, release and both otadata sectors must be what the tools said."""
        told = self.predict()
        machine, version, slot = self.boot()
        assert (version, slot) == (told.release, told.slot), machine.said
        machine.settle()
        assert self.read(STORAGE, len(told.storage)) == told.storage
        assert self.read(OTADATA, OTADATA_BYTES) == told.otadata
        return machine, version, slot

    def cut_in_reflash(self, size, chance, longest_s=0):
        """The app begins to fill the start of the storage partition, and its power fails: the
        content. On a busy host the cut may come too late; then once more, with other content."""
        for _ in range(10):
            content = chance.randbytes(size)
            machine, _, _ = self.boot_as_predicted()
            line = stage("data", STORAGE, size, content)
            assert send_update(machine, content, line=line)[0] == "ok"
            machine.send("reflash")
            machine.expect(rb"begun\r\n")
            time.sleep(chance.uniform(0, longest_s))
            machine.kill()
            if self.reflash_waits():
                return content
        raise AssertionError("no cut falls into the reflash")

    def reboot(self, machine):
        machine.send("reboot")
        assert machine.end() == 0
        return self.boot_as_predicted()


def announce(image, *words):
    """The command that offers an image."""
    return " ".join(["update", str(len(image)), hashlib.sha256(image).hexdigest(), *words])


def stage(kind, place, size, content):
    """The command that offers the content of one step of a reflash."""
    return f"stage {kind} {place:#x} {size:#x} {len(content)} {hashlib.sha256(content).hexdigest()}"


def send_update(machine, image, *words, stop_at=None, line=None):
    """Offers an image, or what `line` says, and gives what is wanted. Returns what the device said
    in the end and the offsets it asked for; with stop_at it stops answering from that offset on."""
    machine.send(line or announce(image, *words))
    offsets = []
    while True:
        said = machine.expect(WANT + rb"|(?:^|\n)(ok|error [^\r]*)\r\n> ")
        if said[3]:
            return said[3].decode(), offsets
        offset, n = int(said[1]), int(said[2])
        offsets.append(offset)
        if stop_at is not None and offset >= stop_at:
            return None, offsets
        machine.send(image[offset:offset + n])


def with_app_changed(image, offset, byte):
    """The image with one byte of it changed and its own SHA-256 made right again."""
    body = bytearray(image[:-32])
    body[offset] ^= byte
    return bytes(body) + hashlib.sha256(body).digest()
