"""ferry image flash: a merged image onto a device, and what is refused before a byte changes."""
from pathlib import Path

import images
import pytest

FAKE = Path(__file__).with_name("fake_esptool.py")
CHIP = "--chip=esp32c3"
BOOTLOADER = images.app(no_descriptor=True, size=9000)


def merged(chip="esp32c3", app=None, bootloader=BOOTLOADER, rows=None):
    app = images.app(version="3.0.0", size=20000, chip=chip) if app is None else app
    flash = images.dump({"ota_0": app}, rows, bootloader=bootloader)
    return flash[:0x10000 + len(app)]


@pytest.fixture
def dump(tmp_path):
    path = tmp_path / "dump.bin"
    path.write_bytes(images.dump(
        {"ota_0": images.app(version="1.0.0", size=30000), "nvs": b"\x12" * 64,
         "ota_1": images.app(version="0.9.0", seed=9),
         "otadata": images.otadata(images.entry(2, images.VALID))}, bootloader=BOOTLOADER))
    return path


@pytest.fixture
def image(tmp_path):
    def write(content):
        path = tmp_path / "merged.bin"
        path.write_bytes(content)
        return path
    return write


def test_merged_image_becomes_the_flash(ferry, dump, image):
    """Its bytes, and behind them what was there, but for the rest of the last sector."""
    content, before = merged(), dump.read_bytes()
    result = ferry.ok("image", "flash", dump, image(content), CHIP, "--json")
    end = -(-len(content) // 4096) * 4096
    assert dump.read_bytes() == content.ljust(end, b"\xff") + before[end:]
    assert result.json["offset"] == 0 and result.json["size"] == len(content)
    status = ferry.ok("status", dump, CHIP, "--json").json
    assert status["next"] == "ota_0"
    assert next(s for s in status["slots"] if s["label"] == "ota_0")["version"] == "3.0.0"


def test_esp32_begins_behind_the_start(ferry, tmp_path, image):
    boot = images.app(no_descriptor=True, size=9000, chip="esp32")
    flash = images.dump({"ota_0": images.app(chip="esp32")}, bootloader=b"", chip="esp32")
    flash = flash[:0x1000] + boot + flash[0x1000 + len(boot):0x16000]
    blank = tmp_path / "blank.bin"
    blank.write_bytes(b"\xff" * images.FLASH)
    ferry.ok("image", "flash", blank, image(flash[0x1000:]), "--chip=esp32")
    assert blank.read_bytes() == b"\xff" * 0x1000 + flash[0x1000:].ljust(images.FLASH - 0x1000,
                                                                         b"\xff")


def test_virtual_device_boots_it(ferry, device, image):
    ferry.ok("image", "flash", device.path, image(merged()))
    assert device.boot()["booted"] == "ota_0"
    assert device.slot("ota_0")["version"] == "3.0.0"


def long_rows():
    return [(n, k, s, o, 0x200000 if n == "vfs" else z) for n, k, s, o, z in images.TWO_SLOTS]


REFUSED = {
    "app alone": (images.app(), "no merged image"),
    "too long": (merged().ljust(images.FLASH + 0x1000, b"\xff"), "1,048,576"),
    "no bootloader": (merged(bootloader=b"\xff" * 9000), "no bootloader for 0x0"),
    "damaged bootloader": (merged(bootloader=images.app(no_descriptor=True, bad_checksum=True)),
                           "the bootloader in "),
    "bootloader of another chip": (merged(bootloader=images.app(no_descriptor=True,
                                                                chip="esp32s3")), "esp32s3"),
    "app of another chip": (merged("esp32s3"), "esp32s3"),
    "damaged app": (merged(app=images.app(bad_hash=True)), "ota_0 in "),
    "table for a larger flash": (merged(rows=long_rows()), "0x2d0000"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_refused_before_a_byte_changes(ferry, dump, image, why):
    content, says = REFUSED[why]
    before = dump.read_bytes()
    result = ferry.refused("image", "flash", dump, image(content), CHIP)
    assert says in result.err, result
    assert dump.read_bytes() == before


def test_force_takes_damage_but_not_what_has_no_room(ferry, dump, image):
    ferry.ok("image", "flash", dump, image(REFUSED["damaged app"][0]), CHIP, "--force")
    ferry.refused("image", "flash", dump, image(REFUSED["too long"][0]), CHIP, "--force")


def test_onto_a_chip_and_again_after_a_cut_cable(ferry, dump, image, tmp_path):
    path, content = image(merged()), merged()
    env = {"FAKE_FLASH": str(dump), "FAKE_LOG": str(tmp_path / "log")}
    words = ["image", "flash", "--port=/dev/fake", f"--esptool={FAKE}", path]
    cut = ferry(*words, env={**env, "FAKE_CUT": "5"})
    assert cut.code == 1 and not dump.read_bytes().startswith(content)
    dump.with_suffix(".state").unlink()
    result = ferry.ok(*words, env=env)
    assert dump.read_bytes().startswith(content) and "it restarts" in result.err
