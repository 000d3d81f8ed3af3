"""ferry reflash: every capability of esp-self-reflasher, and none of its ways to lose a device
(rows S3 of docs/coverage.md). What survives a power cut: test_reflash_cuts.py."""
import hashlib
import json
import os
import subprocess
import sys
import time

import images
import pytest
import reflash_bench
from fault_server import FaultServer, Tls, serving, status
from reflash_bench import BOOTLOADER_OFF, MIGRATION, NEW, OLD, Bench, noise

ALLOW = "--allow-dangerous"
TO_OTA_1 = "app@ota_1=v2.bin"


@pytest.fixture
def bench(ferry, tmp_path):
    return Bench(ferry, tmp_path)


@pytest.fixture
def server(bench):
    files = {name: (bench.folder / name).read_bytes()
             for name in ("v2.bin", "fs.bin", "boot2.bin", "new.csv")}
    with FaultServer(files) as s:
        yield s


def padded(data, size):
    return data.ljust(size, b"\xff")


# What the original can do.

def test_image_from_a_server_to_an_address(bench, server):
    said = bench.done("run", f"--step=raw@0xc0000+0x20000={server.url('ok/v2.bin')}")
    data = (bench.folder / "v2.bin").read_bytes()
    assert bench.flash[0xC0000:0xE0000] == padded(data, 0x20000)
    assert said["staging"] == 0x50000, "the slot that does not run"
    assert said["steps"][0]["sha256"] == hashlib.sha256(data).hexdigest()
    assert bench.state() == "finished"


def test_staging_partition_of_the_users_choice(bench, server):
    said = bench.done("run", f"--step=app@ota_1={server.url('ok/v2.bin')}", "--staging=storage")
    assert said["staging"] == 0x90000 and bench.part("ota_1").startswith(
        (bench.folder / "v2.bin").read_bytes())


@pytest.mark.parametrize("place", ["ota_1", "0x60000+0x20000", "0x40000+0x50000"])
def test_staging_that_overlaps_the_destination_is_refused(bench, place):
    bench.refused("run", f"--step={TO_OTA_1}", f"--staging={place}",
                  code="FERRY_ERR_REFLASH_OVERLAP" if place[2] != "4" else None)


def test_several_images_one_behind_another_in_one_staging_area(bench, server):
    said = bench.done("run", f"--step=data@storage={server.url('ok/fs.bin')}",
                      f"--step=raw@0xc0000+0x10000={server.url('ok/boot2.bin')}")
    first, second = (step["source_offset"] for step in said["steps"])
    # The slot's first sector stays blank, so that nothing staged is taken for an app.
    assert (first, second) == (0x51000, 0x51000 + 0x5000)
    assert bench.flash[0x50000:0x51000] == b"\xff" * 0x1000
    assert bench.part("storage") == padded((bench.folder / "fs.bin").read_bytes(), 0x20000)
    assert bench.flash[0xC0000:].startswith((bench.folder / "boot2.bin").read_bytes())


def test_second_image_that_does_not_fit_behind_the_first_is_refused(bench):
    (bench.folder / "large.bin").write_bytes(noise(0x19000, 3))
    said = bench.refused("run", "--step=raw@0xc0000+0x1a000=large.bin",
                         "--step=raw@0xe0000+0x1a000=large.bin", "--staging=storage",
                         code="FERRY_ERR_REFLASH_FULL", staging="storage")
    assert (said["value"], said["limit"]) == (0x19000, 0x7000)


def test_images_too_large_for_one_area_take_two(ferry, tmp_path):
    rows = [*OLD[:3], ("ota_0", images.APP, 0x10, 0x10000, 0x20000),
            ("ota_1", images.APP, 0x11, 0x30000, 0x20000),
            ("ota_2", images.APP, 0x12, 0x50000, 0x20000),
            ("storage", images.DATA, 0x82, 0x90000, 0x20000)]
    bench = Bench(ferry, tmp_path, rows=rows)
    for name, seed in (("a.bin", 3), ("b.bin", 4)):
        (tmp_path / name).write_bytes(noise(0x1E000, seed))
    said = bench.done("run", "--step=raw@0xb0000+0x20000=a.bin", "--step=raw@0xd0000+0x20000=b.bin")
    assert [step["source_offset"] for step in said["steps"]] == [0x31000, 0x51000]
    assert bench.flash[0xB0000:].startswith(noise(0x1E000, 3))
    assert bench.flash[0xD0000:].startswith(noise(0x1E000, 4))


