"""ferry device new|boot, confirm, reject, rollback: the life of a device, dir and bare dump."""
import json
import os

import images
import pytest
from images import ABORTED, INVALID, NEW, PENDING, VALID, entry, otadata


def test_new_device_boots_its_first_slot_and_writes_its_entry(make_device):
    device = make_device()
    assert device.facts["running"] is None and device.facts["boot_count"] == 0
    result = device.boot()
    assert result["selected"] == result["booted"] == "ota_0"
    assert result["tried"] == ["ota_0"]
    assert result["booted_offset"] == 0x10000
    assert bytes.fromhex(result["otadata"]) == entry(1, VALID) + b"\xff" * 32
    assert result["secure_version"] == 0 and result["log"]
    assert device.facts["running"] == "ota_0" and device.facts["boot_count"] == 1


def test_device_json_holds_what_was_asked_for(make_device):
    facts = make_device("--rollback=off", "--anti-rollback=on", "--secure-version=0",
                        "--otadata=idf").facts
    assert facts == {"ferry_device": 1, "chip": "esp32c3", "flash_size": images.FLASH,
                     "table_offset": 0x8000, "rollback": False, "anti_rollback": True,
                     "otadata": "idf", "secure_version": 0, "running": None, "boot_count": 0}


def test_nothing_bootable_is_exit_1_with_the_log(make_device):
    device = make_device()
    device.put("ota_0", b"\xff" * 16)
    result = device.ferry.refused("device", "boot", device.path, "--json")
    assert result.json["booted"] is None and result.json["booted_offset"] is None
    assert result.json["tried"] == ["ota_0", "ota_1"]
    assert any("ota_0 is empty" in line for line in result.json["log"])


def test_boot_falls_back_and_says_why(device):
    device.put("ota_1", images.app(version="2.0.0", bad_hash=True))
    device.put("otadata", otadata(entry(1, VALID), entry(2, NEW)))
    result = device.boot()
    assert (result["selected"], result["tried"], result["booted"]) == (
        "ota_1", ["ota_1", "ota_0"], "ota_0")
    assert any("ota_1 does not load" in line and "SHA-256" in line for line in result["log"])


def test_unconfirmed_app_is_aborted_at_the_next_boot(device, image_file):
    assert device.update(image_file(), "--boot").code == 0
    assert device.facts["running"] == "ota_1"
    result = device.boot()
    assert result["booted"] == "ota_0"
    assert any("aborted" in line for line in result["log"])
    assert bytes.fromhex(result["otadata"])[32:] == entry(2, ABORTED)


def test_confirmed_app_stays(device, image_file):
    device.update(image_file(), "--boot")
    result = device.ferry.ok("confirm", device.path, "--json").json
    assert result["slot"] == result["next"] == "ota_1"
    assert result["written"] == [{"entry": 1, "now": "ota_1, valid (sequence number 2)"}]
    assert device.boot()["booted"] == "ota_1"
    again = device.ferry.ok("confirm", device.path, "--json").json
    assert again["written"] == []


def test_rejected_app_gives_way(device, image_file):
    device.update(image_file(), "--boot")
    result = device.ferry.ok("reject", device.path, "--boot", "--json").json
    assert result["slot"] == "ota_1" and result["booted"] == "ota_0"
    assert device.facts["running"] == "ota_0"
    assert bytes.fromhex(result["otadata"])[32:] == entry(2, INVALID)


def test_reject_is_refused_when_nothing_else_would_boot(device):
    before = device.flash
    result = device.ferry.refused("reject", device.path, "--json")
    assert result.json["code"] == "FERRY_ERR_ROLLBACK_NONE"
    assert "the image in ota_1" in result.json["error"]  # and what is wrong with it
    assert device.flash == before


