"""ferry image merge: parts by address and by name, and what is refused."""

import json
import subprocess
import tarfile
from pathlib import Path

import images
import pytest

CHIP = "--chip=esp32c3"  # its bootloader lies at 0
BOOTLOADER = images.app(no_descriptor=True, size=9000)
APP = images.app(size=30000)
CSV = """nvs, data, nvs, 0x9000, 0x4000
otadata, data, ota, 0xd000, 0x2000
ota_0, app, ota_0, 0x10000, 0x60000
second, app, ota_1, 0x70000, 0x60000
"""


@pytest.fixture
def put(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content)
        return path
    return write


@pytest.fixture
def parts(put):
    """bootloader, table (CSV), app, nvs and otadata as files."""
    return {"bootloader": put("boot.bin", BOOTLOADER), "table": put("parts.csv", CSV.encode()),
            "app": put("app.bin", APP), "nvs": put("nvs.bin", b"\x12" * 0x4000),
            "otadata": put("otadata.bin", images.otadata(images.entry(1, images.VALID)))}


def by_name(parts):
    return ["--bootloader", parts["bootloader"], "--table", parts["table"],
            "--otadata", parts["otadata"], "--app", f"ota_0={parts['app']}",
            "--data", f"nvs={parts['nvs']}"]


def refused(ferry, tmp_path, *words, says):
    out = tmp_path / "refused.bin"
    result = ferry.refused("image", "merge", CHIP, "-o", out, *words)
    assert all(word in result.err for word in says), result.err
    assert not out.exists()


def test_by_address_whatever_the_order(ferry, put, tmp_path):
    a, b, c = put("a", b"first"), put("b", b"second" * 1000), put("c", b"")
    out = tmp_path / "out.bin"
    said = ferry.ok("image", "merge", CHIP, "-o", out, "0x8000", b, "4096", a, "64K", c).out
    want = (b"\xff" * 4096 + b"first").ljust(0x8000, b"\xff") + b"second" * 1000
    assert out.read_bytes() == want.ljust(0x10000, b"\xff")
    assert "65,536 bytes, to be flashed at 0x0" in said
    ferry.ok("image", "merge", CHIP, "-o", out, "-t", "0x1000", "0x1000", a)
    assert out.read_bytes() == b"first"


def test_by_name_is_a_device(ferry, parts, tmp_path):
    out, table = tmp_path / "out.bin", tmp_path / "table.bin"
    said = ferry.ok("image", "merge", CHIP, "-o", out, *by_name(parts), "--json").json
    assert [(p["offset"], p["size"]) for p in said["parts"]] == [
        (0, len(BOOTLOADER)), (0x8000, 0xC00), (0x9000, 0x4000), (0xD000, 0x2000),
        (0x10000, len(APP))]
    assert said["size"] == out.stat().st_size and said["target_offset"] == 0
    ferry.ok("partitions", "build", parts["table"], "-o", table)
    assert out.read_bytes()[0x8000:0x8C00] == table.read_bytes()
    assert ferry.ok("status", out, "--json").json["next"] == "ota_0"
    for name, content in (("ota_0", APP), ("bootloader", BOOTLOADER), ("nvs", b"\x12" * 0x4000)):
        ferry.ok("image", "extract", out, "--partition", name, "-o", tmp_path / "part.bin")
        assert (tmp_path / "part.bin").read_bytes() == content


def espressif_elf():
    vectors = Path(__file__).resolve().parents[1] / "vectors"
    with tarfile.open(vectors / "E_images.tar.gz") as tar:
        member = next(m for m in tar if m.name.endswith("/esp32c3_plain.elf"))
        return tar.extractfile(member).read()


@pytest.fixture
def makers(ferry, put, tmp_path, parts):
    """A command for each kind of result, -o to follow, and what it must write."""
    merged, table = tmp_path / "merged.bin", tmp_path / "table.bin"
    elf = put("app.elf", espressif_elf())
    ferry.ok("image", "merge", CHIP, "-o", merged, *by_name(parts))
    ferry.ok("partitions", "build", parts["table"], "-o", table)
    ferry.ok("image", "build", elf, CHIP, "-o", tmp_path / "built.bin")
    return {
        "merge": (["image", "merge", CHIP, *by_name(parts)], merged.read_bytes()),
        "extract": (["image", "extract", merged, "--slot", "ota_0"], APP),
        "build": (["image", "build", elf, CHIP], (tmp_path / "built.bin").read_bytes()),
        "table": (["partitions", "build", parts["table"]], table.read_bytes()),
    }


