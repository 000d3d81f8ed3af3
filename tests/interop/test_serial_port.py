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
    path.write_bytes(images.app(version="2.0.0", size=150000, seed=2))
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


def test_update_writes_the_next_slot_and_one_entry_new(ferry, chip, new_app):
    """What mp-image-tool-esp32 does with --ota-update."""
    board, app = chip(), new_app.read_bytes()
    before = board.flash.read_bytes()
    said = ferry.ok("update", "--port", board.port, "--esptool", ESPTOOL, new_app, "--json")
    assert said.json["slot"] == "ota_1" and said.json["version"] == "2.0.0"
    after = board.stop()
    assert images.partition(after, "ota_1")[:len(app)] == app
    assert entry(after, 0) == entry(before, 0)
    seq, state, crc = entry(after, 1)
    assert (seq, state) == (2, images.NEW)
    assert crc == zlib.crc32(struct.pack("<I", 2), 0xFFFFFFFF)
    end = 0x70000 + -(-len(app) // 4096) * 4096
    for a, b in ((0, 0xE000), (0xF000, 0x70000), (end, FLASH_BYTES)):
        assert after[a:b] == before[a:b], hex(a)


def test_updated_chip_boots_the_new_app(ferry, chip, new_app, tmp_path):
    board = chip()
    ferry.ok("update", "--port", board.port, "--esptool", ESPTOOL, new_app)
    dump = tmp_path / "after.bin"
    dump.write_bytes(board.stop())
    booted = ferry.ok("device", "boot", dump, "--chip=esp32c3", "--json").json
    assert booted["booted"] == "ota_1"


def test_without_rollback_the_entry_needs_no_confirmation(ferry, chip, new_app):
    board = chip()
    ferry.ok("update", "--port", board.port, "--esptool", ESPTOOL, "--rollback=off", new_app)
    assert entry(board.stop(), 1)[:2] == (2, images.UNDEFINED)


def test_same_bytes_as_on_a_dump(ferry, chip, new_app, tmp_path):
    """The port is a way to the flash and nothing else."""
    board, dump = chip(), tmp_path / "dump.bin"
    dump.write_bytes(board.flash.read_bytes())
    ferry.ok("update", dump, "--chip=esp32c3", new_app)
    ferry.ok("update", "--port", board.port, "--esptool", ESPTOOL, new_app)
    assert board.stop() == dump.read_bytes()


def test_going_back_by_hand(ferry, chip, new_app):
    board = chip()
    port = ("--port", board.port, "--esptool", ESPTOOL)
    ferry.ok("update", *port, "--rollback=off", new_app)
    ferry.ok("rollback", "force", *port, "--running=ota_1", "--rollback=off")
    assert ferry.ok("status", *port, "--json").json["next"] == "ota_0"


@pytest.mark.parametrize("name", ["esp32", "esp32s3", "esp32c6"])
def test_other_chips_are_recognized(ferry, chip, name):
    board = chip(name)
    said = ferry("status", "--port", board.port, "--esptool", ESPTOOL, "--json")
    assert said.json["port"]["chip"] == name, said


def test_image_of_another_chip_is_refused_and_nothing_written(ferry, chip, tmp_path):
    board = chip()
    before = board.flash.read_bytes()
    wrong = tmp_path / "s3.bin"
    wrong.write_bytes(images.app(version="2.0.0", chip="esp32s3"))
    result = ferry.refused("update", "--port", board.port, "--esptool", ESPTOOL, wrong)
    assert "esp32s3" in result.err and "Chip: writing" not in result.err
    assert board.stop() == before


def test_mp_image_tool_reads_what_we_left(ferry, chip, mp_image_tool, new_app, tmp_path):
    board = chip("esp32c3")
    ferry.ok("update", "--port", board.port, "--esptool", ESPTOOL, new_app)
    (tmp_path / "left.bin").write_bytes(board.stop())
    said = mp_image_tool(tmp_path / "left.bin")
    assert "ota_1" in said


def test_nobody_on_the_port(ferry):
    result = ferry.refused("status", "--port", "/dev/no-such-port", "--esptool", ESPTOOL)
    assert "there is no chip that answers on /dev/no-such-port" in result.err


def test_esptool_is_found_on_the_path(ferry, chip):
    board = chip()
    env = {"PATH": f"{VENV}:{os.environ['PATH']}"}
    assert "by esptool 5" in ferry.ok("status", "--port", board.port, env=env).err