def test_forced_rollback_and_its_cancelling(device, image_file):
    device.update(image_file(), "--boot")
    device.ferry.ok("confirm", device.path)
    assert device.ferry.ok("rollback", "force", device.path, "--json").json["next"] == "ota_0"
    assert device.status()["next"] == "ota_0"
    assert device.ferry.ok("rollback", "cancel", device.path, "--json").json["next"] == "ota_1"
    refused = device.ferry.refused("rollback", "cancel", device.path, "--json")
    assert refused.json["code"] == "FERRY_ERR_NOT_FORCED"
    assert device.boot()["booted"] == "ota_1"


def test_rollback_force_with_boot_goes_back_at_once(device, image_file):
    device.update(image_file(), "--boot")
    device.ferry.ok("confirm", device.path)
    assert device.ferry.ok("rollback", "force", device.path, "--boot", "--json").json[
        "booted"] == "ota_0"


def test_factory_reset_erases_nvs_and_otadata_only(make_device, tmp_path):
    rows = images.WITH_FACTORY
    device = make_device("--app", f"factory={tmp_path / 'v1.bin'}", rows=rows)
    device.put("otadata", otadata(entry(1, VALID)))
    device.put("nvs", b"settings")
    device.put("phy_init", b"calibration")
    before = device.flash
    assert device.boot()["booted"] == "ota_0"
    result = device.ferry.ok("device", "boot", device.path, "--hold=factory-reset", "--json").json
    assert result["booted"] == "factory" and result["otadata"] == "ff" * 64
    assert set(device.part("nvs")) == {0xFF}
    for label in ("phy_init", "factory", "ota_0"):
        assert device.part(label) == device.part(label, before)


def test_held_test_app_pin_starts_the_test_app(make_device, tmp_path):
    device = make_device("--app", f"test={tmp_path / 'v1.bin'}", rows=images.WITH_FACTORY)
    assert device.ferry.ok("device", "boot", device.path, "--hold=test-app", "--json").json[
        "booted"] == "test"
    without = make_device(name="without")
    result = without.ferry.refused("device", "boot", without.path, "--hold=test-app", "--json")
    assert result.json["booted"] is None and result.json["selected"] is None


def test_anti_rollback_burns_the_secure_version_and_refuses_older_apps(make_device, tmp_path):
    device = make_device("--anti-rollback=on")
    device.put("ota_0", images.app(secure_version=1))
    device.put("ota_1", images.app(version="2.0.0", secure_version=2))
    device.put("otadata", otadata(entry(1, VALID), entry(2, VALID)))
    result = device.boot()
    assert result["booted"] == "ota_1" and result["secure_version"] == 2
    assert device.facts["secure_version"] == 2
    device.put("otadata", otadata(entry(3, NEW), entry(2, VALID)))
    assert device.boot()["booted"] == "ota_1"


@pytest.fixture
def dump(tmp_path):
    def write(first=b"", second=b"", **parts):
        path = tmp_path / "dump.bin"
        slots = {"ota_0": images.app(version="1.0.0"), "ota_1": images.app(version="2.0.0")}
        path.write_bytes(images.dump({**slots, **parts, "otadata": otadata(first, second)}))
        return path
    return write


@pytest.mark.parametrize("first, second, runs, why", [
    (entry(1, VALID), entry(2, VALID), "ota_1", "active"),
    (entry(1, VALID), entry(2, NEW), "ota_0", "new"),
    (entry(1, VALID), entry(2, PENDING), "ota_1", "active"),
    (entry(1, VALID), entry(2, INVALID), "ota_0", "active"),
    (b"", b"", "ota_0", "no otadata entry"),
])
def test_running_slot_of_a_dump_is_worked_out(ferry, dump, first, second, runs, why):
    status = ferry.ok("status", dump(first, second), "--json").json
    assert status["running"] == runs and why in status["running_why"]


def test_active_slot_that_does_not_boot_does_not_run(ferry, dump):
    path = dump(entry(1, VALID), entry(2, VALID), ota_1=images.app(bad_hash=True))
    status = ferry.ok("status", path, "--json").json
    assert status["running"] == status["next"] == "ota_0"