def test_image_embedded_in_the_running_app(bench):
    at = 0x10000 + 0x1000
    wanted = bench.flash[at:at + 0x3000]
    sha = hashlib.sha256(wanted).hexdigest()
    said = bench.done("run", f"--step=raw@0xc0000+0x3000,sha256:{sha}=flash:0x{at:x}+0x3000")
    assert said["steps"][0]["source"] == "embedded" and "staging" not in said
    assert bench.flash[0xC0000:0xC3000] == wanted


def test_bootloader_and_table_need_a_flag(bench):
    said = bench.refused("run", "--step=bootloader=boot2.bin", code="FERRY_ERR_REFLASH_WINDOW")
    assert said["value"] == said["window_sectors"] > 0 and "--allow-dangerous" in said["hint"]
    bench.done("run", "--step=bootloader=boot2.bin", ALLOW)
    assert bench.flash.startswith((bench.folder / "boot2.bin").read_bytes())


def test_away_from_esp_idf_needs_another(bench):
    """The original's example: MCUboot over bootloader and table, its first image in a slot."""
    (bench.folder / "mcuboot.bin").write_bytes(noise(0x8800, 11))
    steps = ("--step=raw@0x0+0x9000=mcuboot.bin", "--step=raw@0xc0000+0x18000=v2.bin")
    said = bench.refused("run", *steps, ALLOW, code="FERRY_ERR_TABLE_MAGIC")
    said = bench.refused("run", *steps, "--foreign", code="FERRY_ERR_REFLASH_WINDOW")
    said = bench.done("run", *steps, "--foreign", ALLOW)
    assert said["boots"] is None and said["steps"][said["no_return_step"]]["offset"] == 0
    assert bench.flash.startswith(noise(0x8800, 11))
    assert bench.flash[0xC0000:].startswith((bench.folder / "v2.bin").read_bytes())


@pytest.mark.parametrize("chip", ["esp32", "esp32s2", "esp32s3", "esp32c3", "esp32c6", "esp32h2"])
def test_bootloader_of_each_chip_goes_where_its_rom_looks(ferry, tmp_path, chip, monkeypatch):
    for book, like in ((images.CHIPS, reflash_bench.CHIP_IDS), (images.DROM, None),
                       (images.DRAM, None)):
        monkeypatch.setitem(book, "esp32h2", like["esp32h2"] if like else book["esp32c6"])
    bench = Bench(ferry, tmp_path, chip=chip)
    said = bench.done("run", "--step=bootloader=boot2.bin", ALLOW)
    at = BOOTLOADER_OFF.get(chip, 0)
    assert said["steps"][0]["offset"] == at
    assert bench.flash[at:].startswith((bench.folder / "boot2.bin").read_bytes())


