"""ferry image info, verify and build: what they say, and of what they complain."""

import gzip
import hashlib
import json
import shlex
import subprocess
import tarfile
from pathlib import Path

import images
import pytest

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
VERIFY_KEYS = {"ok", "error", "esp_err", "image_len", "segments", "sha256", "app"}
ESP_FAIL, ESP_INVALID = -1, 0x2002


@pytest.fixture
def put(tmp_path):
    """Writes bytes to a file and returns its path."""
    def write(content, name="app.bin"):
        path = tmp_path / name
        path.write_bytes(content)
        return path
    return write


@pytest.fixture(scope="module")
def espressif():
    """The files of vectors E by name."""
    with tarfile.open(VECTORS / "E_images.tar.gz") as tar:
        return {m.name.split("/")[-1]: tar.extractfile(m).read() for m in tar if m.isfile()}


def test_info_tells_who_it_is(ferry, put):
    path = put(images.app(project="lamp", version="3.2.1"))
    said = ferry.ok("image", "info", path)
    for word in ("lamp", "3.2.1", "esp32c3", "Jan  2 2026", "DROM", "correct"):
        assert word in said.out
    assert not said.err
    facts = ferry.ok("image", "info", path, "--json").json
    assert facts["ok"] and facts["kind"] == "app" and facts["chip"] == "esp32c3"
    assert facts["app"]["project"] == "lamp" and facts["app"]["version"] == "3.2.1"
    assert facts["image_len"] == facts["size"] == path.stat().st_size
    assert facts["sha256"] == path.read_bytes()[-32:].hex()
    assert facts["file_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_info_shows_what_it_can_of_a_damaged_image(ferry, put):
    result = ferry.refused("image", "info", put(images.app(bad_checksum=True)))
    assert "checksum" in result.err and "Segments" in result.out and "demo" in result.out


def test_bytes_behind_the_image_are_told(ferry, put):
    said = ferry.ok("image", "info", put(images.app() + b"\xff" * 1000)).out
    assert "the last 1,000 of them behind the image" in said


def test_verify_of_a_good_image(ferry, put):
    path = put(images.app(size=30000))
    said = ferry.ok("image", "verify", path, "--chip=esp32c3", "--chip-rev=3")
    assert "is good" in said.out and path.read_bytes()[-32:].hex() in said.out
    verdict = ferry.ok("image", "verify", path, "--json").json
    assert set(verdict) == VERIFY_KEYS
    assert verdict["ok"] is True and verdict["error"] is None and verdict["esp_err"] == 0
    assert verdict["image_len"] == path.stat().st_size
    assert verdict["sha256"] == path.read_bytes()[-32:].hex()
    assert [s["memory"] for s in verdict["segments"]] == ["DROM", "DRAM"]
    assert verdict["segments"][0]["offset"] == 32


@pytest.mark.parametrize("knobs, options, esp_err, words", [
    ({"bad_checksum": True}, [], ESP_INVALID, "checksum"),
    ({"bad_hash": True}, [], ESP_INVALID, "SHA-256"),
    ({"truncate": 5000}, [], ESP_INVALID, "cut short: it has 5,000 bytes and needs"),
    ({"truncate": 0}, [], ESP_INVALID, "cut short: it has 0 bytes"),
    ({"magic": 0x42}, [], ESP_INVALID, "0x42 instead of 0xe9"),
    ({}, ["--chip=esp32s3"], ESP_FAIL, "is for esp32c3; the device is esp32s3"),
    ({"min_rev": 4}, ["--chip-rev=3"], ESP_FAIL, "needs chip revision v0.4"),
])
def test_verify_refuses_with_reason_and_number(ferry, put, knobs, options, esp_err, words):
    path = put(images.app(**knobs))
    assert words.lower() in ferry.refused("image", "verify", path, *options).err.lower()
    verdict = ferry.refused("image", "verify", path, *options, "--json").json
    assert VERIFY_KEYS | {"value", "limit"} <= set(verdict)
    assert verdict["ok"] is False and verdict["esp_err"] == esp_err and verdict["image_len"] == 0


def test_verdicts_are_espressifs_numbers(ferry, put, espressif):
    """A sample of vectors E_mutations; tests/conformance holds all of them against the core."""
    n = 0
    with gzip.open(VECTORS / "E_mutations.jsonl.gz", "rt") as lines:
        for i, line in enumerate(lines):
            record = json.loads(line)
            usual = (record["part_off"], record["part_size"]) == (0x10000, 0x100000)
            if i % 11 or not usual or record["disable_wafer_major"]:
                continue
            content = bytearray(espressif[record["base"]])
            del content[record.get("trunc", len(content)):]
            content += bytes.fromhex(record.get("append", ""))
            for off, patch in record["patch"]:
                content[off:off + len(patch) // 2] = bytes.fromhex(patch)
            verdict = ferry("image", "verify", put(content), "--json", "--chip", record["chip"],
                            "--chip-rev", record["chip_rev"], "--block-rev", record["blk_rev"]).json
            want = record["idf_verify"]
            assert (verdict["esp_err"], verdict["image_len"]) == (want["err"], want["image_len"]), \
                f"{record['base']} {record['name']}"
            n += 1
    assert n > 100


def test_whole_flash_is_explained_and_its_app_can_be_cut_out(device, tmp_path):
    said = device.ferry.ok("image", "info", device.path / "flash.bin").out
    assert "is no application image but the contents of a flash" in said
    assert "ferry status" in said
    cut = next(line for line in said.splitlines() if line.startswith("  ferry image extract "))
    device.ferry.ok(*shlex.split(cut)[1:], cwd=tmp_path)
    assert device.ferry.ok("image", "verify", tmp_path / "ota_0.bin").out
    result = device.ferry.refused("image", "verify", device.path / "flash.bin")
    assert "whole flash image" in result.err and "ferry image extract" in result.err


def test_files_of_other_kinds_are_named(ferry, put, espressif):
    elf = put(espressif["esp32c3_plain.elf"], "app.elf")
    assert "ferry image build" in ferry.refused("image", "verify", elf).err
    table = put(images.table(), "table.bin")
    assert "is a partition table" in ferry.refused("image", "verify", table).err
    assert "cannot open" in ferry.refused("image", "info", table.with_name("none")).err


def test_build_names_the_image_after_the_elf(ferry, put, espressif):
    elf = put(espressif["esp32c3_plain.elf"], "my.app.elf")
    said = ferry.ok("image", "build", elf, "--chip=ESP32-C3", "--flash-mode=dio",
                    "--flash-freq=40m", "--flash-size=4MB")
    image = elf.with_name("my.app.bin")
    assert str(image) in said.out
    assert image.read_bytes() == espressif["esp32c3_plain_0.bin"]


@pytest.mark.parametrize("options, words", [
    (["--chip=esp32c3", "--flash-freq=48m"], "esp32c3 has no flash clock of 48 MHz"),
    (["--chip=esp32c6", "--flash-mmu-page-size=8KB"], ""),
    (["--chip=esp32c3", "--elf-sha256-offset=0x20"], "not zero"),
    (["--chip=esp32c3", "--secure-pad-v2", "--dont-append-digest"], "needs the SHA-256"),
    (["--chip=esp32c3", "--ram-only-header"], "0xb0"),
])
def test_build_refuses_with_a_reason_and_writes_nothing(ferry, put, espressif, options, words):
    elf = put(espressif["esp32c3_plain.elf"], "app.elf")
    result = ferry("image", "build", elf, *options)
    if words:
        assert result.code == 1 and words in result.err
    assert elf.with_name("app.bin").exists() == (result.code == 0)


@pytest.mark.parametrize("options, words", [
    (["--chip=esp32c3", "--flash-mmu-page-size=16KB"], "--flash-mmu-page-size is ignored"),
    (["--chip=esp32c3", "--secure-pad"], "--secure-pad is ignored"),
    (["--chip=esp32c3", "--elf-sha256-offset=0x700000"], "lies in no segment"),
    (["--chip=esp32"], "another processor"),
])
def test_build_says_what_did_nothing(ferry, put, espressif, options, words):
    elf = put(espressif["esp32c3_plain.elf"], "app.elf")
    assert words in ferry.ok("image", "build", elf, *options).err


@pytest.mark.parametrize("options, words", [
    ([], "--chip is missing"),
    (["--chip=esp99"], "there is no chip 'esp99'"),
    (["--chip=esp32", "--flash-mode=fast"], "--flash-mode takes"),
    (["--chip=esp32", "--flash-size=3MB"], "--flash-size takes"),
    (["--chip=esp32", "--min-rev-full=65536"], "--min-rev-full takes a number up to 65,535"),
])
def test_wrong_usage_of_build_is_exit_2(ferry, put, options, words):
    result = ferry("image", "build", put(b"", "app.elf"), *options)
    assert result.code == 2 and words in result.err


def test_old_image_stays_if_the_new_one_cannot_be_written(ferry, put, espressif, tmp_path):
    elf = put(espressif["esp32c3_plain.elf"], "app.elf")
    result = ferry.refused("image", "build", elf, "--chip=esp32c3", "-o", "/dev/full")
    assert "No space left" in result.err
    old = put(b"old", "old.bin")
    ferry.refused("image", "build", put(b"no elf", "bad.elf"), "--chip=esp32c3", "-o", old)
    assert old.read_bytes() == b"old"
    ferry.ok("image", "build", elf, "--chip=esp32c3", "-o", old)
    assert old.read_bytes()[0] == 0xE9
    assert sorted(p.name for p in tmp_path.iterdir()) == ["app.elf", "bad.elf", "old.bin"]


def test_memory_does_not_grow_with_the_file(ferry, put, tmp_path):
    """docs/bench.md: files are read in pieces. Under a sanitizer there is more of it, but no more
    for the larger file. The program that starts them is small, or Linux would count it as well."""
    def peak_kb(*words):
        said = subprocess.run([ferry.path.parent / "bench/best_run", "3", "-", ferry.path, *words],
                              check=True, capture_output=True, text=True, timeout=60).stdout
        return int(said.split()[1])

    small, large = put(images.app(size=20000), "small.bin"), put(images.app(size=8 << 20), "8.bin")
    out = tmp_path / "out.bin"
    for words in (("image", "info"), ("image", "verify"),
                  ("image", "merge", "--chip=esp32c3", "-o", out, "0x10000")):
        assert peak_kb(*words, large) - peak_kb(*words, small) < 1024, words
