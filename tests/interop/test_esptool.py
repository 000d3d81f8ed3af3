"""esptool judges the images that ferry builds from real programs, and reads what it merged."""

import pytest
from conftest import ROOT

RELEASES = ("1.0.0", "1.1.0", "1.2.0")
PARTITIONS = ROOT / "firmware/demo/partitions.csv"

# Each with the names that esptool and ferry share.
OPTIONS = [
    (),
    ("--flash-mode", "qio", "--flash-freq", "40m", "--flash-size", "2MB"),
    ("--flash-mode", "dout", "--flash-freq", "20m", "--flash-size", "16MB"),
    ("--min-rev-full", "3", "--max-rev-full", "199"),
    ("--secure-pad-v2",),
    ("--dont-append-digest",),
    ("--use-segments",),
]


@pytest.mark.parametrize("release", RELEASES)
def test_image_of_a_real_program_is_accepted(esptool, demo, release):
    said = esptool("image-info", demo / f"demo-{release}.bin")
    assert "Detected image type: ESP32-C3" in said
    assert "(valid)" in said and "(invalid" not in said
    assert f"App version: {release}" in said


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: " ".join(options) or "none")
def test_image_is_byte_for_byte_elf2image(ferry, esptool, demo, tmp_path, options):
    elf = demo / "demo-1.1.0.elf"
    esptool("--chip", "esp32c3", "elf2image", *options, "--output", tmp_path / "theirs.bin", elf)
    ferry.ok("image", "build", elf, "--chip", "esp32c3", *options, "-o", tmp_path / "ours.bin")
    assert (tmp_path / "ours.bin").read_bytes() == (tmp_path / "theirs.bin").read_bytes()


def test_what_elf2image_makes_is_verified(ferry, esptool, demo, tmp_path):
    image = tmp_path / "theirs.bin"
    esptool("--chip", "esp32c3", "elf2image", "--output", image, demo / "demo-1.0.0.elf")
    assert ferry.ok("image", "verify", image, "--json").json["app"]["version"] == "1.0.0"


def test_merged_flash_boots(ferry, esptool, demo, tmp_path):
    """Table by ferry, merge by esptool, read and booted by ferry."""
    table, flash = tmp_path / "table.bin", tmp_path / "flash.bin"
    ferry.ok("partitions", "build", PARTITIONS, "-o", table)
    esptool("--chip", "esp32c3", "merge-bin", "--output", flash, "--pad-to-size", "4MB",
            "0x8000", table, "0x10000", demo / "demo-1.0.0.bin")
    assert ferry.ok("status", flash, "--chip", "esp32c3", "--json").json["next"] == "ota_0"
    booted = ferry.ok("device", "boot", flash, "--chip", "esp32c3", "--json").json
    assert booted["booted"] == "ota_0"


def test_flash_of_a_device_is_image_info_where_the_slot_lies(ferry, esptool, demo, tmp_path):
    """After an update the bytes in the slot are an image that esptool accepts."""
    device = tmp_path / "device"
    ferry.ok("device", "new", device, "--chip", "esp32c3", "--flash-size", "4MB",
             "--partitions", PARTITIONS, "--app", f"ota_0={demo / 'demo-1.0.0.bin'}")
    ferry.ok("device", "boot", device)
    ferry.ok("update", device, demo / "demo-1.1.0.bin")
    booted = ferry.ok("device", "boot", device, "--json").json
    assert booted["booted"] == "ota_1"
    size = (demo / "demo-1.1.0.bin").stat().st_size
    slot = tmp_path / "slot.bin"
    flash = (device / "flash.bin").read_bytes()
    slot.write_bytes(flash[booted["booted_offset"]:booted["booted_offset"] + size])
    said = esptool("image-info", slot)
    assert "App version: 1.1.0" in said and "(invalid" not in said