def test_plain_python_server_is_a_source(bench):
    with subprocess.Popen([sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"],
                          cwd=bench.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True) as web:
        try:
            port = web.stdout.readline().split("port ")[1].split()[0]
            bench.done("run", f"--step=app@ota_1=http://127.0.0.1:{port}/v2.bin",
                       "--staging=storage")
        finally:
            web.kill()
    assert bench.part("ota_1").startswith((bench.folder / "v2.bin").read_bytes())


# Sources.

def test_from_a_pipe_and_a_slow_link(bench):
    data = (bench.folder / "fs.bin").read_bytes()
    read, write = os.pipe()
    with os.fdopen(write, "wb") as end:
        process = bench.ferry.start("reflash", "run", bench.path, "--step=data@storage=-",
                                    cwd=bench.folder, stdin=read)
        os.close(read)
        for at in range(0, len(data), 5000):
            end.write(data[at:at + 5000])
            end.flush()
            time.sleep(0.01)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, out + err
    assert bench.part("storage") == padded(data, 0x20000)


def test_over_https_with_a_client_certificate(bench, tmp_path):
    tls = Tls(tmp_path)
    with FaultServer({"v2.bin": (bench.folder / "v2.bin").read_bytes()}, tls,
                     needs_client_cert=True) as server:
        step = f"--step=app@ota_1={server.url('ok/v2.bin')}"
        bench.refused("run", step, "--staging=storage", "--retries=0")
        bench.done("run", step, "--staging=storage", f"--ca={tls.ca}", f"--cert={tls.client_cert}",
                   f"--key={tls.client_key}")


def test_header_and_user_go_along(bench, server):
    bench.refused("run", f"--step=data@storage={server.url('needs-header/fs.bin')}")
    bench.done("run", f"--step=data@storage={server.url('needs-header/fs.bin')}",
               "--header=X-Fleet-Token: 42")
    bench.done("run", f"--step=raw@0xc0000+0x6000={server.url('basic/fs.bin')}",
               "--user=bench:s3cret")


def test_lost_link_is_gone_on_from_where_it_was(bench, server):
    server.script = [serving(stop_after=30000), serving(stop_after=30000), serving()]
    result = bench.reflash("run", f"--step=app@ota_1={server.url('script/v2.bin')}",
                           "--staging=storage")
    assert result.code == 0, result
    assert [h.get("Range") for _, h in server.requests] == [None, "bytes=30000-", "bytes=60000-"]
    assert "trying again" in result.err
    assert bench.part("ota_1").startswith((bench.folder / "v2.bin").read_bytes())


def test_file_that_changed_meanwhile_is_fetched_anew(bench, server):
    server.script = [serving(stop_after=30000), serving(etag='"v2"')]
    result = bench.reflash("run", f"--step=app@ota_1={server.url('script/v2.bin')}",
                           "--staging=storage")
    assert result.code == 0 and "anew" in result.err, result
    assert bench.part("ota_1").startswith((bench.folder / "v2.bin").read_bytes())


@pytest.mark.parametrize("fault", ["404", "403", "closes-early", "resets", "promises-more", "html",
                                   "garbage", "endless", "silent", "stalls", "closes-at-once"])
def test_server_that_fails_changes_nothing_and_ends(bench, server, fault):
    said = bench.refused("run", f"--step=data@storage={server.url(fault + '/fs.bin')}",
                         "--retries=0", "--stall-timeout=1")
    assert said["step"] == "data@storage"
    # The process is as good as before: the same again, from a server that works.
    bench.done("run", f"--step=data@storage={server.url('ok/fs.bin')}")


def test_status_that_passes_is_waited_out(bench, server):
    server.script = [status(503, ("Retry-After", "1")), serving()]
    bench.done("run", f"--step=data@storage={server.url('script/fs.bin')}")


# What the original does not check.

@pytest.mark.parametrize("known", [True, False])
def test_content_larger_than_its_place_is_refused(bench, server, known):
    source = "fs.bin" if known else server.url("no-length/fs.bin")
    said = bench.refused("run", f"--step=raw@0xc0000+0x4000={source}",
                         code="FERRY_ERR_REFLASH_SIZE")
    assert said["limit"] == 0x4000 and said["step"] == "raw@0xc0000+0x4000"
    assert bench.flash[0xC0000:0xD0000] == b"\xff" * 0x10000


def test_content_larger_than_any_place_is_told_of_its_own(bench):
    (bench.folder / "huge.bin").write_bytes(noise(0x60000, 4))
    said = bench.refused("run", "--step=data@storage=huge.bin", code="FERRY_ERR_REFLASH_SIZE")
    assert (said["value"], said["limit"]) == (0x60000, 0x20000)


@pytest.mark.parametrize("place", ["0xc0100+0x6000", "0xc0000+0x5100", "0xc0000+0x50"])
def test_place_off_the_sectors_is_refused(bench, place):
    said = bench.refused("run", f"--step=raw@{place}=flash:0x90000+0x40",
                         code="FERRY_ERR_FLASH_ALIGN")
    assert said["limit"] == 4096


def test_place_behind_the_flash_is_refused(bench):
    bench.refused("run", "--step=raw@0xfe000+0x4000=fs.bin")
    bench.refused("run", "--step=raw@0x100000+0x6000=fs.bin", code="FERRY_ERR_FLASH_RANGE")


STAGE = (0x60000, 0x10000)


@pytest.mark.parametrize("off, size, clash", [
    (0x50000, 0x10000, False),  # ends where the staging area begins
    (0x70000, 0x10000, False),  # begins where it ends
    (0x58000, 0x10000, True),   # from below
    (0x68000, 0x10000, True),   # from above
    (0x64000, 0x8000, True),    # inside: the original's test misses it
    (0x50000, 0x30000, True),   # around
    (0x60000, 0x10000, True),   # the same
])
def test_overlap_with_the_staging_area_in_every_direction(bench, off, size, clash):
    words = (f"--step=raw@0x{off:x}+0x{size:x}=fs.bin",
             f"--staging=0x{STAGE[0]:x}+0x{STAGE[1]:x}")
    if clash:
        bench.refused("run", *words, code="FERRY_ERR_REFLASH_OVERLAP")
    else:
        bench.done("run", *words)
        assert bench.flash[off:].startswith((bench.folder / "fs.bin").read_bytes())


@pytest.mark.parametrize("other, clash", [
    ("0xc8000+0x8000", True), ("0xc0000+0x10000", True), ("0xc4000+0x1000", True),
    ("0xb8000+0x9000", True), ("0xd0000+0x8000", False), ("0xb8000+0x8000", False)])
def test_overlap_between_two_steps(bench, other, clash):
    words = ("--step=raw@0xc0000+0x10000=fs.bin", f"--step=raw@{other}=flash:0x90000+0x1000")
    if clash:
        bench.refused("run", *words, code="FERRY_ERR_REFLASH_OVERLAP")
    else:
        bench.done("run", *words)


def test_two_regions_that_want_each_others_place_are_refused(bench):
    bench.refused("run", "--step=raw@0x90000+0x2000=flash:0x92000+0x2000",
                  "--step=raw@0x92000+0x2000=flash:0x90000+0x2000",
                  code="FERRY_ERR_REFLASH_OVERLAP")


@pytest.mark.parametrize("spoil, code", [
    (lambda b: b"\0" + b[1:], "FERRY_ERR_IMAGE_MAGIC"),
    (lambda b: b[:50000], "FERRY_ERR_IMAGE_TRUNC"),
    (lambda b: b[:50000] + bytes([b[50000] ^ 1]) + b[50001:], "FERRY_ERR_IMAGE_CHECKSUM"),
    (lambda b: images.app(size=90000, bad_hash=True), "FERRY_ERR_IMAGE_HASH"),
    (lambda b: images.app(size=90000, chip="esp32s3"), "FERRY_ERR_IMAGE_CHIP"),
])
def test_bad_app_is_refused_before_anything_changes(bench, spoil, code):
    path = bench.folder / "bad.bin"
    path.write_bytes(spoil((bench.folder / "v2.bin").read_bytes()))
    bench.refused("run", "--step=app@ota_1=bad.bin", "--staging=0xc0000+0x20000", code=code)


@pytest.mark.parametrize("make, code", [
    (lambda: reflash_bench.bootloader(3, bad_hash=True), "FERRY_ERR_IMAGE_HASH"),
    (lambda: reflash_bench.bootloader(3, chip="esp32s3"), "FERRY_ERR_IMAGE_CHIP"),
    (lambda: reflash_bench.bootloader(3)[:9000], None),
    (lambda: b"\x7fELF" + noise(9000, 2), "FERRY_ERR_IMAGE_MAGIC"),
    (lambda: reflash_bench.bootloader(3, size=40000), "FERRY_ERR_REFLASH_SIZE"),
])
def test_bad_bootloader_is_refused_before_anything_changes(bench, make, code):
    (bench.folder / "bad.bin").write_bytes(make())
    bench.refused("run", "--step=bootloader=bad.bin", ALLOW, code=code)


def test_bad_table_is_refused_before_anything_changes(bench):
    good = images.table(NEW)
    (bench.folder / "bad.bin").write_bytes(good[:40] + bytes([good[40] ^ 1]) + good[41:])
    bench.refused("run", "--step=table=bad.bin", ALLOW)
    (bench.folder / "bad.csv").write_text("nvs, data, nvs, 0x9000\n")
    bench.refused("run", "--step=table=bad.csv", ALLOW)


def test_promises_are_kept_or_refused(bench, server):
    data = (bench.folder / "fs.bin").read_bytes()
    sha, wrong = hashlib.sha256(data).hexdigest(), "00" * 32
    url = server.url("ok/fs.bin")
    bench.refused("run", f"--step=data@storage,sha256:{wrong}={url}", code="FERRY_ERR_UPDATE_SHA")
    bench.refused("run", f"--step=data@storage,sha256:{wrong}=fs.bin", code="FERRY_ERR_UPDATE_SHA")
    bench.refused("run", f"--step=data@storage,length:77={url}", code="FERRY_ERR_UPDATE_LENGTH")
    bench.refused("run", f"--step=table,sha256:{wrong}=new.csv", ALLOW,
                  code="FERRY_ERR_UPDATE_SHA")
    bench.done("run", f"--step=data@storage,sha256:{sha},length:{len(data)}={url}")


def test_what_is_there_already_is_neither_fetched_nor_written(bench, server):
    data = (bench.folder / "fs.bin").read_bytes()
    step = (f"--step=data@storage,sha256:{hashlib.sha256(data).hexdigest()},length:{len(data)}="
            f"{server.url('ok/fs.bin')}")
    bench.done("run", step)
    server.requests.clear()
    before = bench.flash
    said = bench.done("run", step)
    assert not server.requests and bench.flash == before
    assert said["sectors"] == 0 and said["steps"][0]["source"] == "held" and "staging" not in said


# The running app, the staging area and the journal.

def test_running_app_is_never_written_nor_staged_over(bench):
    bench.refused("run", "--step=app@ota_0=v2.bin", code="FERRY_ERR_REFLASH_RUNNING")
    bench.refused("run", "--step=raw@0x4f000+0x2000=flash:0x90000+0x1000",
                  code="FERRY_ERR_REFLASH_RUNNING")
    bench.refused("run", "--step=data@storage=fs.bin", "--staging=ota_0",
                  code="FERRY_ERR_REFLASH_RUNNING")


def test_no_slot_is_free_to_stage_in(bench):
    # What the original does: its second try takes the running slot and erases it under itself.
    said = bench.refused("run", f"--step={TO_OTA_1}", code="FERRY_ERR_REFLASH_STAGING")
    assert said["limit"] == 0


def test_device_that_never_ran_needs_a_named_staging_area(ferry, tmp_path):
    bench = Bench(ferry, tmp_path, boot=False)
    bench.refused("run", "--step=data@storage=fs.bin", code="FERRY_ERR_REFLASH_STAGING")
    bench.done("run", "--step=data@storage=fs.bin", "--staging=ota_1")


def test_journal_lies_outside_of_every_partition(bench):
    step = "--step=raw@0xc0000+0x10000=fs.bin"
    bench.refused("run", step, "--journal-at=0x95000", code="FERRY_ERR_REFLASH_JOURNAL")
    bench.refused("run", step, "--journal-at=0xc5000", code="FERRY_ERR_REFLASH_JOURNAL")
    bench.refused("run", step, "--journal-at=0x8000", code="FERRY_ERR_REFLASH_JOURNAL")
    bench.refused("run", step, "--journal-at=0xfe800", code="FERRY_ERR_FLASH_ALIGN")
    # The new table's partitions count too.
    (bench.folder / "wide.csv").write_text(
        reflash_bench.csv([*NEW[:-1], (*NEW[-1][:4], 0x100000 - 0xB6000)]))
    bench.refused("run", "--step=table=wide.csv", "--step=move@nvs=nvs", ALLOW,
                  code="FERRY_ERR_REFLASH_JOURNAL")
    bench.done("run", step, "--journal-at=0xe0000")
    assert bench.flash[0xE0000:0xE0004] == b"FRYJ"
    assert json.loads(bench.facts)["reflash_journal"] == 0xE0000
    assert bench.state() == "finished", "later commands know where it is"


def test_new_layout_must_bring_nvs_and_boot(bench):
    bench.refused("run", "--step=table=new.csv", ALLOW, code="FERRY_ERR_REFLASH_LOST")
    rows = [row for row in NEW if row[0] != "otadata"]
    (bench.folder / "no.csv").write_text(reflash_bench.csv(rows))
    bench.refused("run", "--step=table=no.csv", "--step=move@nvs=nvs", ALLOW,
                  code="FERRY_ERR_NO_OTADATA")
    away = [row for row in NEW if row[0] in ("otadata", "nvs")]
    away.append(("ota_0", images.APP, 0x10, 0xC0000, 0x10000))
    (bench.folder / "away.csv").write_text(reflash_bench.csv(away))
    bench.refused("run", "--step=table=away.csv", "--step=move@nvs=nvs", ALLOW,
                  code="FERRY_ERR_NO_BOOT")


# The worked migration: another layout and bootloader, data moved along with its content.

def is_migrated(bench, nvs, fs):
    flash = bench.flash
    assert flash[0x8000:0x8C00] == images.table(NEW)
    assert flash.startswith((bench.folder / "boot2.bin").read_bytes())
    assert bench.part("nvs", NEW) == padded(nvs, 0x6000)
    assert bench.part("storage", NEW) == padded(fs, 0x30000)
    assert bench.part("otadata", NEW) == b"\xff" * 0x2000
    assert flash[0x10000:].startswith(bench.app)
    said = bench.ferry.ok("device", "boot", bench.path, "--json").json
    assert said["booted"] == "ota_0"
    found = bench.ferry("status", bench.path, "--json").json
    assert found["ok"] and found["running"] == "ota_0"


def test_migration_moves_nvs_and_a_file_system_along(bench):
    planned = bench.reflash("plan", *MIGRATION, ALLOW)
    assert planned.code == 0, planned
    said = bench.done("run", *MIGRATION, ALLOW)
    assert planned.json["steps"] == said["steps"], "plan says what run does"
    kinds = [step["kind"] for step in said["steps"]]
    assert kinds.index("table") > kinds.index("data") and "bootloader" in kinds
    assert said["window_sectors"] > 0
    is_migrated(bench, bench.nvs, bench.fs)


def test_what_nvs_stores_is_read_at_its_new_place(bench):
    bench.put(bench.at("nvs"), b"\xff" * 0x4000)
    for words in (("wifi", "ssid", "string", "the office"), ("app", "starts", "u32", "1234"),
                  ("app", "blob", "blob", "00ff10" * 600)):
        bench("nvs", "set", bench.path, *words)
    before = bench("nvs", "list", bench.path, "--json").json
    bench.done("run", *MIGRATION, ALLOW)
    after = bench("nvs", "list", bench.path, "--json").json
    assert len(before["entries"]) == 3 and after["entries"] == before["entries"]
    bench("nvs", "set", bench.path, "app", "starts", "u32", "1235")


def test_migration_by_a_plan_file(bench):
    plan = {"staging": "ota_1", "backup": True, "steps": [
        {"kind": "table", "from": "new.csv"}, {"kind": "move", "to": "nvs", "from": "nvs"},
        {"kind": "move", "to": "storage", "from": "storage"}, {"kind": "blank", "to": "otadata"},
        {"kind": "bootloader", "from": "boot2.bin"}]}
    folder = bench.folder / "release"
    folder.mkdir()
    for name in ("new.csv", "boot2.bin"):
        (bench.folder / name).rename(folder / name)
    (folder / "plan.json").write_text(json.dumps(plan))
    bench.done("run", folder / "plan.json", ALLOW)
    for name in ("new.csv", "boot2.bin"):
        (folder / name).rename(bench.folder / name)
    is_migrated(bench, bench.nvs, bench.fs)


def test_bootloader_that_resumes_leaves_only_itself_a_window(bench):
    steps = [s.replace("bootloader=", "bootloader,resumes=") for s in MIGRATION]
    said = bench.done("plan", *steps, ALLOW)
    switch = [step["kind"] for step in said["steps"] if step["decides"]]
    assert switch[0] == "bootloader"
    assert said["window_sectors"] == next(
        step["sectors"] for step in said["steps"] if step["kind"] == "bootloader")


def test_recovery_bootloader_leaves_no_window(ferry, tmp_path):
    bench = Bench(ferry, tmp_path)
    said = bench.done("plan", "--step=bootloader,resumes=boot2.bin", "--recovery-at=0xe0000", ALLOW)
    assert said["window_sectors"] == 0 and said["steps"][0]["kind"] == "backup"


def test_bootloader_that_resumes_may_write_the_running_app(bench):
    step = ("--step=app@ota_0=v2.bin", "--resumes=bootloader")
    said = bench.refused("run", *step, code="FERRY_ERR_FLASH_PROTECTED")
    assert "app that boots" in said["error"] and said["window_sectors"] == 0
    bench.done("run", *step, ALLOW)
    assert bench.flash[0x10000:].startswith((bench.folder / "v2.bin").read_bytes())
    # It was restarted to do so: what runs is known after the next power-on.
    assert json.loads(bench.facts)["running"] is None
    assert bench.ferry.ok("device", "boot", bench.path, "--json").json["booted"] == "ota_0"


def test_undo_brings_everything_back_byte_for_byte(bench):
    before = bench.flash
    said = bench.done("run", *MIGRATION, ALLOW, "--backup")
    assert said["backup"] and bench.flash[:0x50000] != before[:0x50000]
    bench.ferry.ok("device", "boot", bench.path)
    result = bench.reflash("undo")
    assert result.code == 1 and result.json["code"] == "FERRY_ERR_REFLASH_WINDOW"
    bench.done("undo", ALLOW)
    after = bench.flash
    # All but the staging slot, the gap that kept the backup, and the journal.
    assert after[:0x50000] == before[:0x50000] and after[0x90000:0xE6000] == before[0x90000:0xE6000]
    assert bench.ferry.ok("device", "boot", bench.path, "--json").json["booted"] == "ota_0"
    assert bench.reflash("undo", ALLOW).json["code"] == "FERRY_ERR_REFLASH_BACKUP"


def test_undo_without_a_plan_or_a_backup(bench):
    assert bench.refused("undo")["code"] == "FERRY_ERR_REFLASH_NONE"
    bench.done("run", "--step=data@storage=fs.bin")
    assert bench.reflash("undo").json["code"] == "FERRY_ERR_REFLASH_BACKUP"


def test_backup_that_does_not_fit_is_refused(bench):
    bench.refused("run", "--step=data@storage=fs.bin", "--backup=0xc0000+0x2000",
                  code="FERRY_ERR_REFLASH_FULL")


# Trust.

def key(folder, name):
    path = folder / f"{name}.pem"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path],
                   check=True, timeout=30)
    return path


