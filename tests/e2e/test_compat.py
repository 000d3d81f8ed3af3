"""A program written for ESP-IDF, compiled unchanged against compat/esp-idf, on a virtual device:
what it does to the device is what `ferry` then finds. COMPAT names the folder of the programs."""

import hashlib
import os
import struct
import subprocess
from pathlib import Path

import images
import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(os.environ.get("COMPAT", ROOT / "build" / "release" / "tests"))


@pytest.fixture
def program(device, tmp_path):
    """Runs a program on the device: program(name, **environment) -> CompletedProcess."""
    def run(name, **environment):
        names = {"FERRY_DEVICE": str(device.path), **environment}
        clean = {k: v for k, v in os.environ.items() if not k.startswith("FERRY_")}
        return subprocess.run([PROGRAMS / f"idf_{name}"], cwd=tmp_path, env={**clean, **names},
                              check=False, capture_output=True, text=True, timeout=60)
    return run


def put_update(tmp_path, **how):
    (tmp_path / "update.bin").write_bytes(images.app(size=60000, **how))


def test_it_runs_in_the_slot_that_boots(program):
    done = program("ota_app")
    assert done.returncode == 0, done.stderr
    assert "running from ota_0, version 1.0.0, reset reason 1" in done.stderr


def test_it_knows_its_bootloader(program, device):
    assert "bootloader" not in program("ota_app").stderr
    desc = struct.pack("<BxxBI32s24s", 0x50, 0, 7, b"v6.1", b"Jan  2 2026 03:04:05")
    flash = device.flash
    device.flash = flash[:0x20] + desc.ljust(80, b"\0") + flash[0x70:]
    said = program("ota_app").stderr
    assert "bootloader 7 of v6.1" in said
    assert "no key is revoked" in said


def test_it_looks_at_its_flash_and_at_a_pin(program, device):
    """A table's hash is of its bytes, an image's the one at its end."""
    table = hashlib.sha256(device.flash[0x8000:0x8c00]).hexdigest()
    app = device.part("ota_0").rstrip(b"\xff")[-32:].hex()
    said = program("selftest_app").stderr
    assert f"table at 0x8000 begins with {table[:4]}" in said
    assert f"app at 0x10000 begins with {app[:4]}" in said
    assert "no hash of the bootloader" in said and "looked: ESP_ERR_IMAGE_INVALID" in said
    bootloader = images.app(size=5000)
    device.flash = bootloader + device.flash[len(bootloader):]
    said = program("selftest_app").stderr
    assert f"bootloader at 0x0 begins with {bootloader[-32:].hex()[:4]}" in said
    assert "looked: ESP_OK" in said


def test_it_updates_restarts_and_confirms(program, device, tmp_path):
    put_update(tmp_path, version="2.0.0")
    done = program("ota_app")
    assert done.returncode == 0, done.stderr
    assert "update.bin is demo 2.0.0" in done.stderr
    assert "running from ota_1, version 2.0.0, reset reason 3" in done.stderr
    assert "confirmed" in done.stderr
    assert device.slot("ota_1")["state"] == "valid"
    assert device.status()["running"] == "ota_1"
    assert device.part("ota_1").startswith((tmp_path / "update.bin").read_bytes())
    assert device.boot()["booted"] == "ota_1"


def test_an_unwell_update_rolls_itself_back(program, device, tmp_path):
    put_update(tmp_path, version="2.0.0")
    done = program("ota_app", UNWELL="yes")
    # Rejected, it starts in the old slot again, finds the same file and tries it once more: until
    # the restarts run out, as a chip would go on for ever.
    assert done.returncode == 1
    assert "restarted 16 times" in done.stderr
    (tmp_path / "update.bin").unlink()
    device.boot()  # of the update, if the last restart had just installed it once more
    assert device.boot()["booted"] == "ota_0"


def test_a_damaged_update_is_not_installed(program, device, tmp_path):
    put_update(tmp_path, version="2.0.0")
    data = bytearray((tmp_path / "update.bin").read_bytes())
    data[40000] ^= 1
    (tmp_path / "update.bin").write_bytes(data)
    done = program("ota_app")
    assert done.returncode == 0
    assert "not installed: ESP_ERR_OTA_VALIDATE_FAILED" in done.stderr
    assert device.boot()["booted"] == "ota_0"


def test_running_slot_can_be_given(program, device):
    image = images.app(version="3.0.0", size=30000)
    device.put("ota_1", image)
    done = program("ota_app", FERRY_RUNNING="ota_1")
    assert "running from ota_1, version 3.0.0" in done.stderr


@pytest.mark.parametrize("named, said", [("", "FERRY_DEVICE names no device"),
                                         ("/nowhere", "cannot start on this device")])
def test_no_device_is_said(program, named, said):
    done = program("ota_app", FERRY_DEVICE=named)
    assert done.returncode == 1
    assert said in done.stderr