def test_running_slot_of_a_dump_can_be_given(ferry, dump):
    path = dump(entry(1, VALID), entry(2, PENDING))
    result = ferry.ok("confirm", path, "--running=ota_1", "--json").json
    assert result["slot"] == "ota_1"
    wrong = ferry.refused("confirm", path, "--running=ota_7", "--json").json
    assert wrong["code"] == "FERRY_ERR_NOT_FOUND" and "ota_7" in wrong["error"]


def test_only_the_flash_of_a_dump_changes(ferry, dump, tmp_path):
    path = dump(entry(1, VALID), entry(2, NEW))
    ferry.ok("device", "boot", path)
    assert images.partition(path.read_bytes(), "otadata")[0x1000:0x1020] == entry(2, PENDING)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["dump.bin"]


def test_chip_of_a_dump_is_found_in_its_bootloader_or_app(ferry, dump, tmp_path):
    assert ferry("status", dump(), "--json").json["chip"] == "esp32c3"
    path = tmp_path / "with_bootloader.bin"
    path.write_bytes(images.dump({}, bootloader=images.app(chip="esp32", size=64), chip="esp32"))
    assert ferry("status", path, "--json").json["chip"] == "esp32"


NEW_DEVICE = ["--chip=esp32c3", "--flash-size=1MB"]


@pytest.fixture
def table_file(tmp_path):
    path = tmp_path / "table.bin"
    path.write_bytes(images.table())
    return path


def test_new_overwrites_nothing(device):
    before = device.flash
    result = device.ferry.refused("device", "new", device.path, *NEW_DEVICE, "--partitions",
                                  device.path.parent / "table.bin", "--json")
    assert result.json["code"] == "FERRY_ERR_FILE_EXISTS"
    assert device.flash == before


@pytest.mark.parametrize("knobs, code, words", [
    ({"chip": "esp32"}, "FERRY_ERR_IMAGE_CHIP", ["esp32", "esp32c3"]),
    ({"size": 0x61000}, "FERRY_ERR_IMAGE_SIZE", ["393,216", "ota_0"]),
    ({"bad_checksum": True}, "FERRY_ERR_IMAGE_CHECKSUM", ["checksum"]),
    ({"bad_hash": True}, "FERRY_ERR_IMAGE_HASH", ["SHA-256"]),
    ({"magic": 0x7F}, "FERRY_ERR_IMAGE_MAGIC", ["0x7f", "0xe9"]),
])
def test_new_with_a_bad_app_leaves_nothing_behind(ferry, tmp_path, table_file, image_file, knobs,
                                                  code, words):
    result = ferry.refused("device", "new", tmp_path / "bad", *NEW_DEVICE, "--partitions",
                           table_file, "--app", f"ota_0={image_file(**knobs)}", "--json")
    assert result.json["code"] == code
    for word in words:
        assert word in result.json["error"]
    assert not (tmp_path / "bad").exists()


@pytest.mark.parametrize("options", [
    ["--flash-size=1MB"], ["--chip=esp32c3"], ["--chip=esp9", "--flash-size=1MB"],
    [*NEW_DEVICE, "--app", "ota_0"], [*NEW_DEVICE, "--rollback=maybe"],
    [*NEW_DEVICE, "--table-offset=5"], [*NEW_DEVICE, "--colour"],
])
def test_new_wrongly_used_is_exit_2(ferry, tmp_path, table_file, options):
    result = ferry("device", "new", tmp_path / "bad", "--partitions", table_file, *options)
    assert result.code == 2 and "--help" in result.err
    assert not (tmp_path / "bad").exists()


@pytest.mark.parametrize("text, words", [
    ("", ["JSON"]), ("[]", ["JSON"]), ("{}", ["ferry_device"]),
    (None, ["chip"]),
])
def test_broken_device_json_is_refused(device, text, words):
    facts = device.facts
    if text is None:
        facts["chip"] = "esp9"
        text = json.dumps(facts)
    (device.path / "device.json").write_text(text)
    result = device.ferry.refused("status", device.path, "--json")
    assert result.json["code"] == "FERRY_ERR_DEVICE_JSON"
    for word in words:
        assert word in result.json["error"]


