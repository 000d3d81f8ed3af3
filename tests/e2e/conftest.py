"""What the tests of the command line share: devices to work on, and what must hold after a failed
update (docs/design.md, "After a failed or interrupted update")."""
import json
import os
import shutil
import struct

import images
import pytest

RUNS, TARGET = "ota_0", "ota_1"


class Device:
    """A virtual device of two slots on which demo 1.0.0 runs in ota_0."""

    def __init__(self, ferry, path, rows, *options):
        self.ferry, self.path, self.rows = ferry, path, rows
        work = path.parent
        (work / "table.bin").write_bytes(images.table(rows))
        (work / "v1.bin").write_bytes(images.app(version="1.0.0", size=30000))
        ferry.ok("device", "new", path, "--chip=esp32c3", f"--flash-size={images.FLASH}",
                 "--partitions", work / "table.bin", "--app", f"{RUNS}={work / 'v1.bin'}", *options)

    @property
    def flash(self):
        return (self.path / "flash.bin").read_bytes()

    @flash.setter
    def flash(self, data):
        (self.path / "flash.bin").write_bytes(data)

    @property
    def facts(self):
        return json.loads((self.path / "device.json").read_text())

    def part(self, label, flash=None):
        return images.partition(self.flash if flash is None else flash, label, self.rows)

    def put(self, label, data):
        """Sets the first bytes of a partition, as a programmer on the bench would."""
        offset = next(row[3] for row in self.rows if row[0] == label)
        flash = self.flash
        self.flash = flash[:offset] + data + flash[offset + len(data):]

    def boot(self):
        return self.ferry.ok("device", "boot", self.path, "--json").json

    def status(self):
        return self.ferry("status", self.path, "--json").json

    def slot(self, label):
        return next(s for s in self.status()["slots"] if s["label"] == label)

    def update(self, source, *options, **how):
        return self.ferry("update", self.path, source, *options, **how)


@pytest.fixture
def powerless_ferry(ferry):
    """ferry without the privilege to open what a file's permissions forbid, also for root."""
    if os.geteuid() != 0:
        return ferry
    return type(ferry)("setpriv", "--bounding-set=-dac_override,-dac_read_search",
                       "--inh-caps=-dac_override,-dac_read_search")


def entries(otadata):
    return otadata[:32], otadata[0x1000:0x1020]


def names(entry, slots=2):
    """The slot an entry names, or None."""
    seq, crc = struct.unpack("<I24xI", entry)
    if seq == 0xFFFFFFFF or images.entry(seq, 0)[28:] != struct.pack("<I", crc):
        return None
    return (seq - 1) % slots


class Promise:
    """The state before an update; kept() is what design.md promises after a failed one."""

    def __init__(self, device, target=TARGET):
        self.device, self.target = device, target
        self.before, self.facts = device.flash, device.facts
        self.boots = device.status()["next"]

    def kept(self):
        device, after = self.device, self.device.flash
        table_end = 0x9000
        assert after[:table_end] == self.before[:table_end]
        for label, *_ in device.rows:
            if label not in ("otadata", self.target):
                assert device.part(label, after) == device.part(label, self.before), label
        self._otadata_kept(after)
        assert device.facts == self.facts
        self._target_kept(after)
        self._boots_the_same()

    def _otadata_kept(self, after):
        running = int(RUNS[-1])
        was = [e for e in entries(self.device.part("otadata", self.before)) if names(e) == running]
        now = entries(self.device.part("otadata", after))
        for entry in was:
            assert entry in now
        for entry in now:
            assert names(entry) in (running, None) or entry in entries(
                self.device.part("otadata", self.before))

    def _target_kept(self, after):
        slot = self.device.slot(self.target)
        untouched = self.device.part(self.target, after) == self.device.part(
            self.target, self.before)
        assert untouched or not slot["verified"], "a half-written image would boot"

    def _boots_the_same(self):
        copy = self.device.path.with_name("copy")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.device.path, copy)
        assert self.device.ferry.ok("device", "boot", copy, "--json").json["booted"] == self.boots


@pytest.fixture
def make_device(ferry, tmp_path):
    def make(*options, rows=images.TWO_SLOTS, name="dev"):
        return Device(ferry, tmp_path / name, rows, *options)
    return make


@pytest.fixture
def device(make_device):
    """Switched on once, so that ota_0 runs and has its entry."""
    made = make_device()
    made.boot()
    return made


@pytest.fixture
def image_file(tmp_path):
    """image_file(version="2.0.0", ...) writes an app image and gives its path."""
    def write(name="app.bin", **knobs):
        path = tmp_path / name
        path.write_bytes(images.app(**{"version": "2.0.0", "size": 150000, "seed": 2, **knobs}))
        return path
    return write