@pytest.mark.parametrize("which", ["merge", "extract", "build", "table"])
def test_output_through_a_link_and_onto_standard_output(ferry, makers, tmp_path, which):
    """A link stays one and its target is written. On standard output, by whatever name, are the
    bytes and nothing else, where the stream stands."""
    words, want = makers[which]
    target, link, seen = tmp_path / "target.bin", tmp_path / "link.bin", tmp_path / "seen"
    for old in (b"", b"x" * 200_000):
        target.write_bytes(old)
        link.unlink(missing_ok=True)
        link.symlink_to(target.name)
        ferry.ok(*words, "-o", link)
        assert link.is_symlink() and target.read_bytes() == want
    target.unlink()
    ferry.ok(*words, "-o", link)
    assert link.is_symlink() and target.read_bytes() == want
    for name in ("-", "/dev/stdout"):
        run = subprocess.run([ferry.path, *map(str, words), "-o", name], capture_output=True,
                             check=True, timeout=20)
        assert run.stdout == want, name
        with open(seen, "wb") as file:
            file.write(b"before")
            file.flush()
            subprocess.run([ferry.path, *map(str, words), "-o", name], stdout=file, check=True,
                           timeout=20)
        assert seen.read_bytes() == b"before" + want, name
        assert ferry(*words, "-o", name, "--json").code == 2


def test_names_are_labels_then_slots_and_the_table_may_be_binary(ferry, parts, tmp_path):
    out, table = tmp_path / "out.bin", tmp_path / "table.bin"
    ferry.ok("partitions", "build", parts["table"], "-o", table)
    for name in ("second", "ota_1"):
        said = ferry.ok("image", "merge", CHIP, "-o", out, "--table", table, "--app",
                        f"{name}={parts['app']}", "--json").json
        assert said["parts"][1]["offset"] == 0x70000


def test_flash_parameters_are_set_in_the_bootloader_alone(ferry, put, tmp_path):
    out, boot, app = tmp_path / "out.bin", put("boot.bin", BOOTLOADER), put("app.bin", APP)
    ferry.ok("image", "merge", CHIP, "-o", out, "--flash-mode=dout", "--flash-freq=20m",
             "--flash-size=8MB", "0", boot, "0x10000", app)
    got = out.read_bytes()
    assert got[:4] == b"\xe9" + BOOTLOADER[1:2] + b"\x03\x32" and got[0x10000:] == APP
    (tmp_path / "b.bin").write_bytes(got[:len(BOOTLOADER)])
    ferry.ok("image", "verify", tmp_path / "b.bin")


def test_parameters_that_go_nowhere_are_told(ferry, put, tmp_path):
    out = tmp_path / "out.bin"
    said = ferry.ok("image", "merge", CHIP, "-o", out, "--flash-size=4MB", "0x10000",
                    put("app.bin", APP))
    assert "no part begins at 0x0" in said.err
    for content in (b"no image", BOOTLOADER[:2000], BOOTLOADER[:-1]):
        boot = put("boot.bin", content)
        said = ferry.ok("image", "merge", CHIP, "-o", out, "--flash-size=4MB", "0", boot)
        assert "boot.bin is no whole image" in said.err and out.read_bytes() == content


@pytest.mark.parametrize("a, b, n", [(0, 0, 10), (0, 0x1000, 0x1001), (0, 0x800, 10),
                                     (0x8000, 0x8FFF, 1)])
def test_parts_in_one_sector_overlap(ferry, put, tmp_path, a, b, n):
    x, y = put("x.bin", b"x" * n), put("y.bin", b"y" * 20000)
    refused(ferry, tmp_path, hex(b), y, hex(a), x, says=["x.bin", "y.bin", "overlap", hex(b)])


def test_bootloader_into_the_table(ferry, put, parts, tmp_path):
    put("boot.bin", BOOTLOADER.ljust(0x8001, b"\xff"))
    refused(ferry, tmp_path, *by_name(parts), says=["boot.bin", "parts.csv", "0x8000", "overlap"])


def test_what_is_too_long_for_its_place(ferry, put, parts, tmp_path):
    put("nvs.bin", b"\0" * 0x4001)
    refused(ferry, tmp_path, *by_name(parts), says=["nvs.bin is 16,385 bytes", "nvs holds 16,384"])
    for option in ("--flash-size=1MB", "--pad-to-size=1MB"):
        refused(ferry, tmp_path, option, "0xff000", put("x.bin", b"x" * 4097),
                says=["x.bin", "0xff000", "1,048,576"])
    refused(ferry, tmp_path, "-t", "0x2000", "0x1000", put("x.bin", b"x"),
            says=["x.bin", "0x1000", "0x2000"])
    refused(ferry, tmp_path, "0x7fffffff", put("x.bin", b"x"), says=["x.bin", "0x7fffffff"])