@pytest.mark.parametrize("key, value", [
    ("flash_size", 4096), ("secure_version", -1), ("secure_version", 1.5), ("boot_count", 2**40),
    ("rollback", "on"), ("otadata", "fast"), ("running", 7), ("running", "ota_9"),
    ("running", "x" * 100), ("table_offset", None), ("ferry_device", 2),
])
def test_wrong_key_of_device_json_is_named(device, key, value):
    (device.path / "device.json").write_text(json.dumps({**device.facts, key: value}))
    error = device.ferry.refused("device", "boot", device.path, "--json").json["error"]
    assert "device.json" in error and (key in error or "running" in error)


def test_chip_options_do_not_go_with_a_directory(device):
    result = device.ferry("status", device.path, "--chip=esp32", "--json")
    assert result.code == 2 and "device.json" in result.json["error"]


def test_odd_files_are_refused(ferry, tmp_path):
    odd = tmp_path / "odd.bin"
    odd.write_bytes(b"\xff" * 5000)
    result = ferry.refused("status", odd, "--json").json
    assert (result["value"], result["limit"]) == (5000, 4096)
    assert "5,000" in result["error"] and "4,096" in result["error"]
    assert ferry.refused("status", tmp_path / "none", "--json").json[
        "code"] == "FERRY_ERR_FILE_OPEN"
    empty = tmp_path / "folder"
    empty.mkdir()
    assert "flash.bin" in ferry.refused("status", empty, "--json").json["error"]


def test_flash_that_is_no_file_is_refused_at_once(device):
    """A folder, a pipe that nobody writes, a link to itself: none may hang or crash the tool."""
    flash = device.path / "flash.bin"
    for make in (flash.mkdir, lambda: os.mkfifo(flash), lambda: flash.symlink_to(flash)):
        flash.rename(device.path / f"old{len(list(device.path.iterdir()))}")
        make()
        for words in (["status"], ["confirm"], ["device", "boot"]):
            result = device.ferry.refused(*words, device.path, "--json").json
            assert result["code"] == "FERRY_ERR_FILE_OPEN" and "flash.bin" in result["error"]


CSV = """# Name, Type, SubType, Offset, Size
nvs,     data, nvs,   0x9000, 0x4000
otadata, data, ota,   ,       0x2000
ota_0,   app,  ota_0, ,       384K
ota_1,   app,  ota_1, ,       384K
"""


def test_new_takes_a_partition_csv(ferry, tmp_path, image_file):
    (tmp_path / "parts.csv").write_text(CSV)
    ferry.ok("device", "new", tmp_path / "dev", *NEW_DEVICE, "--partitions",
             tmp_path / "parts.csv", "--app", f"ota_0={image_file()}")
    rows = ferry.ok("status", tmp_path / "dev", "--json").json["partitions"]
    assert [(r["label"], r["offset"], r["size"]) for r in rows] == [
        ("nvs", 0x9000, 0x4000), ("otadata", 0xD000, 0x2000), ("ota_0", 0x10000, 0x60000),
        ("ota_1", 0x70000, 0x60000)]


@pytest.mark.parametrize("change, words", [
    (("384K", "900K"), ["flash"]), (("data, ota", "data, oat"), ["oat"]),
    (("0x4000", "0x4q"), ["0x4q"]),
])
def test_new_with_a_bad_csv_leaves_nothing_behind(ferry, tmp_path, change, words):
    (tmp_path / "parts.csv").write_text(CSV.replace(*change))
    result = ferry.refused("device", "new", tmp_path / "dev", *NEW_DEVICE, "--partitions",
                           tmp_path / "parts.csv", "--json")
    for word in words:
        assert word in result.json["error"], result
    assert not (tmp_path / "dev").exists()
