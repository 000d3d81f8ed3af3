"""ferry image extract: apps and everything else out of dumps, merged images and devices."""

import shutil
import subprocess

import images
import pytest

CHIP = "--chip=esp32c3"
V1 = images.app(version="1.0.0", size=30000)
V2 = images.app(version="2.0.0", size=40000, seed=2)
BOOTLOADER = images.app(no_descriptor=True, size=9000, seed=3)
NVS = b"\x12\x34" * 100
PARTS = {"ota_0": V1, "ota_1": V2, "nvs": NVS}


@pytest.fixture
def dump(tmp_path):
    path = tmp_path / "dump.bin"
    path.write_bytes(images.dump(PARTS, bootloader=BOOTLOADER))
    return path


def extract(ferry, source, *options):
    """The bytes that a good call gives, and what it says of them."""
    out = source.parent / "out.bin"
    said = ferry.ok("image", "extract", source, "-o", out, *options, "--json").json
    assert said["file"] == str(out) and said["size"] == out.stat().st_size
    return out.read_bytes(), said


def refused(ferry, source, *options, words):
    out = source.parent / "refused.bin"
    result = ferry.refused("image", "extract", source, "-o", out, *options)
    assert all(word in result.err for word in words), result.err
    assert not out.exists()
    return result


def test_default_is_the_app_that_boots(ferry, dump, tmp_path):
    assert extract(ferry, dump)[0] == V1
    flash = images.dump({**PARTS, "otadata": images.otadata(images.entry(2, images.VALID))},
                        bootloader=BOOTLOADER)
    dump.write_bytes(flash)
    got, said = extract(ferry, dump)
    assert got == V2 and said["partition"] == "ota_1" and said["offset"] == 0x70000
    assert said["kind"] == "app" and said["app"] == "demo 2.0.0" and said["signed"] is False


def test_app_that_was_selected_but_does_not_boot_is_passed_over(ferry, dump):
    bad = images.app(version="2.0.0", bad_hash=True)
    dump.write_bytes(images.dump(
        {**PARTS, "ota_1": bad, "otadata": images.otadata(images.entry(2, images.VALID))},
        bootloader=BOOTLOADER))
    assert extract(ferry, dump)[0] == V1
    refused(ferry, dump, "--slot=ota_1", words=["ota_1", "SHA-256"])
    assert extract(ferry, dump, "--slot=ota_1", "--whole")[0].startswith(bad)


@pytest.mark.parametrize("name, kind, content", [
    ("ota_1", "app", V2),
    ("bootloader", "bootloader", BOOTLOADER),
    ("table", "table", images.table()),
    ("nvs", "data", NVS.ljust(0x4000, b"\xff")),
    ("otadata", "data", b"\xff" * 0x2000),
])
def test_each_by_its_name(ferry, dump, name, kind, content):
    for option in ("--partition", "--slot"):
        got, said = extract(ferry, dump, option, name)
        assert got == content and said["kind"] == kind


def test_merged_image_gives_the_same(ferry, dump, tmp_path):
    """The same flash without the erased rest behind the last app."""
    merged = tmp_path / "merged.bin"
    merged.write_bytes(dump.read_bytes()[:0x70000 + len(V2)])
    assert extract(ferry, merged)[0] == V1
    assert extract(ferry, merged, "--slot=ota_1")[0] == V2
    assert extract(ferry, merged, "--partition=vfs")[0] == b"\xff" * 0x30000


def test_virtual_device(ferry, device, tmp_path):
    got, said = extract(ferry, device.path)
    assert got == images.app(version="1.0.0", size=30000) and said["partition"] == "ota_0"


def test_signature_comes_along(ferry, dump, tmp_path):
    key, app, signed = (tmp_path / n for n in ("key.pem", "app.bin", "signed.bin"))
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key],
                   check=True, timeout=30)
    app.write_bytes(V1)
    ferry.ok("image", "sign", app, "--key", key, "-o", signed)
    dump.write_bytes(images.dump({**PARTS, "ota_0": signed.read_bytes()}, bootloader=BOOTLOADER))
    got, said = extract(ferry, dump)
    assert got == signed.read_bytes() and said["signed"] is True


