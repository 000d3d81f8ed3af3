"""ferry slots and ferry otadata: what otatool.py does, by slot number, name and label."""
import images
import pytest


@pytest.fixture
def two_apps(device, image_file):
    """ota_0 runs 1.0.0; ota_1 holds 2.0.0 that nothing names."""
    app = image_file()
    device.ferry.ok("slots", "write", device.path, "1", app)
    return device


@pytest.mark.parametrize("word", ["1", "ota_1"])
def test_switch_by_number_and_name(ferry, two_apps, word):
    done = ferry.ok("slots", "switch", two_apps.path, word, "--json").json
    assert done["slot"] == done["next"] == "ota_1"
    assert two_apps.boot()["booted"] == "ota_1"


def test_switch_by_label_and_to_factory(ferry, make_device, tmp_path):
    rows = [(label.replace("ota_1", "spare"), *rest) for label, *rest in images.WITH_FACTORY]
    device = make_device(rows=rows)
    factory = tmp_path / "f.bin"
    factory.write_bytes(images.app(version="0.9.0"))
    ferry.ok("slots", "write", device.path, "factory", factory)
    device.boot()
    ferry.ok("slots", "write", device.path, "spare", factory)
    assert ferry.ok("slots", "switch", device.path, "spare", "--json").json["next"] == "spare"
    assert device.boot()["booted"] == "spare"
    ferry.ok("confirm", device.path)
    assert ferry.ok("slots", "switch", device.path, "factory", "--boot", "--json"
                    ).json["booted"] == "factory"
    assert set(device.part("otadata")) == {0xFF}
    assert "held pin" in ferry.refused("slots", "switch", device.path, "test").err


def test_switch_with_boot_restarts(ferry, two_apps):
    assert ferry.ok("slots", "switch", two_apps.path, "1", "--boot", "--json"
                    ).json["booted"] == "ota_1"


def test_switch_refuses_what_would_not_boot(ferry, device):
    before = device.flash
    ferry.refused("slots", "switch", device.path, "ota_1")
    assert "'ota_7'" in ferry.refused("slots", "switch", device.path, "ota_7").err
    assert device.flash == before


def test_switch_waits_for_confirmation_unless_told(ferry, two_apps):
    ferry.ok("slots", "switch", two_apps.path, "1", "--boot")
    before = two_apps.flash
    assert "confirm" in ferry.refused("slots", "switch", two_apps.path, "0").err
    assert two_apps.flash == before
    ferry.ok("slots", "switch", two_apps.path, "0", "--allow-pending")
    assert two_apps.boot()["booted"] == "ota_0"


def test_rejected_slot_is_switched_to_only_when_told(ferry, two_apps):
    ferry.ok("slots", "switch", two_apps.path, "1", "--boot")
    ferry.ok("reject", two_apps.path, "--boot")
    assert "rejected" in ferry.refused("slots", "switch", two_apps.path, "1").err
    ferry.ok("slots", "switch", two_apps.path, "1", "--allow-invalid")
    assert two_apps.boot()["booted"] == "ota_1"


def test_write_leaves_the_boot_choice_alone(ferry, two_apps, image_file):
    otadata = two_apps.part("otadata")
    newer = image_file("newer.bin", version="3.0.0", seed=9)
    done = ferry.ok("slots", "write", two_apps.path, "ota_1", newer, "--json").json
    assert done["app"] == "demo 3.0.0" and done["next"] == "ota_0"
    assert two_apps.part("otadata") == otadata
    assert two_apps.part("ota_1")[:newer.stat().st_size] == newer.read_bytes()


def test_write_and_switch_in_one(ferry, device, image_file):
    done = ferry.ok("slots", "write", device.path, "1", image_file(), "--switch", "--json").json
    assert done["next"] == "ota_1"
    assert device.boot()["booted"] == "ota_1"


def test_write_disarms_the_slot_first(ferry, two_apps, image_file):
    ferry.ok("slots", "switch", two_apps.path, "1")
    ferry.ok("slots", "write", two_apps.path, "1", image_file("n.bin", version="3.0.0"))
    assert two_apps.status()["next"] == "ota_0"


