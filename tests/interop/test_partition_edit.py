"""Edits of flash files beside mp-image-tool-esp32, and with what esptool merged."""

import random
import re
import subprocess
import sys

import pytest
from conftest import ROOT, VENV

sys.path.insert(0, str(ROOT / "tests/e2e"))
import images  # noqa: E402  (the images of the end-to-end tests)

TABLE_END = {"esp32": 0x8000, "esp32c3": 0x9000}  # in a file that begins with the bootloader
ROWS = [("nvs", 1, 2, 0x9000, 0x6000), ("phy_init", 1, 1, 0xF000, 0x1000),
        ("factory", 0, 0, 0x10000, 0x1F0000), ("vfs", 1, 0x81, 0x200000, 0x200000)]
OTA_ROWS = [("nvs", 1, 2, 0x9000, 0x5000), ("otadata", 1, 0, 0xE000, 0x2000),
            ("ota_0", 0, 0x10, 0x10000, 0x180000), ("ota_1", 0, 0x11, 0x190000, 0x180000),
            ("vfs", 1, 0x81, 0x310000, 0xF0000)]


def merged(chip, rows):
    """A firmware file as it is downloaded: from the bootloader up to the app's end."""
    app = next(row[0] for row in rows if row[1] == 0)
    flash = bytearray(images.dump({app: images.app(chip=chip, size=60000)}, rows, size=4 << 20))
    boot = images.app(chip=chip, size=3000)
    start = 0x9000 - TABLE_END[chip]
    flash[start:start + len(boot)] = boot
    return bytes(flash[start:]).rstrip(b"\xff")


def peer(source, output, options, cwd):
    """True if the other tool made its copy."""
    words = [str(VENV / "mp-image-tool-esp32"), str(source), "-o", str(output), *options]
    done = subprocess.run(words, check=False, cwd=cwd, stdin=subprocess.DEVNULL, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode == 0 and output.exists()


def random_options(rng, rows):
    """One to three changes in the spelling that both tools take."""
    def size():
        return rng.choice(["0", "1M", "0x180000", "5B", "32K", "1.5M", "0x200B", "2M"])

    label = rng.choice([row[0] for row in rows])
    options = {
        "--table": rng.choice(["ota", "default", "original", "nvs=7B,factory=2M,vfs=0",
                               "nvs=20K,otadata=2B,ota_0=1M,ota_1=1M,vfs=fat:0"]),
        "--resize": f"{label}={size()}",
        "--rename": f"{label}={rng.choice(['data', 'other', 'nvs'])}",
        "--delete": rng.choice(["phy_init", "vfs", "nvs"]),
        "--add": rng.choice([f"more:fat:0:{size()}", "log=fat:0x3f0000:64K", "ota_2=0:1M"]),
        "--app-size": rng.choice(["2M", "1984K", "0x180000"]),
        "--flash-size": rng.choice(["8M", "16M", "2M"]),
    }
    chosen = rng.sample(sorted(options), rng.choice([1, 1, 2, 3]))
    return [word for name in chosen for word in (name, options[name])]


def test_where_both_accept_an_edit_the_bytes_are_the_same(ferry, tmp_path):
    """Bootloader with its hash, and table: all that is not contents."""
    rng = random.Random(20261121)
    theirs, ours = tmp_path / "theirs.bin", tmp_path / "ours.bin"
    n_both = 0
    for i in range(40):
        chip, rows = rng.choice(sorted(TABLE_END)), rng.choice([ROWS, OTA_ROWS])
        source = tmp_path / "source.bin"
        source.write_bytes(merged(chip, rows))
        options = random_options(rng, rows)
        theirs.unlink(missing_ok=True)
        ours.unlink(missing_ok=True)
        made = peer(source, theirs, options, tmp_path)
        result = ferry("partitions", "edit", source, "-o", ours, *options)
        assert ours.exists() == (result.code == 0)
        if not made or result.code:
            continue
        n_both += 1
        end = TABLE_END[chip]
        assert ours.read_bytes()[:end] == theirs.read_bytes()[:end], (i, options)
    assert n_both >= 12, n_both


def test_release_for_one_app_becomes_one_for_updates(ferry, mp_image_tool, micropython, tmp_path):
    """MicroPython as it is downloaded, given two slots on a larger flash."""
    theirs, ours = tmp_path / "theirs.bin", tmp_path / "ours.bin"
    before = micropython.combined.read_bytes()
    options = ("--flash-size", "8M", "--table", "ota")
    mp_image_tool(*options, "--output", theirs, micropython.combined)
    told = ferry.ok("partitions", "edit", micropython.combined, "-o", ours, *options, "--json").json
    assert told["boots"] == "ota_0"
    assert ours.read_bytes() == theirs.read_bytes()
    assert micropython.combined.read_bytes() == before
    said = mp_image_tool("--check-app", ours)
    assert "8MB flash" in said and "Partition 'ota_0': Hash confirmed" in said
    ferry.ok("update", ours, micropython.app)
    assert ferry.ok("device", "boot", ours, "--json").json["booted"] == "ota_1"
    assert "Partition 'ota_1': Hash confirmed" in mp_image_tool("--check-app", ours)


def test_contents_are_read_and_written_alike(ferry, mp_image_tool, micropython, tmp_path):
    ours, theirs = tmp_path / "ours.bin", tmp_path / "theirs.bin"
    for path in (ours, theirs):
        path.write_bytes(micropython.combined.read_bytes())
    for name in ("bootloader", "factory"):
        a, b = tmp_path / "a", tmp_path / "b"
        mp_image_tool("--read", f"{name}={a}", "--trim", micropython.combined, cwd=tmp_path)
        ferry.ok("partitions", "read", ours, f"{name}={b}", "--trim=16")
        assert a.read_bytes() == b.read_bytes(), name
    nvs = tmp_path / "nvs.bin"
    nvs.write_bytes(random.Random(1).randbytes(0x2000))
    mp_image_tool("--write", f"nvs={nvs}", "--output", theirs, micropython.combined, cwd=tmp_path)
    ferry.ok("partitions", "write", ours, f"nvs={nvs}")
    assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize("begin", [0, 0x1000])
def test_what_esptool_merged_is_a_device(ferry, esptool, tmp_path, begin):
    """From the flash's begin or from the bootloader, not padded to the flash's size."""
    parts = {"boot.bin": images.app(chip="esp32", size=3000), "table.bin": images.table(),
             "app.bin": images.app(chip="esp32", size=60000)}
    for name, data in parts.items():
        (tmp_path / name).write_bytes(data)
    out = tmp_path / "merged.bin"
    esptool("--chip", "esp32", "merge-bin", "--target-offset", hex(begin), "--output", out,
            "0x1000", tmp_path / "boot.bin", "0x8000", tmp_path / "table.bin", "0x10000",
            tmp_path / "app.bin")
    status = ferry.ok("status", out, "--json").json
    assert status["chip"] == "esp32" and status["file_offset"] == begin
    assert status["next"] == "ota_0"
    copy = tmp_path / "copy.bin"
    ferry.ok("partitions", "edit", out, "-o", copy, "--flash-size=8MB", "--resize=vfs=0")
    boot = tmp_path / "boot-8.bin"
    ferry.ok("partitions", "read", copy, "bootloader", boot, "--image")
    said = esptool("image-info", boot)
    assert re.search(r"Flash size: 8MB", said) and "(valid)" in said and "(invalid" not in said
