"""ferry status: what is on a device, what boots next and why; odd and damaged flash included."""
import random

import images
import pytest
from images import APP, DATA, INVALID, NEW, PENDING, VALID, entry, otadata


@pytest.fixture
def status(ferry, tmp_path):
    """status(parts, rows) -> the JSON object for a dump of these parts."""
    def run(parts, rows=None, *options, code=0):
        path = tmp_path / "dump.bin"
        before = images.dump(parts, rows) if isinstance(parts, dict) else parts
        path.write_bytes(before)
        result = ferry("status", path, "--json", *options)
        assert result.code == code, result
        assert path.read_bytes() == before, "status must not write"
        text = ferry("status", path, *options)
        assert text.code == code and text.out
        return result.json
    return run


def problems(result):
    return " / ".join(p["problem"] for p in result["problems"])


def test_healthy_device_has_no_problems(device):
    status = device.status()
    assert status["problems"] == []
    assert (status["running"], status["next"]) == ("ota_0", "ota_0")
    assert status["chip"] == "esp32c3" and status["boot_count"] == 1
    slot = device.slot("ota_0")
    assert slot["verified"] and slot["runs"] and slot["boots_next"]
    assert (slot["project"], slot["version"], slot["chip"]) == ("demo", "1.0.0", "esp32c3")
    assert (slot["date"], slot["time"], slot["state"]) == ("Jan  2 2026", "03:04:05", "valid")
    assert slot["used"] == len(images.app(size=30000)) and slot["size"] == 0x60000
    assert device.slot("ota_1")["content"] == "empty"
    assert [p["label"] for p in status["partitions"]] == [r[0] for r in images.TWO_SLOTS]
    assert status["partitions"][1] == {"label": "otadata", "type": "data", "subtype": "ota",
                                       "offset": 0xD000, "size": 0x2000, "flags": 0}


def test_text_shows_the_same(device):
    text = device.ferry.ok("status", device.path).out
    used = f"{len(images.app(size=30000)):,} of 393,216 bytes used"
    for words in ("Runs now", "Boots next", "otadata entry 0 is active", "App slots",
                  "demo 1.0.0", used, "verified", "entry 1",
                  "blank", "Partition table at 0x8000", "Flash map", "Problems", "none"):
        assert words in text, words


def test_map_is_to_scale_and_falls_back_to_ascii(device):
    text = device.ferry.ok("status", device.path, env={"LC_ALL": "C"}).out
    assert text.isascii()
    rows = [line for line in text.splitlines() if line.startswith("  0x") and "KB" in line]
    drawn = {line.split()[1]: line.split(" KB ")[1] for line in rows}
    # 40 cells are 1 MB: ota_1 begins at cell 17 and has 16 cells, none of them used.
    assert len(drawn["ota_1"]) - len(drawn["ota_1"].lstrip()) == 17
    assert drawn["ota_1"].strip() == "-" * 16
    assert drawn["ota_0"].strip().startswith("#") and drawn["nvs"].strip()
    unicode_text = device.ferry.ok("status", device.path, env={"LC_ALL": "C.UTF-8"}).out
    assert "█" in unicode_text and "░" in unicode_text


def test_new_entry_boots_next_and_must_confirm(status):
    result = status({"ota_0": images.app(), "ota_1": images.app(version="2.0.0"),
                     "otadata": otadata(entry(1, VALID), entry(2, NEW))})
    assert (result["running"], result["next"]) == ("ota_0", "ota_1")
    assert "confirm" in result["next_why"] and "entry 1" in result["next_why"]


def test_pending_entry_goes_back_and_says_so(status):
    result = status({"ota_0": images.app(), "ota_1": images.app(version="2.0.0"),
                     "otadata": otadata(entry(1, VALID), entry(2, PENDING))})
    assert (result["running"], result["next"]) == ("ota_1", "ota_0")
    assert "never confirmed" in result["next_why"]
    assert "on trial" in problems(result)