def test_write_refuses_what_update_would(ferry, device, image_file, tmp_path):
    before = device.flash
    for knobs, word in [({"bad_hash": True}, "SHA-256"), ({"truncate": 5000}, "cut short"),
                        ({"chip": "esp32s3"}, "esp32s3"), ({"size": 0x60000}, "393,216")]:
        result = ferry.refused("slots", "write", device.path, "1", image_file(**knobs))
        assert word in result.err, result
    assert "running app" in ferry.refused("slots", "write", device.path, "0", image_file()).err
    assert device.flash == before
    raw = tmp_path / "raw"
    raw.write_bytes(b"no app at all")
    ferry.ok("slots", "write", device.path, "1", raw, "--raw")
    assert device.part("ota_1").startswith(b"no app at all")
    assert device.boot()["booted"] == "ota_0"


def test_fallback_of_an_unconfirmed_app_is_kept(ferry, two_apps, image_file):
    ferry.ok("slots", "switch", two_apps.path, "1", "--boot")
    before = two_apps.flash
    for command in (["erase", two_apps.path, "0"], ["write", two_apps.path, "0", image_file()]):
        assert "not confirmed" in ferry.refused("slots", *command).err
        assert two_apps.flash == before
    ferry.ok("slots", "erase", two_apps.path, "0", "--force")


def test_read_gives_the_slot_and_the_image(ferry, two_apps, image_file, tmp_path):
    out = tmp_path / "out"
    ferry.ok("slots", "read", two_apps.path, "1", out)
    assert out.read_bytes() == two_apps.part("ota_1")
    ferry.ok("slots", "read", two_apps.path, f"1={out}", "--image")
    assert out.read_bytes() == image_file().read_bytes()
    assert "slot" in ferry.refused("slots", "read", two_apps.path, "nvs", out).err


def test_erase_takes_entries_along(ferry, two_apps):
    ferry.ok("slots", "switch", two_apps.path, "1")
    gone = ferry.ok("slots", "erase", two_apps.path, "1", "--json").json
    assert gone["next"] == "ota_0" and [e["slot"] for e in gone["entries"]] == ["ota_0", None]
    assert set(two_apps.part("ota_1")) == {0xFF}
    assert "--force" in ferry.refused("slots", "erase", two_apps.path, "ota_0").err


def test_otadata_is_shown_entry_by_entry(ferry, two_apps):
    ferry.ok("slots", "switch", two_apps.path, "1")
    text = ferry.ok("otadata", "read", two_apps.path).out
    assert "entry 0 at 0xd000: ota_0, valid" in text and "entry 1 at 0xe000: ota_1, new" in text
    entries = ferry.ok("otadata", "read", two_apps.path, "--json").json["entries"]
    assert [(e["seq"], e["state"], e["slot"]) for e in entries] == [
        (1, images.VALID, "ota_0"), (2, images.NEW, "ota_1")]
    assert entries[0]["crc"] == 0x4743989A


def test_otadata_erased_boots_the_first_slot(ferry, two_apps):
    ferry.ok("slots", "switch", two_apps.path, "1", "--boot")
    ferry.ok("confirm", two_apps.path)
    assert ferry.ok("otadata", "erase", two_apps.path, "--json").json["next"] == "ota_0"
    assert set(two_apps.part("otadata")) == {0xFF}
    assert two_apps.boot()["booted"] == "ota_0"


def test_otadata_that_alone_makes_it_boot_needs_force(ferry, tmp_path):
    dump = tmp_path / "dump.bin"
    bad = images.app(size=5000, bad_checksum=True)
    dump.write_bytes(images.dump({"ota_0": bad, "ota_1": bad}))
    before = dump.read_bytes()
    assert "--force" in ferry.refused("otadata", "erase", dump).err
    assert dump.read_bytes() == before
    ferry.ok("otadata", "erase", dump, "--force")
    rows = [row for row in images.TWO_SLOTS if row[0] != "otadata"]
    dump.write_bytes(images.dump({"ota_0": images.app()}, rows))
    assert "otadata" in ferry.refused("otadata", "read", dump).err
