"""Bootloaders as ESP-IDF builds them, through every command that takes one: they have no app
descriptor, what lies where an app has it may be anything, and the first segment may be 4 bytes."""
import hashlib
import struct

import images
import pytest

PLACES = {"esp32": 0x1000, "esp32c3": 0, "esp32c6": 0, "esp32s3": 0}
TEXT = b"load partition table error!\0"


def bootloader(chip, first_bytes, damaged=False):
    """Two segments; the first of so many bytes of noise."""
    noise = hashlib.sha256(chip.encode()).digest() * 300
    segments = [(0x3FFF0018, noise[:first_bytes]), (0x403CE000, TEXT + noise[:8000])]
    out = struct.pack("<BBBBI", 0xE9, len(segments), 2, 0x0F, segments[1][0])
    out += struct.pack("<BBBBHBHH4xB", 0xEE, 0, 0, 0, images.CHIPS[chip], 0, 0, 0xFFFF, 1)
    checksum = 0xEF
    for address, body in segments:
        out += struct.pack("<II", address, len(body)) + body
        for byte in body:
            checksum ^= byte
    out += b"\0" * (15 - len(out) % 16) + bytes([checksum ^ (0x55 if damaged else 0)])
    return out + hashlib.sha256(out).digest()


def flash_of(chip, boot=b""):
    """A flash of 1 MB with an app in ota_0; the bootloader where this chip has it."""
    flash = bytearray(images.dump({"ota_0": images.app(chip=chip)}, chip=chip))
    flash[PLACES[chip]:0x8000] = boot.ljust(0x8000 - PLACES[chip], b"\xff")
    return bytes(flash)


@pytest.fixture(params=[(chip, n) for chip in PLACES for n in (4, 4000)],
                ids=lambda p: f"{p[0]}, {p[1]} bytes first")
def boot(request, tmp_path):
    chip, first_bytes = request.param
    path = tmp_path / "boot.bin"
    path.write_bytes(bootloader(chip, first_bytes))
    return chip, path


def test_file_is_told_from_an_app_and_checked(ferry, boot):
    chip, path = boot
    said = ferry.ok("image", "info", path, "--json").json
    assert (said["kind"], said["chip"], len(said["segments"])) == ("bootloader", chip, 2)
    text = ferry.ok("image", "info", path).out
    assert f"bootloader for {chip}" in text and "1 MB\n" in text
    for options in ([], [f"--chip={chip}"]):
        assert "a bootloader" in ferry.ok("image", "verify", path, *options).out
    path.write_bytes(bootloader(chip, 4, damaged=True))
    assert "checksum" in ferry.refused("image", "verify", path).err


def test_it_goes_onto_a_flash_and_comes_back(ferry, boot, tmp_path):
    chip, path = boot
    dump, out = tmp_path / "dump.bin", tmp_path / "out.bin"
    dump.write_bytes(flash_of(chip))
    ferry.ok("partitions", "write", dump, "bootloader", path, "--force", f"--chip={chip}")
    assert dump.read_bytes() == flash_of(chip, path.read_bytes())
    ferry.ok("partitions", "read", dump, "bootloader", out, "--image")
    assert out.read_bytes() == path.read_bytes()
    ferry.ok("image", "extract", dump, "--partition=bootloader", "-o", out)
    assert out.read_bytes() == path.read_bytes()
    assert ferry.ok("doctor", dump, "--json").json["findings"] == []


def test_merged_image_with_it_is_flashed(ferry, boot, tmp_path):
    chip, path = boot
    merged, dump = tmp_path / "merged.bin", tmp_path / "dump.bin"
    content = flash_of(chip, path.read_bytes())[:0x16000]
    merged.write_bytes(content)
    dump.write_bytes(b"\xff" * images.FLASH)
    ferry.ok("image", "flash", dump, merged, f"--chip={chip}")
    assert dump.read_bytes().startswith(content)
    assert ferry.ok("status", dump, "--json").json["next"] == "ota_0"


def test_flash_size_is_set_in_its_header(ferry, boot, tmp_path):
    chip, path = boot
    dump, copy, out = (tmp_path / name for name in ("dump.bin", "copy.bin", "out.bin"))
    dump.write_bytes(flash_of(chip, path.read_bytes()))
    ferry.ok("partitions", "edit", dump, "-o", copy, "--flash-size=8MB")
    ferry.ok("partitions", "read", copy, "bootloader", out, "--image")
    assert ferry.ok("image", "info", out, "--json").json["flash_mb"] == 8


def test_app_without_descriptor_is_taken_for_none(ferry, tmp_path):
    app = tmp_path / "app.bin"
    app.write_bytes(images.app(no_descriptor=True))
    assert ferry("image", "info", app, "--json").json["kind"] == "image"
