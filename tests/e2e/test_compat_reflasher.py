"""A program written for esp-self-reflasher, compiled unchanged against compat/esp-idf: what it
copies where, what is refused that the original would have let through, and what comes of it when
the program is killed in the middle. COMPAT names the folder of the programs."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import images
import pytest
from fault_server import FaultServer
from reflash_bench import JOURNAL, OLD, Bench, bootloader, noise

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(os.environ.get("COMPAT", ROOT / "build" / "release" / "tests"))
GAP = 0xB0000  # behind the last partition, up to the journal
MCUBOOT = b"\x3d\xb8\xf3\x96" + noise(50000, 5)
KILLS_MOST = 40


@pytest.fixture
def bench(ferry, tmp_path):
    return Bench(ferry, tmp_path)


@pytest.fixture
def files():
    """What the server has."""
    rows = [*OLD, ("extra", images.DATA, 0x40, GAP, 0x10000)]
    return {"v2.bin": images.app(version="2.0.0", size=90000, seed=2), "boot2.bin": bootloader(2),
            "table.bin": images.table(rows), "data.bin": noise(30001, 3),
            "big.bin": noise(60000, 4), "mcu.bin": MCUBOOT,
            "html.bin": b"<html>log in first</html>" * 100}


@pytest.fixture
def app(bench, files, tmp_path):
    """app("data.bin:0xb0000:0x8000", fault="ok", **environment) runs the program, CompletedProcess;
    app.start(...) gives the Popen. app.server is whom it asks."""
    with FaultServer(files) as server:
        def environment(jobs, fault, more):
            names = {"FERRY_DEVICE": str(bench.path), "SERVER": server.url(fault), **more}
            if jobs:
                names["JOBS"] = jobs
            clean = {k: v for k, v in os.environ.items()
                     if not k.startswith("FERRY_") and not k.endswith("_proxy")}
            return {**clean, **names}

        def start(jobs="", fault="ok", **more):
            return subprocess.Popen([PROGRAMS / "idf_reflasher_app"], cwd=tmp_path, text=True,
                                    env=environment(jobs, fault, more), stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE)

        def run(jobs="", fault="ok", **more):
            process = start(jobs, fault, **more)
            out, err = process.communicate(timeout=60)
            return subprocess.CompletedProcess(process.args, process.returncode, out, err)

        run.start = start
        run.server = server
        yield run


def is_done(done):
    assert done.returncode == 0, done.stderr
    assert "reflash: ESP_OK" in done.stderr, done.stderr


def lies_at(bench, at, data, size):
    region = bench.flash[at:at + size]
    assert region == data.ljust(size, b"\xff")


class Unchanged:
    """What a refusal leaves: everything but the staging area, NVS being the program's own."""

    def __init__(self, bench, staging="ota_1"):
        self.bench, self.before = bench, bench.flash
        self.may = [row[3:5] for row in bench.rows if row[0] in (staging, "nvs", "otadata")]

    def holds(self, done, word):
        assert done.returncode == 0, done.stderr
        assert f"reflash: {word}\n" in done.stderr, done.stderr
        now, before = bytearray(self.bench.flash), bytearray(self.before)
        for off, size in self.may:
            now[off:off + size] = before[off:off + size] = b""[:0].ljust(size, b"\0")
        assert now == before
        assert self.bench.ferry.ok("device", "boot", self.bench.path, "--json").json[
            "booted"] == "ota_0"


# What it is for.

def test_image_goes_through_the_free_slot_to_its_region(app, bench, files):
    done = app(f"data.bin:{GAP:#x}:0x10000")
    is_done(done)
    lies_at(bench, GAP, files["data.bin"], 0x10000)
    assert bench.part("ota_1")[0x1000:0x1000 + 30001] == files["data.bin"]
    for words in ("src_start 0x50000, src_end 0x90000", "dest_start 0xb0000, dest_end 0xc0000",
                  "Partition erased successfully", "Total downloaded binary length: 30001 (0x7531)",
                  "File downloaded successfully", "Starting copy 0x7531 bytes from 0x51000 to",
                  "Flash destination region erased successfully", "Data copied from 0x51000"):
        assert words in done.stderr, words
    assert bench.state() == "finished"