def test_device_with_trusted_keys_takes_signed_plans_only(ferry, tmp_path):
    ours, other = key(tmp_path, "ours"), key(tmp_path, "other")
    bench = Bench(ferry, tmp_path, f"--trusted-key={ours}")
    step = "--step=data@storage=fs.bin"
    bench.refused("run", step, code="FERRY_ERR_SIGNATURE_NONE")
    bench.refused("run", step, f"--sign-key={other}", code="FERRY_ERR_SIGNATURE_KEY")
    bench.done("run", step, f"--sign-key={ours}")
    assert bench.part("storage").startswith((bench.folder / "fs.bin").read_bytes())


# Other devices.

def test_flash_dump_and_merged_image_are_devices_too(bench, ferry, tmp_path):
    dump = tmp_path / "dump.bin"
    dump.write_bytes(bench.flash)
    ferry.ok("reflash", "run", dump, *MIGRATION, ALLOW, cwd=tmp_path)
    bench.path.joinpath("flash.bin").write_bytes(dump.read_bytes())
    facts = json.loads(bench.facts)
    (bench.path / "device.json").write_text(json.dumps({**facts, "running": None}))
    is_migrated(bench, bench.nvs, bench.fs)


def test_disk_that_is_full_is_an_error_and_nothing_is_lost(bench, ferry, tmp_path):
    merged = tmp_path / "merged.bin"
    merged.write_bytes(bench.flash[:0x70000])
    limited = type(ferry)("prlimit", f"--fsize={0x80000}")
    before = merged.read_bytes()
    result = limited("reflash", "run", merged, "--step=raw@0xc0000+0x6000=fs.bin", "--json",
                     "--running=ota_0", cwd=tmp_path)
    assert result.code == 1 and "space" in result.json["error"], result
    after = merged.read_bytes()
    assert after[:0x50000] == before[:0x50000]
    assert set(after[0x70000:]) <= {0xFF}
