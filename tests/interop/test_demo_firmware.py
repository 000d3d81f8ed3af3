"""The demo's firmware runs: its images are loaded segment by segment, as a bootloader loads them,
into an emulated rv32imc with just enough of the ESP32-C3 around it."""

import hashlib
import re
import sys

import pytest
from conftest import ROOT

sys.path.append(str(ROOT / "tests/emulator"))
from chip import FLASH_BYTES, Chip  # noqa: E402

IMAGE_OFF = 0x10000
DESCRIPTOR_OFF = 32  # where the first segment's data begin, behind two headers


@pytest.fixture
def start(demo, tmp_path):
    """start(release) -> (its image, a chip that has it in flash and is switched on)."""
    def call(release):
        image = (demo / f"demo-{release}.bin").read_bytes()
        flash = tmp_path / "flash.bin"
        flash.write_bytes((b"\xff" * IMAGE_OFF + image).ljust(FLASH_BYTES, b"\xff"))
        return image, Chip(flash, IMAGE_OFF)
    return call


@pytest.mark.parametrize("release", ["1.0.0", "1.1.0"])
def test_release_runs_and_reads_all_of_its_flash(start, release):
    image, chip = start(release)
    chip.expect(rb"tick 0\r\ntick 1\r\ntick 2\r\n")
    text = chip.said.decode()
    assert f"ferry-demo {release}\r\n" in text
    n_bytes = int.from_bytes(image[28:32], "little")
    digest = hashlib.sha256(image[DESCRIPTOR_OFF:DESCRIPTOR_OFF + n_bytes]).hexdigest()
    assert f"{n_bytes} bytes, sha256 {digest}" in text
    assert re.search(r"table: [1-9]\d+ bytes, crc32 [0-9a-f]{8}", text)


def test_broken_release_restarts_right_after_its_name(start):
    _, chip = start("1.2.0")
    assert chip.end() == "reset"
    assert re.fullmatch(r"\r\nferry-demo 1\.2\.0\r\npanic: cause 2 at 0x42[0-9a-f]{6}, "
                        r"restarting\r\n", chip.said.decode())


def test_build_gives_the_same_bytes_twice(demo, demo_again):
    for release in ("1.0.0", "1.1.0", "1.2.0"):
        name = f"demo-{release}.bin"
        assert (demo / name).read_bytes() == (demo_again / name).read_bytes()