def test_app_table_and_bootloader_then_restart(app, bench, files):
    done = app("v2.bin:0x50000:0x40000 table.bin:0x8000:0x1000 boot2.bin:0x0:0x8000",
               TARGET_PARTITION="storage", RESTART="1")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("running from ota_0") == 2
    lies_at(bench, 0x50000, files["v2.bin"], 0x40000)
    lies_at(bench, 0, files["boot2.bin"], 0x8000)
    assert "needs a cable" in done.stderr
    shown = bench("status", bench.path, "--json").json
    assert any(p["label"] == "extra" for p in shown["partitions"])


def test_second_image_goes_behind_the_first(app, bench, files):
    done = app(f"data.bin:{GAP:#x}:0x8000 big.bin:0xc0000:0x10000")
    is_done(done)
    lies_at(bench, 0xC0000, files["big.bin"], 0x10000)
    assert "Starting copy 0xea60 bytes from 0x59000 to" in done.stderr
    assert done.stderr.count("Partition erased successfully") == 1
    assert "Updating configuration for next download" in done.stderr


def test_staging_starts_anew_where_the_next_might_not_fit(app, bench, files):
    done = app(f"big.bin:{GAP:#x}:0x10000 data.bin:0xc0000:0x31000")
    is_done(done)
    lies_at(bench, 0xC0000, files["data.bin"], 0x31000)
    assert "Current selected partition for download placement will be erased" in done.stderr


def test_next_destination_may_be_the_staging_area_of_before(app, bench, files):
    done = app(f"data.bin:{GAP:#x}:0x10000 v2.bin:0x50000:0x40000", GO_ON="1")
    assert "Partition overlaps destination" in done.stderr
    assert "download failed: ESP_ERR_INVALID_STATE" in done.stderr
    done = app("data.bin:0x90000:0x20000 v2.bin:0x50000:0x40000", GO_ON="1",
               TARGET_PARTITION="storage")
    assert "configuration 0 failed: ESP_ERR_NOT_FOUND" in done.stderr
    assert "download failed: ESP_ERR_INVALID_ARG" in done.stderr


def test_same_content_again_writes_nothing(app, bench):
    is_done(app(f"data.bin:{GAP:#x}:0x10000"))
    marks = bench.flash[JOURNAL:]
    is_done(app(f"data.bin:{GAP:#x}:0x10000"))
    assert bench.flash[JOURNAL:] == marks


def test_embedded_image_is_copied_at_once(app, bench):
    done = app(f"-:{GAP:#x}:0x4000", EMBEDDED="0x1234:0x3001")
    is_done(done)
    lies_at(bench, GAP, bench.app[0x1234:0x1234 + 0x3001], 0x4000)


def test_mcuboot_image_is_not_asked_for_espressifs_format(app, bench):
    is_done(app("mcu.bin:0x50000:0x40000", TARGET_PARTITION="storage"))
    lies_at(bench, 0x50000, MCUBOOT, 0x40000)


def test_system_that_is_not_esp_idf(app, bench, files):
    merged = bootloader(3).ljust(0xA000, b"\xff") + noise(0x3000, 6)
    files["merged.bin"] = app.server.files["merged.bin"] = merged
    done = app("mcu.bin:0x50000:0x40000 merged.bin:0x0:0xf000", TARGET_PARTITION="storage")
    is_done(done)
    lies_at(bench, 0, merged, 0xF000)
    assert "after this copy: " in done.stderr