def test_pending_entry_stays_without_rollback(status):
    result = status({"ota_0": images.app(), "ota_1": images.app(version="2.0.0"),
                     "otadata": otadata(entry(1, VALID), entry(2, PENDING))}, None,
                    "--rollback=off")
    assert result["next"] == "ota_1" and "on trial" not in problems(result)


def test_selected_app_that_does_not_boot_is_a_problem(status):
    result = status({"ota_0": images.app(), "ota_1": images.app(bad_checksum=True),
                     "otadata": otadata(entry(1, VALID), entry(2, VALID))})
    assert result["next"] == "ota_0" and "checksum" in problems(result)


def test_app_below_the_secure_version_does_not_boot(status):
    result = status({"ota_0": images.app(secure_version=3), "ota_1": images.app(),
                     "otadata": otadata(entry(1, VALID), entry(2, VALID))}, None,
                    "--anti-rollback=on", "--secure-version=3")
    assert result["next"] == "ota_0"
    assert "secure version 0" in problems(result) and "3" in problems(result)


@pytest.mark.parametrize("rows, words", [
    ([("nvs", DATA, 2, 0x9000, 0x4000)], "no app partition"),
    ([("ota_0", APP, 0x10, 0x10000, 0x40000)], "no otadata"),
    ([("otadata", DATA, 0, 0xD000, 0x1000), ("ota_0", APP, 0x10, 0x10000, 0x40000)],
     "otadata partition is 4,096"),
    ([("otadata", DATA, 0, 0xD000, 0x2000), ("ota_0", APP, 0x10, 0x10000, 0x40000)],
     "only one OTA slot"),
    ([("otadata", DATA, 0, 0xD000, 0x2000), ("ota_0", APP, 0x10, 0x10000, 0x40000),
      ("ota_2", APP, 0x12, 0x50000, 0x40000)], "do not count up"),
    ([("otadata", DATA, 0, 0xD000, 0x2000), ("ota_0", APP, 0x10, 0x10000, 0x40000),
      ("again", APP, 0x10, 0x50000, 0x40000)], "twice"),
    ([("a", APP, 0, 0x10000, 0x40000), ("b", DATA, 0x81, 0x40000, 0x20000)], "overlap"),
    ([("a", APP, 0, 0x12000, 0x40000)], "64 KB"),
])
def test_odd_tables_are_shown_and_their_problem_named(status, rows, words):
    result = status({}, rows)
    assert words in problems(result)
    assert [p["label"] for p in result["partitions"]] == [r[0] for r in rows]
    assert all(p["remedy"] for p in result["problems"])


def test_unknown_types_and_hostile_labels_are_shown_harmlessly(status):
    rows = [("odd", 0x40, 0x77, 0x50000, 0x1000), ("\x1b[31mred", DATA, 0x55, 0x51000, 0x1000)]
    shown = status({}, rows)["partitions"]
    assert (shown[0]["type"], shown[0]["subtype"]) == ("0x40", "0x77")
    assert shown[1]["label"] == "?[31mred" and shown[1]["subtype"] == "0x55"


def test_factory_and_test_apps_are_slots(status):
    result = status({"factory": images.app(), "test": images.app(version="t")},
                    images.WITH_FACTORY)
    assert [s["label"] for s in result["slots"]] == ["factory", "ota_0", "ota_1", "test"]
    assert result["next"] == "factory" and "factory" in result["next_why"]


@pytest.mark.parametrize("first, words", [
    (entry(1, VALID, crc=7), "CRC 00000007 instead of 4743989a"),
    (entry(1, 0x1234), "state that nobody wrote: 0x1234"),
])
def test_odd_otadata_entries_are_problems(status, first, words):
    assert words in problems(status({"ota_0": images.app(), "otadata": otadata(first)}))


