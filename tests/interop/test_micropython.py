"""Firmware that nobody here built, through ferry, and back to the tool it came from."""

import hashlib
import re

from conftest import from_bootloader

CHIP = ("--chip", "esp32")
PARTITIONS = """\
nvs,      data, nvs,   0x9000,   0x5000
otadata,  data, ota,   0xe000,   0x2000
ota_0,    app,  ota_0, 0x10000,  0x200000
ota_1,    app,  ota_1, 0x210000, 0x200000
vfs,      data, fat,   0x410000, 0x3f0000
"""


def test_app_is_verified_and_described(ferry, esptool, micropython):
    verdict = ferry.ok("image", "verify", micropython.app, "--json").json
    assert verdict["ok"] and verdict["esp_err"] == 0
    assert verdict["image_len"] == micropython.app.stat().st_size
    said = esptool("image-info", micropython.app)
    assert f"{len(verdict['segments'])} segments" in said.lower() or \
        len(re.findall(r"^ +\d+ +0x", said, re.M)) == len(verdict["segments"])
    # The appended SHA-256 covers everything before itself.
    content = micropython.app.read_bytes()
    assert hashlib.sha256(content[:-32]).digest() == content[-32:]
    assert content[-32:].hex() in said
    assert "esp32" in ferry.ok("image", "info", micropython.app).out.lower()


def test_bootloader_is_one_to_both(ferry, esptool, micropython):
    said = ferry.ok("image", "info", micropython.bootloader, "--json").json
    assert (said["kind"], said["chip"], said["flash_mb"]) == ("bootloader", "esp32", 8)
    assert "a bootloader" in ferry.ok("image", "verify", micropython.bootloader, *CHIP).out
    assert said["sha256"] in esptool("image-info", micropython.bootloader)


def test_one_changed_byte_is_found(ferry, micropython, tmp_path):
    damaged = tmp_path / "damaged.bin"
    content = bytearray(micropython.app.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    result = ferry("image", "verify", damaged, "--json")
    assert result.code == 1 and result.json["ok"] is False
    assert result.json["esp_err"] == 0x2002


def test_combined_file_is_refused_as_an_update(ferry, micropython, flash):
    before = flash.read_bytes()
    result = ferry.refused("update", flash, micropython.combined, *CHIP)
    assert re.search("no app|whole flash image", result.err)
    assert flash.read_bytes() == before


def test_status_reads_a_flash_that_esptool_merged(ferry, flash):
    text = ferry.ok("status", flash, *CHIP).out
    for label in ("nvs", "otadata", "ota_0", "ota_1", "vfs"):
        assert label in text
    assert ferry.ok("status", flash, *CHIP, "--json").json["ok"]


def test_partitions_agree_with_the_tool(ferry, mp_image_tool, flash, tmp_path):
    table = mp_image_tool(from_bootloader(flash, tmp_path))
    rows = re.findall(r"│ (\w+) +│ (\w+) +│ (\w+) +│ +(0x[0-9a-f]+) │ +(0x[0-9a-f]+) │", table)
    ours = ferry.ok("partitions", "show", flash, "--json").json["partitions"]
    assert [(row["label"], row["type_name"], row["subtype_name"], hex(row["offset"]),
             hex(row["size"])) for row in ours] == rows
    assert len(rows) == 5


def test_update_boots_and_the_tool_sees_it(ferry, mp_image_tool, micropython, flash, tmp_path):
    booted = ferry.ok("device", "boot", flash, *CHIP, "--json").json
    assert booted["booted"] == "ota_0" and booted["booted_offset"] == 0x10000
    ferry.ok("update", flash, micropython.app, *CHIP)
    booted = ferry.ok("device", "boot", flash, *CHIP, "--json").json
    assert booted["booted"] == "ota_1" and booted["booted_offset"] == 0x210000
    ferry.ok("confirm", flash, *CHIP)

    content, app = flash.read_bytes(), micropython.app.read_bytes()
    assert content[0x210000:0x210000 + len(app)] == app
    said = mp_image_tool("--check-app", from_bootloader(flash, tmp_path))
    assert "Partition 'ota_1': Hash confirmed" in said
    assert "Current OTA boot partition: ota_1" in said


def test_unconfirmed_update_rolls_back(ferry, mp_image_tool, micropython, flash, tmp_path):
    ferry.ok("device", "boot", flash, *CHIP)
    ferry.ok("update", flash, micropython.app, *CHIP)
    assert ferry.ok("device", "boot", flash, *CHIP, "--json").json["booted"] == "ota_1"
    assert ferry.ok("device", "boot", flash, *CHIP, "--json").json["booted"] == "ota_0"
    said = mp_image_tool("--check-app", from_bootloader(flash, tmp_path))
    assert "Current OTA boot partition: ota_0" in said


def test_tool_reads_a_device_that_ferry_made(ferry, mp_image_tool, micropython, tmp_path):
    csv = tmp_path / "partitions.csv"
    csv.write_text(PARTITIONS)
    device = tmp_path / "device"
    ferry.ok("device", "new", device, *CHIP, "--flash-size", "8MB", "--partitions", csv,
             "--bootloader", micropython.bootloader, "--app", f"ota_0={micropython.app}")
    ferry.ok("device", "boot", device)
    said = mp_image_tool("--check-app", from_bootloader(device / "flash.bin", tmp_path))
    assert "Found esp32 firmware file (8MB flash)" in said
    for label in ("nvs", "otadata", "ota_0", "ota_1", "vfs"):
        assert re.search(rf"│ {label} +│", said)
    assert "Partition 'ota_0': Hash confirmed" in said
    assert "Current OTA boot partition: ota_0" in said


def test_image_for_another_chip_is_refused(ferry, micropython, flash):
    before = flash.read_bytes()
    result = ferry.refused("update", flash, micropython.app, "--chip", "esp32c3",
                           "--running", "ota_0")
    assert re.search("is for esp32; the device is esp32c3", result.err)
    assert flash.read_bytes() == before