def test_device_without_a_sector_for_the_journal(ferry, tmp_path, files):
    rows = [*OLD, ("rest", images.DATA, 0x82, GAP, images.FLASH - GAP)]
    bench = Bench(ferry, tmp_path, rows=rows, name="full")
    with FaultServer(files) as server:
        done = subprocess.run([PROGRAMS / "idf_reflasher_app"], cwd=tmp_path, text=True,
                              env={**os.environ, "FERRY_DEVICE": str(bench.path),
                                   "SERVER": server.url("ok"),
                                   "JOBS": f"data.bin:{GAP:#x}:0x50000 boot2.bin:0x0:0x8000"},
                              capture_output=True, check=False, timeout=60)
    is_done(done)
    assert "journal's sector 0xff000 is in use" in done.stderr
    lies_at(bench, GAP, files["data.bin"], 0x50000)
    lies_at(bench, 0, files["boot2.bin"], 0x8000)


# What is refused.

@pytest.mark.parametrize("region, word", [
    ("0x10000:0x1000", "ESP_ERR_NOT_ALLOWED"), ("0x0:0x100000", "ESP_ERR_NOT_ALLOWED"),
    ("0x4f000:0x2000", "ESP_ERR_NOT_ALLOWED"), ("0x60000:0x1000", "ESP_ERR_NOT_FOUND"),
    ("0x50000:0x40000", "ESP_ERR_NOT_FOUND"), ("0x8f000:0x3000", "ESP_ERR_NOT_FOUND"),
    ("0xb0800:0x1000", "ESP_ERR_INVALID_ARG"), ("0xb0000:0x800", "ESP_ERR_INVALID_SIZE"),
    ("0xff000:0x2000", "ESP_ERR_INVALID_SIZE"), ("0xb0000:0x0", "ESP_ERR_INVALID_SIZE"),
    ("0xfffff000:0x2000", "ESP_ERR_INVALID_SIZE"),
])
def test_bad_region(app, bench, region, word):
    before = Unchanged(bench)
    before.holds(app(f"data.bin:{region}"), word)


def test_regions_that_touch_do_not_overlap(app, bench, files):
    is_done(app("data.bin:0x90000:0x20000"))
    lies_at(bench, 0x90000, files["data.bin"], 0x20000)


def test_named_staging_partition_that_is_the_destination(app, bench):
    before = Unchanged(bench)
    before.holds(app("data.bin:0x98000:0x1000", TARGET_PARTITION="storage"), "ESP_ERR_NOT_FOUND")


@pytest.mark.parametrize("fault, word", [
    ("404", "ESP_ERR_HTTP_CONNECT"), ("500", "ESP_ERR_HTTP_CONNECT"),
    ("hops/1/ok", "ESP_ERR_HTTP_CONNECT"), ("silent", "ESP_ERR_HTTP_CONNECT"),
    ("garbage", "ESP_ERR_HTTP_CONNECT"), ("closes-early", "ESP_ERR_HTTP_WRITE_DATA"),
    ("resets", "ESP_ERR_HTTP_WRITE_DATA"), ("stalls", "ESP_ERR_HTTP_WRITE_DATA"),
    ("chunked-cut", "ESP_ERR_HTTP_WRITE_DATA"), ("no-length", "ESP_ERR_HTTP_WRITE_DATA"),
    ("endless", "ESP_ERR_INVALID_SIZE"),
])
def test_bad_server(app, bench, fault, word):
    before = Unchanged(bench)
    before.holds(app(f"data.bin:{GAP:#x}:0x10000", fault=fault), word)


@pytest.mark.parametrize("fault", ["ok", "chunked"])
def test_content_larger_than_its_region(app, bench, fault):
    before = Unchanged(bench)
    before.holds(app(f"data.bin:{GAP:#x}:0x7000", fault=fault), "ESP_ERR_INVALID_SIZE")