def test_name_of_the_result(ferry, dump, tmp_path):
    said = ferry.ok("image", "extract", dump, "--partition=nvs")
    assert (tmp_path / "dump-nvs.bin").read_bytes() == NVS.ljust(0x4000, b"\xff")
    assert "16,384 bytes from nvs at 0x9000" in said.out


def test_result_updates_a_device(ferry, dump, device):
    """What was extracted is an image as any other."""
    extract(ferry, dump, "--slot=ota_1")
    device.update(dump.parent / "out.bin")
    assert device.boot()["booted"] == "ota_1"


def test_existing_file_is_replaced_only_by_a_good_result(ferry, dump, tmp_path):
    out = tmp_path / "out.bin"
    out.write_bytes(b"precious")
    ferry.refused("image", "extract", dump, "-o", out, "--partition=nothing")
    assert out.read_bytes() == b"precious"
    assert extract(ferry, dump)[0] == V1


def test_unknown_name_tells_the_known(ferry, dump):
    refused(ferry, dump, "--partition=nothing",
            words=["no partition 'nothing'", "nvs, otadata, phy_init, ota_0, ota_1, vfs"])


def test_image_alone_is_told_from_a_merged_one(ferry, tmp_path):
    app = tmp_path / "app.bin"
    for content in (V1, V1 + b"\xff" * 4096):
        app.write_bytes(content)
        refused(ferry, app, words=["is an image itself"])


def test_no_app_at_all(ferry, dump):
    dump.write_bytes(images.dump({"nvs": NVS}, bootloader=BOOTLOADER))
    refused(ferry, dump, words=["no app that would boot"])
    refused(ferry, dump, "--slot=ota_0", words=["ota_0"])


def test_no_table_and_a_damaged_one(ferry, dump):
    flash = bytearray(dump.read_bytes())
    flash[0x8000 + 4] ^= 1
    dump.write_bytes(flash)
    refused(ferry, dump, words=["MD5"])
    assert extract(ferry, dump, "--partition=table")[0] == bytes(flash[0x8000:0x8C00])
    assert extract(ferry, dump, "--partition=bootloader")[0] == BOOTLOADER
    flash[0x8000:0x9000] = b"\xff" * 0x1000
    dump.write_bytes(flash)
    for name in ([], ["--partition=table"], ["--slot=ota_0"]):
        refused(ferry, dump, *name, words=["0x8000"])


@pytest.mark.parametrize("length", [1, 100, 0x8000, 0x8010, 0x10000, 0x10100])
def test_truncated_files_are_refused(ferry, dump, length):
    dump.write_bytes(dump.read_bytes()[:length])
    refused(ferry, dump, words=[str(dump)])


def test_app_cut_short(ferry, dump):
    dump.write_bytes(dump.read_bytes()[:0x10000 + len(V1) - 40])
    refused(ferry, dump, words=["no app that would boot"])


def test_wrong_chip(ferry, dump):
    refused(ferry, dump, "--chip=esp32s3", "--slot=ota_0", words=["esp32c3", "esp32s3"])


def test_bootloader_without_a_chip_to_look_for(ferry, dump):
    dump.write_bytes(images.dump({"nvs": NVS}))
    refused(ferry, dump, "--partition=bootloader", words=["--chip"])
    refused(ferry, dump, "--partition=bootloader", CHIP, words=["0xff instead of 0xe9"])


def test_output_must_not_be_the_input(ferry, dump, device):
    before = dump.read_bytes()
    for out in (dump, dump.parent / "." / "dump.bin"):
        result = ferry.refused("image", "extract", dump, "-o", out)
        assert "to extract from" in result.err and dump.read_bytes() == before
    flash = device.flash
    ferry.refused("image", "extract", device.path, "-o", device.path / "flash.bin")
    assert device.flash == flash


def test_output_that_cannot_be_written(ferry, dump, tmp_path):
    for out in (tmp_path / "none" / "out.bin", tmp_path):
        result = ferry.refused("image", "extract", dump, "-o", out)
        assert str(out) in result.err
    shutil.copy("/dev/null", tmp_path / "empty.bin")
    refused(ferry, tmp_path / "empty.bin", words=["empty.bin"])
    refused(ferry, tmp_path / "missing.bin", words=["missing.bin"])
