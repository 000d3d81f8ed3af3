"""Other people's tools and firmware. Needs `make setup` and scripts/fetch_firmware.sh."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / "build/venv/bin"
FIRMWARE = ROOT / "build/firmware/micropython.bin"
BOOTLOADER_OFF = 0x1000  # of the ESP32; combined files begin there
TABLE_OFF = 0x8000


def tool(name):
    """A tool of the venv as a function: tool(words...) -> what it printed, on both streams."""
    def call(*words, cwd=None):
        done = subprocess.run([str(VENV / name), *map(str, words)], check=False, cwd=cwd,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=120)
        assert done.returncode == 0, f"{name} {words}:\n{done.stdout}"
        return done.stdout
    return call


@pytest.fixture(scope="session")
def esptool():
    return tool("esptool")


@pytest.fixture(scope="session")
def mp_image_tool():
    return tool("mp-image-tool-esp32")


def build_demo(ferry, folder):
    """The demo's programs: ELF files of the cross compiler, images of ferry."""
    done = subprocess.run([ROOT / "firmware/demo/build.sh", folder], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=dict(os.environ, FERRY=str(ferry.path)))
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture(scope="session")
def demo(ferry, tmp_path_factory):
    return build_demo(ferry, tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session")
def demo_again(ferry, tmp_path_factory):
    """The same, built a second time somewhere else."""
    return build_demo(ferry, tmp_path_factory.mktemp("demo-again") / "deeper")


class MicroPython:
    """A MicroPython release for the ESP32 in the shapes that its users meet."""

    combined: Path    # bootloader, table and app in one file, as it is downloaded
    app: Path         # the app alone
    bootloader: Path  # the bootloader alone, set to a flash of 8 MB
    flash: Path       # a whole flash of 8 MB with two slots, the app in ota_0


@pytest.fixture(scope="session")
def micropython(tmp_path_factory, esptool, mp_image_tool):
    if not FIRMWARE.is_file():
        pytest.fail(f"{FIRMWARE} is missing; run scripts/fetch_firmware.sh", pytrace=False)
    folder = tmp_path_factory.mktemp("micropython")
    files = MicroPython()
    files.combined = folder / "micropython.bin"
    shutil.copy(FIRMWARE, files.combined)
    mp_image_tool("--extract-app", files.combined, cwd=folder)
    files.app = folder / "micropython.app-bin"
    two_slots = folder / "two-slots.bin"
    mp_image_tool("--flash-size", "8M", "--table", "ota", "--output", two_slots, files.combined)
    files.bootloader = folder / "bootloader.bin"
    files.bootloader.write_bytes(two_slots.read_bytes()[:TABLE_OFF - BOOTLOADER_OFF])
    files.flash = folder / "flash.bin"
    esptool("--chip", "esp32", "merge-bin", "--output", files.flash, "--pad-to-size", "8MB",
            hex(BOOTLOADER_OFF), two_slots)
    return files


@pytest.fixture
def flash(micropython, tmp_path):
    """A flash file of one's own, with two slots and MicroPython in ota_0."""
    return shutil.copy(micropython.flash, tmp_path / "flash.bin")


def from_bootloader(flash_file, folder):
    """The flash as mp-image-tool-esp32 wants files for the ESP32: from the bootloader on."""
    path = folder / "from-bootloader.bin"
    path.write_bytes(Path(flash_file).read_bytes()[BOOTLOADER_OFF:])
    return path
