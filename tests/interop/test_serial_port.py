"""--port: `ferry` on a chip behind a serial port. The real esptool talks to a simulated ROM loader;
tests/e2e/test_port.py has the rest, with an esptool that fails on demand."""

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from conftest import ROOT, VENV

sys.path.append(str(ROOT / "tests/e2e"))
import images  # noqa: E402

ESPTOOL = VENV / "esptool"
FLASH_BYTES = 4 << 20


class Chip:
    """A simulated chip whose flash is a file; stop() brings the flash as it was left."""

    def __init__(self, name, flash):
        self.flash = flash
        self.process = subprocess.Popen(
            [VENV / "python3", Path(__file__).with_name("mock_chip.py"), name, flash],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = f"socket://127.0.0.1:{self.process.stdout.readline().strip()}"

    def stop(self):
        if self.process.poll() is None:
            self.process.communicate(timeout=30)
        return self.flash.read_bytes()


def chip_flash(chip="esp32c3"):
    app = images.app(version="1.0.0", size=30000, chip=chip)
    return images.dump({"ota_0": app, "otadata": images.otadata(images.entry(1, images.VALID))},
                       size=FLASH_BYTES, chip=chip)


@pytest.fixture
def chip(tmp_path):
    running = []

    def start(name="esp32c3", flash=None):
        path = tmp_path / "chip.bin"
        path.write_bytes(chip_flash(name) if flash is None else flash)
        running.append(Chip(name, path))
        return running[-1]

    yield start
    for each in running:
        each.stop()


@pytest.fixture
def new_app(tmp_path):
    path = tmp_path / "v2.bin"
    path.write_bytes(images.app(version="2.0.0", size=20000, seed=2))
    return path


def entry(flash, i):
    at = 0xD000 + 0x1000 * i
    return struct.unpack("<I20xII", flash[at:at + 32])


def test_status_says_what_is_on_the_chip(ferry, chip):
    board = chip()
    before = board.flash.read_bytes()
    said = ferry.ok("status", "--port", board.port, "--esptool", ESPTOOL, "--json")
    assert said.json["chip"] == "esp32c3" and said.json["flash_size"] == FLASH_BYTES
    assert said.json["port"]["mac"].startswith("24:0a:c4")
    assert said.json["next"] == "ota_0" and said.json["table_ok"] is True
    assert "Chip: writing" not in said.err
    assert board.stop() == before


class Updated:
    """One update over the port, and what it left."""


@pytest.fixture(scope="module")
def updated(ferry, tmp_path_factory):
    folder, it = tmp_path_factory.mktemp("updated"), Updated()
    it.app, it.left = folder / "v2.bin", folder / "left.bin"
    it.app.write_bytes(images.app(version="2.0.0", size=150000, seed=2))
    it.before = chip_flash()
    it.left.write_bytes(it.before)
    board = Chip("esp32c3", it.left)
    try:
        it.said = ferry("update", "--port", board.port, "--esptool", ESPTOOL, it.app, "--json")
    finally:
        it.after = board.stop()
    assert it.said.code == 0, it.said
    return it


def test_update_writes_the_next_slot_and_one_entry_new(updated):
    """What mp-image-tool-esp32 does with --ota-update."""
    before, after, app = updated.before, updated.after, updated.app.read_bytes()
    assert updated.said.json["slot"] == "ota_1" and updated.said.json["version"] == "2.0.0"
    assert images.partition(after, "ota_1")[:len(app)] == app
    assert entry(after, 0) == entry(before, 0)
    seq, state, crc = entry(after, 1)
    assert (seq, state) == (2, images.NEW)
    assert crc == zlib.crc32(struct.pack("<I", 2), 0xFFFFFFFF)
    end = 0x70000 + -(-len(app) // 4096) * 4096
    for a, b in ((0, 0xE000), (0xF000, 0x70000), (end, FLASH_BYTES)):
        assert after[a:b] == before[a:b], hex(a)


def test_updated_chip_boots_the_new_app(ferry, updated, tmp_path):
    dump = tmp_path / "after.bin"
    dump.write_bytes(updated.after)
    booted = ferry.ok("device", "boot", dump, "--chip=esp32c3", "--json").json
    assert booted["booted"] == "ota_1"


def test_same_bytes_as_on_a_dump(ferry, updated, tmp_path):
    """The port is a way to the flash and nothing else."""
    dump = tmp_path / "dump.bin"
    dump.write_bytes(updated.before)
    ferry.ok("update", dump, "--chip=esp32c3", updated.app)
    assert dump.read_bytes() == updated.after


def test_without_rollback_the_entry_needs_no_confirmation(ferry, chip, new_app):
    board = chip()
    ferry.ok("update", "--port", board.port, "--esptool", ESPTOOL, "--rollback=off",
             "--running=ota_0", new_app)
    assert entry(board.stop(), 1)[:2] == (2, images.UNDEFINED)


def test_nobody_on_the_port(ferry):
    result = ferry.refused("status", "--port", "/dev/no-such-port", "--esptool", ESPTOOL)
    assert "there is no chip that answers on /dev/no-such-port" in result.err


def test_esptool_is_found_on_the_path(ferry):
    env = {"PATH": f"{VENV}:{os.environ['PATH']}"}
    result = ferry.refused("status", "--port", "/dev/no-such-port", env=env)
    assert "there is no chip that answers on /dev/no-such-port" in result.err


def test_merged_image_is_flashed_as_onto_a_dump(ferry, chip, tmp_path):
    """Bootloader, table, otadata and app; behind them stays what was there."""
    bootloader = images.app(no_descriptor=True, size=9000)
    app = images.app(version="3.0.0", size=20000, seed=3)
    merged, dump = tmp_path / "merged.bin", tmp_path / "dump.bin"
    merged.write_bytes(images.dump({"ota_0": app}, bootloader=bootloader)[:0x10000 + len(app)])
    board = chip()
    dump.write_bytes(board.flash.read_bytes())
    said = ferry.ok("image", "flash", "--port", board.port, "--esptool", ESPTOOL, merged, "--json")
    assert said.json["size"] == merged.stat().st_size
    ferry.ok("image", "flash", dump, merged, "--chip=esp32c3")
    after = board.stop()
    assert after == dump.read_bytes()
    assert after[0x10000:0x10000 + len(app)] == app
    booted = ferry.ok("device", "boot", dump, "--chip=esp32c3", "--json").json
    assert booted["booted"] == "ota_0"


def test_merged_image_for_another_chip_is_refused(ferry, chip, tmp_path):
    merged = tmp_path / "merged.bin"
    merged.write_bytes(chip_flash("esp32"))
    board = chip()
    before = board.flash.read_bytes()
    ferry.refused("image", "flash", "--port", board.port, "--esptool", ESPTOOL, merged)
    assert board.stop() == before


def test_files_go_to_a_chip_and_back(ferry, chip, tmp_path):
    """As on a dump, byte for byte, and nothing outside the partition changes."""
    board = chip()
    before, dump = board.flash.read_bytes(), tmp_path / "dump.bin"
    dump.write_bytes(before)
    main, big = tmp_path / "main.py", tmp_path / "big.bin"
    main.write_text("print(5)\n")
    big.write_bytes(os.urandom(9000))

    def fs(command, *words):
        said = ferry.ok("fs", command, "--port", board.port, "--esptool", ESPTOOL, *words,
                        "--json").json
        on_dump = ferry.ok("fs", command, dump, *words, "--chip=esp32c3", "--json").json
        return said, on_dump

    fs("mkfs")
    fs("put", main, big, "/lib/")
    said, on_dump = fs("ls", "-R")
    assert said["entries"] == on_dump["entries"]
    fs("get", "/lib/big.bin", tmp_path / "back.bin")
    assert (tmp_path / "back.bin").read_bytes() == big.read_bytes()
    after = board.stop()
    assert after == dump.read_bytes()
    at, size = next((o, z) for n, _, _, o, z in images.TWO_SLOTS if n == "vfs")
    assert after[:at] == before[:at] and after[at + size:] == before[at + size:]