@pytest.mark.parametrize("content, says", [
    (APP[:-1], "cut short"),
    (images.app(bad_checksum=True), "checksum"),
    (images.app(bad_hash=True), "SHA-256"),
    (images.app(chip="esp32s3"), "esp32s3"),
    (b"", "cut short"),
    (CSV.encode(), "0x6e instead of 0xe9"),
])
def test_app_by_name_is_checked(ferry, put, parts, tmp_path, content, says):
    put("app.bin", content)
    refused(ferry, tmp_path, *by_name(parts), says=["app.bin", says])
    # By address it is bytes, as for esptool.
    ferry.ok("image", "merge", CHIP, "-o", tmp_path / "o", "0x10000", tmp_path / "app.bin")


def test_bootloader_for_another_chip(ferry, put, tmp_path):
    boot = put("boot.bin", images.app(chip="esp32"))
    for words in (["0x0", boot], ["--bootloader", boot]):
        refused(ferry, tmp_path, *words, says=["boot.bin", "is for esp32; the device is esp32c3"])


def test_names_that_the_table_does_not_have(ferry, parts, tmp_path):
    app = parts["app"]
    table = ["--table", parts["table"]]
    refused(ferry, tmp_path, *table, "--app", f"ota_7={app}", says=["parts.csv", "'ota_7'"])
    refused(ferry, tmp_path, *table, "--app", f"nvs={app}", says=["no app partition 'nvs'"])
    parts["table"].write_text("factory, app, factory, 0x10000, 1M\n")
    refused(ferry, tmp_path, *table, "--otadata", app, says=["'otadata'"])
    parts["table"].write_text("factory, app, factory, 0x10001, 1M\n")
    refused(ferry, tmp_path, *table, says=["offset of factory, 0x10001"])


def test_intel_hex_is_not_taken_for_bytes(ferry, put, tmp_path):
    refused(ferry, tmp_path, "0", put("x.hex", b":10000000000102030405060708090A0B0C0D0E0F78\n"),
            says=["x.hex", "Intel HEX"])
    ferry.ok("image", "merge", CHIP, "-o", tmp_path / "o", "0", put("x.bin", b":no hex digits"))


def test_output_is_replaced_whole_or_not_at_all(ferry, put, tmp_path):
    a, b = put("a", b"a" * 100), put("b", b"b" * 100)
    for out in (a, b):
        result = ferry.refused("image", "merge", CHIP, "-o", out, "0", a, "0x1000", b)
        assert "is one of the parts" in result.err
    assert (a.read_bytes(), b.read_bytes()) == (b"a" * 100, b"b" * 100)
    out = put("out.bin", b"old")
    ferry.refused("image", "merge", CHIP, "-o", out, "0", a, "0x10", b)
    assert out.read_bytes() == b"old"
    ferry.ok("image", "merge", CHIP, "-o", out, "0", a)
    assert out.read_bytes() == b"a" * 100
    for bad in (tmp_path / "none" / "out.bin", tmp_path):
        result = ferry.refused("image", "merge", CHIP, "-o", bad, "0", a)
        assert str(bad) in result.err
    result = ferry.refused("image", "merge", CHIP, "-o", out, "0", tmp_path / "missing.bin")
    assert "missing.bin" in result.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "out.bin"]


@pytest.mark.parametrize("words, says", [
    ([CHIP, "-o", "o"], "nothing is given"),
    (["-o", "o", "0", "a"], "--chip"),
    ([CHIP, "0", "a"], "--output"),
    ([CHIP, "-o", "o", "0"], "'0' has no partner"),
    ([CHIP, "-o", "o", "here", "a"], "'here' is no address"),
    ([CHIP, "-o", "o", "--app=ota_0=a"], "--table"),
    ([CHIP, "-o", "o", "--table=t", "--app=ota_0"], "NAME=FILE"),
    ([CHIP, "-o", "o", "--format=uf2", "0", "a"], "uf2"),
    ([CHIP, "-o", "o", "--pad-to-size=3MB", "0", "a"], "3MB"),
    (["--chip=esp8266", "-o", "o", "0", "a"], "esp8266"),
])
def test_wrong_usage(ferry, tmp_path, words, says):
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "t").write_text(CSV)
    result = ferry("image", "merge", *words, "--json", cwd=tmp_path)
    assert result.code == 2 and says in result.err, result
    assert json.loads(result.out)["ok"] is False and not (tmp_path / "o").exists()