def test_rejected_entry_is_shown_as_such(status):
    result = status({"ota_0": images.app(), "ota_1": images.app(),
                     "otadata": otadata(entry(1, VALID), entry(2, INVALID))})
    assert [e["state"] for e in result["otadata"]] == ["valid", "invalid"]
    assert [e["active"] for e in result["otadata"]] == [True, False]


def test_damaged_table_shows_what_can_be_seen(status):
    flash = bytearray(images.dump({"ota_0": images.app(), "ota_1": images.app(version="2.0.0")}))
    flash[0x8000 + 5] ^= 1
    result = status(bytes(flash), code=1)
    assert result["code"] == "FERRY_ERR_TABLE_MD5" and not result["table_ok"]
    assert len(result["partitions"]) == 6
    assert [(a["offset"], a["version"]) for a in result["apps_seen"]] == [
        (0x10000, "1.0.0"), (0x70000, "2.0.0")]


def test_blank_flash_says_where_it_looked(status):
    result = status(b"\xff" * images.FLASH, code=1)
    assert result["code"] == "FERRY_ERR_TABLE_MAGIC" and "0x8000" in result["error"]


def test_table_elsewhere_is_found_by_its_offset(status):
    flash = images.dump({"ota_0": images.app()})
    flash = b"\xff" * 0x8000 + b"\xff" * 0x1000 + flash[0x8000:0x8C00] + flash[0x9C00:]
    assert status(flash, None, "--table-offset=0x9000")["table_offset"] == 0x9000


def test_random_damage_never_crashes(ferry, tmp_path):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    good = images.dump({"ota_0": images.app(), "ota_1": images.app(version="2.0.0"),
                        "otadata": otadata(entry(1, VALID), entry(2, NEW))})
    path = tmp_path / "dump.bin"
    interesting = [*range(0x8000, 0x80E0), *range(0xD000, 0xD020), *range(0xE000, 0xE020),
                   *range(0x10000, 0x10140)]
    for _ in range(60):
        flash = bytearray(good)
        for at in rng.sample(interesting, rng.randrange(1, 6)):
            flash[at] = rng.choice([0, 0xFF, rng.randrange(256)])
        path.write_bytes(flash)
        result = ferry("status", path, "--json")
        assert result.code in (0, 1), (seed, result)
        assert isinstance(result.json["ok"], bool)


def test_unreadable_flash_names_the_reason(device, powerless_ferry):
    (device.path / "flash.bin").chmod(0)
    assert "Permission denied" in powerless_ferry.refused("status", device.path).err


def test_lines_fit_a_terminal_of_80_columns(ferry, tmp_path):
    """What people see most, on a flash as they have it: also one where all kinds of things are
    wrong, and an image without a name."""
    good, nameless, dump = tmp_path / "app.bin", tmp_path / "nameless.bin", tmp_path / "dump.bin"
    good.write_bytes(images.app(size=300000))
    nameless.write_bytes(images.app(project="", version="", size=300000))
    broken = bytearray(images.app(project="thermostat", version="v1.20.3-4-gdeadbeef", size=200000))
    broken[5000] ^= 1
    dump.write_bytes(images.dump(
        {"ota_0": nameless.read_bytes(), "ota_1": bytes(broken),
         "otadata": otadata(entry(1, VALID), entry(2, PENDING))}, size=4 << 20))
    chip = "--chip=esp32c3"
    for words in (("status", dump, chip), ("doctor", dump, chip), ("partitions", "show", dump),
                  ("status", dump, chip, "--rollback=off", "--otadata=idf"),
                  ("partitions", "layouts"), ("image", "info", good), ("image", "info", nameless),
                  ("image", "info", dump), ("image", "verify", nameless)):
        said = ferry(*words)
        short = said.out.replace(str(tmp_path) + "/", "")
        assert short and said.code in (0, 1), said
        long = [line for line in short.splitlines() if len(line) > 80]
        assert not long, words
    assert "an unnamed app" in ferry.ok("status", dump, "--chip=esp32c3").out