@pytest.mark.parametrize("name, region", [
    ("html.bin", "0x0:0x8000"), ("html.bin", "0x8000:0x1000"), ("html.bin", "0x0:0xf000"),
    ("html.bin", "0x50000:0x40000"), ("bad-hash.bin", "0x0:0x8000"),
    ("other-chip.bin", "0x0:0x8000"), ("bad-app.bin", "0x50000:0x40000"),
    ("bad-app.bin", f"{GAP:#x}:0x20000"),
])
def test_bad_content(app, bench, name, region):
    app.server.files.update({
        "bad-hash.bin": bootloader(2, bad_hash=True), "other-chip.bin": bootloader(2, "esp32s3"),
        "bad-app.bin": images.app(size=50000, bad_checksum=True)})
    before = Unchanged(bench, "storage")
    before.holds(app(f"{name}:{region}", TARGET_PARTITION="storage"), "ESP_ERR_IMAGE_INVALID")


def test_embedded_image_over_itself(app, bench):
    bench.put(0x90000, noise(0x4000, 8))
    before = Unchanged(bench)
    # 0x80000 behind the running app's start is `storage`: a source that lies in the destination.
    before.holds(app("-:0x91000:0x4000", EMBEDDED="0x80000:0x2000"), "ESP_ERR_INVALID_ARG")
    before.holds(app("-:0x90000:0x1000", EMBEDDED="0x0:0x2000"), "ESP_ERR_INVALID_SIZE")


# Killed in the middle.

def is_begun(bench):
    """Whether the journal holds a whole plan that is not finished (docs/design/reflash.md)."""
    with open(bench.path / "flash.bin", "rb") as flash:
        flash.seek(JOURNAL)
        sector = flash.read(0x1000)
    return sector[:4] == b"FRYJ" and sector[0x20:0x40] != b"\xff" * 32 and sector[0x900] == 0xFF


def killed_while_copying(app, bench, jobs, after):
    """False if the program was through before."""
    process = app.start(jobs)
    while process.poll() is None and not is_begun(bench):
        time.sleep(0.0005)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode != 0 and bench.state() == "unfinished"


def test_killed_copy_is_finished_by_the_next_start(app, bench):
    chance, n_waiting, jobs = random.Random(7), 0, f"full.bin:{GAP:#x}:0x4f000"
    for i in range(KILLS_MOST):
        app.server.files["full.bin"] = data = noise(0x3F000, 100 + i)
        # Later and later kills until one comes too late, then from the start again.
        if not killed_while_copying(app, bench, jobs, chance.uniform(0, 0.002 * 2 ** (i % 6))):
            continue
        n_waiting += 1
        done = app()  # without a word about reflashing, and without a server
        assert "a reflash was interrupted; it is finished now" in done.stderr
        assert "running from ota_0, version 1.0.0" in done.stderr
        lies_at(bench, GAP, data, 0x4F000)
        if n_waiting == 5:
            break
    assert n_waiting == 5


def test_half_written_table_needs_what_a_cable_would_do(app, bench):
    """What a device cannot do by itself, the program does not either; `ferry` can."""
    bench.put(0x8000, b"\xff" * 0x1000)
    done = app()
    assert done.returncode == 1
    assert "cannot start on this device" in done.stderr
    assert "ferry reflash resume" in done.stderr


def test_device_with_trusted_keys_takes_no_unsigned_plan(ferry, tmp_path, files):
    bench = Bench(ferry, tmp_path, "--trusted-key-digest=" + "ab" * 32, name="trusting")
    before = Unchanged(bench)
    with FaultServer(files) as server:
        done = subprocess.run([PROGRAMS / "idf_reflasher_app"], cwd=tmp_path, text=True,
                              env={**os.environ, "FERRY_DEVICE": str(bench.path),
                                   "SERVER": server.url("ok"),
                                   "JOBS": f"data.bin:{GAP:#x}:0x10000"},
                              capture_output=True, check=False, timeout=60)
    before.holds(done, "ESP_ERR_NOT_ALLOWED")
