"""ferry partitions read|write|erase: what goes in comes out, what must not change is refused before
anything has changed."""
import hashlib
import os
import subprocess

import images
import pytest


def digest(path):
    return hashlib.sha256(path.read_bytes()).digest()


def test_contents_come_out_by_every_name(ferry, device, tmp_path):
    out = tmp_path / "out.bin"
    for name in ("ota_0", "0", "app/ota_0"):
        ferry.ok("partitions", "read", device.path, name, out)
        assert out.read_bytes() == device.part("ota_0")
    ferry.ok("partitions", "read", device.path, "data/nvs", out)
    assert out.read_bytes() == device.part("nvs")
    ferry.ok("partitions", "read", device.path, "table", out)
    assert out.read_bytes() == device.flash[0x8000:0x9000]
    ferry.ok("partitions", "read", device.path, "bootloader", out)
    assert out.read_bytes() == device.flash[:0x8000]


def test_several_are_read_at_once(ferry, device, tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    got = ferry.ok("partitions", "read", device.path, f"nvs={a}", f"ota_0={b}", "--json").json
    assert [(r["name"], r["offset"], r["bytes"]) for r in got["read"]] == [
        ("nvs", 0x9000, 0x4000), ("ota_0", 0x10000, 0x60000)]
    assert a.read_bytes() == device.part("nvs") and b.read_bytes() == device.part("ota_0")


def test_image_and_trim_leave_what_counts(ferry, device, tmp_path):
    app = tmp_path / "v1.bin"  # what the device was made with
    out = tmp_path / "out.bin"
    ferry.ok("partitions", "read", device.path, "ota_0", out, "--image")
    assert digest(out) == digest(app)
    ferry.ok("partitions", "read", device.path, "ota_0", out, "--trim=16")
    assert digest(out) == digest(app)
    ferry.ok("partitions", "read", device.path, "ota_0", out, "--trim=4096")
    assert out.stat().st_size == -(-app.stat().st_size // 4096) * 4096
    ferry.ok("partitions", "read", device.path, "vfs", out, "--trim=4096")
    assert out.read_bytes() == b""
    assert "not an" in ferry.refused("partitions", "read", device.path, "ota_1", out, "--image").err


def test_written_is_read_back_and_the_rest_is_erased(ferry, device, tmp_path):
    device.put("vfs", b"\0" * 0x30000)
    text = tmp_path / "text"
    text.write_bytes(b"hello")
    before = device.flash
    written = ferry.ok("partitions", "write", device.path, f"vfs={text}", "--json").json
    assert written["written"][0]["bytes"] == 5 and written["next"] == "ota_0"
    assert device.part("vfs") == b"hello".ljust(0x30000, b"\xff")
    assert device.flash[:0xD0000] == before[:0xD0000]


def test_standard_input_and_output(ferry, device):
    ferry.ok("partitions", "write", device.path, "vfs", "-", stdin="piped")
    out = ferry.ok("partitions", "read", device.path, "vfs", "--trim=1").out
    assert out == "piped"
    assert ferry("partitions", "read", device.path, "vfs", "--json").code == 2


def test_standard_output_may_be_a_plain_file(ferry, device, tmp_path):
    """What lies at its name in /dev is not touched."""
    out = tmp_path / "out"
    before = os.lstat("/dev/stdout")
    for command in (["partitions", "read", device.path, "table"],
                    ["partitions", "layouts", "ota"],
                    ["partitions", "edit", tmp_path / "table.bin", "-o", "-", "--rename=vfs=x"]):
        with out.open("wb") as stdout:
            subprocess.run([str(ferry.path), *map(str, command)], check=True, stdout=stdout,
                           stderr=subprocess.DEVNULL, timeout=60)
        assert len(out.read_bytes()) > 100, command
    after = os.lstat("/dev/stdout")
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)


def test_erase_takes_several(ferry, device):
    device.put("vfs", b"\0" * 100)
    device.put("nvs", b"\0" * 100)
    gone = ferry.ok("partitions", "erase", device.path, "vfs", "data/nvs", "--json").json
    assert [e["name"] for e in gone["erased"]] == ["vfs", "nvs"]
    assert set(device.part("vfs")) == set(device.part("nvs")) == {0xFF}
    assert device.boot()["booted"] == "ota_0"


@pytest.mark.parametrize("name", ["bootloader", "table", "partition_table", "ota_0", "app/ota_0"])
def test_what_boots_and_what_runs_needs_force(ferry, device, image_file, name):
    before = device.flash
    for command in (["erase", device.path, name], ["write", device.path, name, image_file()]):
        assert "--force" in ferry.refused("partitions", *command).err
        assert device.flash == before
    ferry.ok("partitions", "erase", device.path, name, "--force")
    assert device.flash != before or name == "bootloader"  # there was none to begin with


def test_all_is_checked_before_the_first_write(ferry, device, image_file, tmp_path):
    before = device.flash
    small = tmp_path / "small"
    small.write_bytes(b"x")
    broken = image_file(bad_checksum=True)
    for pairs, words in [
            ([f"vfs={small}", f"ota_1={broken}"], ["checksum"]),
            ([f"vfs={small}", f"nvs={image_file('big.bin')}"], ["nvs holds 16,384"]),
            ([f"vfs={small}", "ota_1=none.bin"], ["none.bin"]),
            ([f"vfs={small}", f"nope={small}"], ["'nope'", "ota_1"]),
            ([f"vfs={small}", f"ota_1={image_file('c.bin', chip='esp32s3')}"], ["esp32s3"]),
    ]:
        result = ferry.refused("partitions", "write", device.path, *pairs)
        assert all(word in result.err for word in words), result
        assert device.flash == before
    assert ferry("partitions", "write", device.path, f"vfs={small}", f"vfs={small}").code == 2


def test_whole_flash_file_is_no_app(ferry, device, tmp_path):
    merged = tmp_path / "merged.bin"
    merged.write_bytes(images.dump({}, bootloader=images.app(size=3000))[:0x10000])
    assert "whole flash" in ferry.refused("partitions", "write", device.path, "ota_1", merged).err
    ferry.ok("partitions", "write", device.path, "ota_1", merged, "--no-check")


def test_app_written_raw_is_not_armed(ferry, device, image_file):
    app = image_file()
    otadata = device.part("otadata")
    ferry.ok("partitions", "write", device.path, "ota_1", app)
    assert device.part("otadata") == otadata
    assert device.part("ota_1")[:app.stat().st_size] == app.read_bytes()
    assert device.boot()["booted"] == "ota_0"


def test_table_as_csv_replaces_the_table(ferry, device, tmp_path):
    csv = tmp_path / "t.csv"
    csv.write_text("nvs,data,nvs,0x9000,16K\notadata,data,ota,0xd000,8K\n"
                   "first,app,ota_0,0x10000,0x60000\nsecond,app,ota_1,0x70000,0x60000\n")
    done = ferry.ok("partitions", "write", device.path, "table", csv, "--force", "--json").json
    assert done["next"] == "first"
    assert device.boot()["booted"] == "first"
    csv.write_text("nvs,data,nvs,0x9000,2M\n")
    before = device.flash
    ferry.refused("partitions", "write", device.path, "table", csv, "--force")
    assert device.flash == before


def test_trusting_device_takes_no_unsigned_app_this_way(ferry, make_device, image_file):
    device = make_device("--trusted-key-digest=" + "ab" * 32)
    device.boot()
    for command in (["partitions", "write"], ["slots", "write"]):
        for options in ([], ["--no-check" if command[0] == "partitions" else "--raw"]):
            result = ferry.refused(*command, device.path, "ota_1", image_file(), *options)
            assert "not signed" in result.err or "signature" in result.err, result
            assert not device.slot("ota_1")["verified"]
    assert device.boot()["booted"] == "ota_0"


def test_progress_of_long_work_is_told(ferry, tmp_path, image_file):
    rows = images.TWO_SLOTS[:-1] + [("vfs", 1, 0x81, 0x100000, 0x300000)]
    dump = tmp_path / "dump.bin"
    dump.write_bytes(images.dump({"ota_0": images.app()}, rows, size=4 << 20))
    big = tmp_path / "big"
    big.write_bytes(b"x" * 0x300000)
    assert "Writing vfs" in ferry.ok("partitions", "write", dump, "vfs", big).err
    assert "Erasing vfs" in ferry.ok("partitions", "erase", dump, "vfs").err


@pytest.mark.parametrize("damage, taken", [
    ({"bad_checksum": True}, False),  # the ROM would not start it
    ({"bad_hash": True}, True),       # the ROM does not look at that
    ({}, True),
])
def test_damaged_bootloader_is_refused(ferry, tmp_path, damage, taken):
    dump, boot = tmp_path / "dump.bin", tmp_path / "boot.bin"
    dump.write_bytes(images.dump({"ota_0": images.app()}, bootloader=images.app(size=3000)))
    boot.write_bytes(images.app(no_descriptor=True, size=9000, **damage))
    before = dump.read_bytes()
    result = ferry("partitions", "write", dump, "bootloader", boot, "--force", "--chip=esp32c3")
    assert result.code == (0 if taken else 1), result
    assert taken == dump.read_bytes().startswith(boot.read_bytes())
    assert taken or ("checksum" in result.err and dump.read_bytes() == before)
