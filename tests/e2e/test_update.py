"""ferry update: from file, pipe and server; every bad input; interruption at any moment.

After each failure: a sentence that names value and limit, exit 1, and the state that docs/design.md
promises (Promise in conftest.py)."""
import hashlib
import json
import os
import random
import re
import resource
import signal
import subprocess
import time
import zlib

import images
import pytest
from conftest import TARGET, Promise, names, entries
from fault_server import FaultServer
from images import INVALID, VALID, entry, otadata

LONG = 0x60000  # what a slot holds


def refused(device, source, *options, code, words=(), target=TARGET, **how):
    """The update fails as it should, in words, and nothing that matters has changed."""
    promise = Promise(device, target)
    result = device.update(source, *options, "--json", **how)
    assert result.code == 1, result
    assert result.json["ok"] is False and result.json["code"] == code, result
    assert f"ferry: {result.json['error']}" in result.err
    for word in words:
        assert word in result.json["error"], result.json["error"]
    promise.kept()
    return result


# What goes well.

def test_from_a_file(device, image_file):
    app = image_file()
    result = device.ferry.ok("update", device.path, app)
    digest = hashlib.sha256(app.read_bytes()).hexdigest()
    assert f"SHA256={digest}" in result.out
    assert "ota_1 boots next" in result.out and "ferry confirm" in result.out
    stages = ["ota_0 runs: demo 1.0.0", "Opening", "Target ota_1 takes 393,216 bytes (96 sectors",
              "It is demo 2.0.0, built Jan  2 2026", "Writing: ", "Verifying what was written",
              "passed"]
    at = [result.err.index(stage) for stage in stages]
    assert at == sorted(at)
    assert device.part("ota_1").startswith(app.read_bytes())
    assert device.facts["running"] == "ota_0"


def test_json_says_what_was_done(device, image_file):
    app = image_file()
    result = device.update(app, "--boot", "--json").json
    assert result["ok"] and result["slot"] == result["next"] == result["booted"] == "ota_1"
    assert (result["project"], result["version"]) == ("demo", "2.0.0")
    assert result["length"] == app.stat().st_size and result["authenticated"] is True
    assert result["sha256"] == hashlib.sha256(app.read_bytes()).hexdigest()
    assert device.facts["running"] == "ota_1"


def test_from_standard_input(device, image_file):
    with open(image_file(), "rb") as data:
        done = subprocess.run([device.ferry.path, "update", device.path, "-"], stdin=data,
                              capture_output=True, timeout=60)
    assert done.returncode == 0, done


def test_from_a_pipe_in_small_pieces(device, image_file):
    data = image_file().read_bytes()
    run = subprocess.Popen([device.ferry.path, "update", device.path, "-", "--chunk=1000"],
                           stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    out, err = run.communicate(data, timeout=60)
    assert run.returncode == 0, err
    assert device.part("ota_1").startswith(data)


@pytest.mark.parametrize("path", ["ok", "chunked", "no-length", "slow", "hops/3/ok"])
def test_from_a_server(device, image_file, path):
    data = image_file(size=20000).read_bytes()
    with FaultServer({"app.bin": data}) as server:
        result = device.ferry.ok("update", device.path, server.url(f"{path}/app.bin"), "--json")
    assert "unauthenticated" in result.err and result.json["authenticated"] is False
    assert device.part("ota_1").startswith(data)


def test_promises_that_are_kept(device, image_file):
    app = image_file()
    data = app.read_bytes()
    device.ferry.ok("update", device.path, app, "--sha256", hashlib.sha256(data).hexdigest(),
                    "--length", len(data), "--crc32", f"{zlib.crc32(data):08x}",
                    "--min-version=2.0")


def test_from_a_manifest_over_http(device, image_file):
    data = image_file().read_bytes()
    manifest = {"firmware": "../ok/app.bin", "sha": hashlib.sha256(data).hexdigest(),
                "length": len(data)}
    with FaultServer({"app.bin": data, "r.json": json.dumps(manifest).encode()}) as server:
        device.ferry.ok("update", device.path, server.url("ok/r.json"))
    assert device.part("ota_1").startswith(data)


def test_manifest_whose_promise_is_broken(device, image_file, tmp_path):
    manifest = {"firmware": "app.bin", "sha": "00" * 32, "length": image_file().stat().st_size}
    (tmp_path / "r.json").write_text(json.dumps(manifest))
    refused(device, tmp_path / "r.json", code="FERRY_ERR_UPDATE_SHA", words=["00" * 32])


def test_manifest_and_command_line_that_disagree(device, image_file, tmp_path):
    manifest = {"firmware": "app.bin", "sha": "00" * 32, "length": image_file().stat().st_size}
    (tmp_path / "r.json").write_text(json.dumps(manifest))
    refused(device, tmp_path / "r.json", "--sha256", "11" * 32, code="FERRY_ERR_MANIFEST",
            words=["SHA-256"])


def test_gentle_and_slot_and_other_ways(device, image_file):
    device.ferry.ok("update", device.path, image_file(), "--gentle", "--slot=ota_1", "--chunk=777")
    assert device.boot()["booted"] == "ota_1"


def test_image_without_descriptor_is_taken_when_asked(device, image_file):
    plain = image_file(no_descriptor=True)
    assert device.update(plain, "--allow-no-descriptor", "--boot").code == 0
    assert device.status()["running"] == TARGET


def test_three_updates_in_turn_use_the_slots_in_turn(device, image_file):
    for n, slot in enumerate(["ota_1", "ota_0", "ota_1"], start=2):
        result = device.update(image_file(version=f"{n}.0.0"), "--boot", "--json").json
        assert result["slot"] == result["booted"] == slot
        device.ferry.ok("confirm", device.path)


def test_bare_dump_is_updated_in_place(ferry, tmp_path, image_file):
    dump = tmp_path / "dump.bin"
    dump.write_bytes(images.dump({"ota_0": images.app(), "otadata": otadata(entry(1, VALID))}))
    result = ferry.ok("update", dump, image_file(), "--boot", "--json").json
    assert result["booted"] == "ota_1" and dump.stat().st_size == images.FLASH


# What the image may be.

IMAGE_FAULTS = [
    ("truncated", {"truncate": 100000}, "FERRY_ERR_IMAGE_TRUNC", ["100,000 bytes"]),
    ("truncated in its hash", {"truncate": -7}, "FERRY_ERR_IMAGE_TRUNC", ["needs"]),
    ("header only", {"truncate": 24}, "FERRY_ERR_IMAGE_TRUNC", ["24 bytes"]),
    ("empty", {"truncate": 0}, "FERRY_ERR_UPDATE_EMPTY", []),
    ("oversized", {"size": LONG}, "FERRY_ERR_IMAGE_SIZE", ["ota_1 holds 393,216"]),
    ("for another chip", {"chip": "esp32s3"}, "FERRY_ERR_IMAGE_CHIP", ["esp32s3", "esp32c3"]),
    ("for no known chip", {"chip": 0x7777}, "FERRY_ERR_IMAGE_CHIP", ["0x7777", "esp32c3"]),
    ("wrong magic", {"magic": 0x7F}, "FERRY_ERR_IMAGE_MAGIC", ["0x7f instead of 0xe9"]),
    ("bad checksum", {"bad_checksum": True}, "FERRY_ERR_IMAGE_CHECKSUM", ["checksum is 0x"]),
    ("bad hash", {"bad_hash": True}, "FERRY_ERR_IMAGE_HASH", ["SHA-256"]),
    ("no descriptor", {"no_descriptor": True}, "FERRY_ERR_IMAGE_NO_DESC", ["descriptor"]),
    ("older", {"version": "0.9.0"}, "FERRY_ERR_UPDATE_DOWNGRADE",
     ["0.9.0", "1.0.0", "--allow-downgrade"]),
    ("of another project", {"project": "toaster"}, "FERRY_ERR_UPDATE_PROJECT",
     ["toaster", "demo", "--allow-other-project"]),
]


@pytest.fixture
def faulty_file(tmp_path):
    def write(knobs):
        if isinstance(knobs.get("chip"), int):
            images.CHIPS["odd"] = knobs["chip"]
            images.DROM["odd"], images.DRAM["odd"] = images.DROM["esp32c3"], images.DRAM["esp32c3"]
            knobs = {**knobs, "chip": "odd"}
        path = tmp_path / "faulty.bin"
        path.write_bytes(images.app(**{"version": "2.0.0", "size": 150000, "seed": 2, **knobs}))
        return path
    return write


@pytest.mark.parametrize("name, knobs, code, words", IMAGE_FAULTS, ids=[f[0] for f in IMAGE_FAULTS])
def test_faulty_image_from_a_file(device, faulty_file, name, knobs, code, words):
    refused(device, faulty_file(knobs), code=code, words=words)


@pytest.mark.parametrize("name, knobs, code, words", IMAGE_FAULTS, ids=[f[0] for f in IMAGE_FAULTS])
def test_faulty_image_of_unknown_length(device, faulty_file, name, knobs, code, words):
    with FaultServer({"app.bin": faulty_file(knobs).read_bytes()}) as server:
        refused(device, server.url("chunked/app.bin"), code=code,
                words=[w for w in words if "bytes" not in w])


def test_whole_flash_image_is_told_apart(device, tmp_path):
    merged = tmp_path / "merged.bin"
    boot = images.app(size=16000, no_descriptor=True)
    merged.write_bytes(images.dump({"ota_0": images.app()}, bootloader=boot))
    promise = Promise(device)
    result = device.ferry.refused("update", device.path, merged, "--json").json
    assert result["code"] in ("FERRY_ERR_IMAGE_MERGED", "FERRY_ERR_IMAGE_SIZE",
                              "FERRY_ERR_IMAGE_NO_DESC")
    promise.kept()


def test_lower_secure_version(make_device, image_file):
    device = make_device("--anti-rollback=on")
    device.put("ota_0", images.app(secure_version=2))
    device.put("otadata", otadata(entry(1, VALID)))
    device.boot()
    refused(device, image_file(secure_version=1), code="FERRY_ERR_IMAGE_SECURE_VERSION",
            words=["1", "2"])


PROMISE_FAULTS = [
    (["--sha256", "ab" * 32], "FERRY_ERR_UPDATE_SHA", ["ab" * 32]),
    (["--crc32", "12345678"], "FERRY_ERR_UPDATE_CRC", ["12345678"]),
    (["--length", "100"], "FERRY_ERR_UPDATE_LENGTH", ["100 were promised"]),
    (["--length", "300000"], "FERRY_ERR_UPDATE_LENGTH", ["300,000 were promised"]),
    (["--length", "393217"], "FERRY_ERR_", ["393,21"]),
    (["--min-version", "2.0.1"], "FERRY_ERR_UPDATE_MIN_VERSION", ["2.0.0", "2.0.1"]),
]


@pytest.mark.parametrize("options, code, words", PROMISE_FAULTS)
@pytest.mark.parametrize("how", ["file", "pipe"])
def test_broken_promise(device, image_file, options, code, words, how):
    app = image_file()
    promise = Promise(device)
    with open(app, "rb") as data:
        cat = subprocess.Popen(["cat"], stdin=data, stdout=subprocess.PIPE)
        done = subprocess.run(
            [device.ferry.path, "update", device.path, app if how == "file" else "-", *options,
             "--json"], stdin=cat.stdout, capture_output=True, text=True, timeout=60)
        cat.stdout.close()
        cat.wait(timeout=10)
    result = json.loads(done.stdout)
    assert done.returncode == 1 and result["code"].startswith(code), result
    for word in words:
        assert word in result["error"]
    promise.kept()


@pytest.mark.parametrize("options", [
    ["--sha256", "zz"], ["--crc32", "123"], ["--length", "-1"], ["--length", "0"],
    ["--chunk", "0"], ["--user", "nocolon"], ["--header", "nocolon"], ["--key", "x"],
    ["--connect-timeout", "soon"], ["--frobnicate"], ["--stall-timeout", "0"],
    ["--retries", "often"],
])
def test_wrong_usage_is_exit_2_and_touches_nothing(device, image_file, options):
    before = device.flash
    result = device.update(image_file(), *options, "--json")
    assert result.code == 2 and result.json["code"] == "usage", result
    assert "--help" in result.err and device.flash == before


# What the device may be.

def test_missing_otadata(make_device, image_file):
    rows = [r for r in images.TWO_SLOTS if r[0] != "otadata"]
    device = make_device(rows=rows)
    before = device.flash
    result = device.update(image_file(), "--json")
    assert result.code == 1 and device.flash == before
    device.ferry("device", "boot", device.path)
    before = device.flash
    result = device.ferry.refused("update", device.path, image_file(), "--json")
    assert device.flash == before


def test_missing_otadata_on_a_dump_is_named(ferry, tmp_path, image_file):
    rows = [("factory", 0, 0, 0x10000, 0x40000), ("ota_0", 0, 0x10, 0x50000, 0x40000),
            ("ota_1", 0, 0x11, 0x90000, 0x40000)]
    dump = tmp_path / "dump.bin"
    dump.write_bytes(images.dump({"factory": images.app()}, rows))
    before = dump.read_bytes()
    result = ferry.refused("update", dump, image_file(), "--json")
    assert result.json["code"] == "FERRY_ERR_NO_OTADATA" and dump.read_bytes() == before


def test_one_slot_only(make_device, image_file):
    device = make_device(rows=[r for r in images.TWO_SLOTS if r[0] != "ota_1"])
    device.boot()
    before = device.flash
    result = device.ferry.refused("update", device.path, image_file(), "--json")
    assert result.json["code"] == "FERRY_ERR_NO_SLOT" and "spare" in result.json["error"]
    assert device.flash == before


def test_running_slot_is_never_a_target(device, image_file):
    refused(device, image_file(), "--slot=ota_0", code="FERRY_ERR_UPDATE_RUNNING",
            words=["ota_0"])
    refused(device, image_file(), "--slot=ota_7", code="FERRY_ERR_NOT_FOUND", words=["ota_7"])


def test_unconfirmed_app_is_not_updated_over_unless_asked(device, image_file):
    device.update(image_file(), "--boot")
    before = device.flash
    result = device.ferry.refused("update", device.path, image_file(version="3.0.0"), "--json")
    assert result.json["code"] == "FERRY_ERR_UPDATE_PENDING" and "ota_1" in result.json["error"]
    assert device.flash == before


def test_device_that_never_ran_is_not_updated(make_device, image_file):
    device = make_device()
    result = device.ferry.refused("update", device.path, image_file(), "--json")
    assert result.json["code"] == "FERRY_ERR_SLOT_UNKNOWN"
    assert "ferry device boot" in result.json["error"]


def test_flash_file_cut_short_or_missing(device, image_file):
    with open(device.path / "flash.bin", "r+b") as flash:
        flash.truncate(images.FLASH - 4096)
    result = device.ferry.refused("update", device.path, image_file(), "--json")
    assert result.json["code"] == "FERRY_ERR_DEVICE_JSON" and "flash_size" in result.json["error"]
    (device.path / "flash.bin").unlink()
    result = device.ferry.refused("update", device.path, image_file(), "--json")
    assert "No such file" in result.json["error"]


def test_flash_file_without_permission(device, image_file, powerless_ferry):
    (device.path / "flash.bin").chmod(0o400)
    assert "Permission denied" in powerless_ferry.refused("update", device.path, image_file()).err


def test_disk_full_while_writing(device, image_file):
    """A limit on the file's size stands for a full disk: writing behind it fails."""
    promise = Promise(device)
    limit = 0x70000 + 0x8000  # the target's first blocks fit

    def forbid_growth():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run([device.ferry.path, "update", device.path, image_file(), "--json"],
                          capture_output=True, text=True, timeout=60, preexec_fn=forbid_growth)
    result = json.loads(done.stdout)
    assert done.returncode == 1 and result["code"] == "FERRY_ERR_FLASH_FULL", result
    assert "flash.bin" in result["error"] and "File too large" in result["error"]
    promise.kept()


def test_full_file_system(ferry, tmp_path):
    """On a real full disk, in a mount of its own that ends with the command."""
    disk = tmp_path / "disk"
    disk.mkdir()
    (tmp_path / "t.bin").write_bytes(images.table())
    unshare = ["unshare", "--mount", "--propagation", "unchanged"]
    unshare += [] if os.geteuid() == 0 else ["--map-root-user"]
    mount = 'mount -t tmpfs -o size=512k tmpfs "$0"'
    probe = [*unshare, "sh", "-c", f'{mount} && umount "$0"', disk]
    if subprocess.run(probe, capture_output=True).returncode:
        why = "no right to mount a file system"
        if os.environ.get("CI"):
            pytest.fail(why)  # where a skipped test would go unseen
        pytest.skip(why)
    script = f'{mount}; "$@"; code=$?; [ -z "$(ls -A "$0")" ] || code=91; umount "$0"; exit $code'
    full = type(ferry)(*unshare, "sh", "-c", script, disk)
    result = full.refused("device", "new", disk / "dev", "--chip=esp32c3", "--flash-size=1MB",
                          "--partitions", tmp_path / "t.bin", "--json")
    assert result.json["code"] == "FERRY_ERR_FLASH_FULL"
    assert "No space left" in result.json["error"]


# What a server may do.

SERVER_FAULTS = [
    ("404", "FERRY_ERR_NET_STATUS", ["404"]),
    ("500", "FERRY_ERR_NET_STATUS", ["500"]),
    ("503", "FERRY_ERR_NET_STATUS", ["503"]),
    ("403", "FERRY_ERR_NET_STATUS", ["403"]),
    ("basic", "FERRY_ERR_NET_STATUS", ["401"]),
    ("html", "FERRY_ERR_NET_TYPE", ["web page"]),
    ("promises-more", "FERRY_ERR_NET_CLOSED", []),
    ("promises-less", "FERRY_ERR_", []),
    ("closes-early", "FERRY_ERR_NET_CLOSED", []),
    ("resets", "FERRY_ERR_NET_", []),
    ("chunked-cut", "FERRY_ERR_NET_CLOSED", []),
    ("closes-at-once", "FERRY_ERR_NET_", []),
    ("garbage", "FERRY_ERR_NET_", []),
    ("bad-length", "FERRY_ERR_NET_", []),
    ("endless-head", "FERRY_ERR_NET_", []),
    ("gzip", "FERRY_ERR_NET_PROTOCOL", []),
    ("loop", "FERRY_ERR_NET_REDIRECT", []),
    ("to-ftp", "FERRY_ERR_NET_REDIRECT", []),
    ("to-file", "FERRY_ERR_NET_REDIRECT", []),
    ("endless", "FERRY_ERR_IMAGE_SIZE", ["393,216"]),
]


@pytest.mark.parametrize("fault, code, words", SERVER_FAULTS, ids=[f[0] for f in SERVER_FAULTS])
def test_server_that_fails(device, image_file, fault, code, words):
    promise = Promise(device)
    # The endless body is a whole small image again and again, so nothing but its length is wrong.
    data = image_file(size=1000 if fault == "endless" else 150000).read_bytes()
    with FaultServer({"app.bin": data}) as server:
        result = device.ferry.refused("update", device.path, server.url(f"{fault}/app.bin"),
                                      "--json", "--stall-timeout=5", "--retries=0")
    assert result.json["code"].startswith(code), result
    for word in words:
        assert word in result.json["error"]
    assert result.json["error"].isprintable()
    promise.kept()


def test_server_that_stalls(device, image_file):
    promise = Promise(device)
    with FaultServer({"app.bin": image_file().read_bytes()}) as server:
        result = device.ferry.refused("update", device.path, server.url("stalls/app.bin"),
                                      "--stall-timeout=1", "--json", "--retries=0")
    assert result.json["code"] == "FERRY_ERR_NET_TIMEOUT", result
    promise.kept()


def test_no_server_at_all(device):
    refused(device, "http://127.0.0.1:9/app.bin", "--retries=0", code="FERRY_ERR_NET_CONNECT",
            words=["127.0.0.1"])


# Interruption.

@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_ctrl_c_while_the_server_sends(device, image_file, name):
    promise = Promise(device)
    with FaultServer({"app.bin": image_file().read_bytes()}) as server:
        run = device.ferry.start("update", device.path, server.url("stalls/app.bin"), "--json")
        wait_for(lambda: device.flash != promise.before)
        run.send_signal(getattr(signal, name))
        out, err = run.communicate(timeout=10)
    result = json.loads(out)
    assert run.returncode == 1 and result["code"] == "FERRY_ERR_CANCELLED", err
    assert re.search(r"cancelled by the user: [0-9,]+ bytes had come", result["error"])
    promise.kept()


def test_ctrl_c_while_standard_input_is_silent(device, image_file):
    promise = Promise(device)
    run = device.ferry.start("update", device.path, "-", "--json", stdin=subprocess.PIPE)
    run.stdin.buffer.write(image_file().read_bytes()[:70000])
    run.stdin.flush()
    time.sleep(0.3)
    run.send_signal(signal.SIGINT)
    wait_for(lambda: run.poll() is not None)
    assert run.returncode == 1 and "cancelled" in run.stderr.read()
    run.stdin.close()
    run.stdout.close()
    run.stderr.close()
    promise.kept()


def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def new_image_is_whole(device, data):
    return device.part(TARGET)[: len(data)] == data


@pytest.mark.parametrize("name", ["SIGINT", "SIGKILL"])
def test_signal_at_random_moments(device, image_file, name):
    """Each time: either the update is complete, or what ran runs on; then the next one succeeds."""
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    app = image_file(size=350000)
    data = app.read_bytes()
    pristine = device.flash
    began = time.monotonic()
    device.ferry.ok("update", device.path, app)
    whole = time.monotonic() - began
    interrupted = 0
    for _ in range(25):
        device.flash = pristine
        promise = Promise(device)
        run = device.ferry.start("update", device.path, app)
        time.sleep(rng.uniform(0, whole))
        run.send_signal(getattr(signal, name))
        run.communicate(timeout=20)
        status = device.status()
        if status["next"] == TARGET:
            assert new_image_is_whole(device, data), seed
            continue
        interrupted += 1
        # The image may be whole, with only the flip missing: then it is there, but not selected.
        slot = device.slot(TARGET)
        assert not slot["verified"] or new_image_is_whole(device, data), seed
        if not slot["verified"]:
            promise.kept()
        assert names(entries(device.part("otadata"))[0]) == 0
    device.ferry.ok("update", device.path, app)
    assert new_image_is_whole(device, data)
    print("interrupted", interrupted)


def test_failed_update_over_an_older_app_leaves_nothing_bootable_there(device, image_file):
    """The target holds a good app already: half a new one over it must not boot as either."""
    device.put("ota_1", images.app(version="1.5.0", size=90000))
    device.put("otadata", otadata(entry(1, VALID), entry(2, INVALID)))
    refused(device, image_file(bad_hash=True), code="FERRY_ERR_IMAGE_HASH")


# Two at once.

def test_second_process_is_refused(device, image_file):
    with FaultServer({"app.bin": image_file().read_bytes()}) as server:
        first = device.ferry.start("update", device.path, server.url("stalls/app.bin"))
        before = device.flash
        wait_for(lambda: device.flash != before)
        for words in (["update", device.path, image_file()], ["confirm", device.path],
                      ["status", device.path], ["device", "boot", device.path]):
            result = device.ferry.refused(*words, "--json").json
            assert result["code"] == "FERRY_ERR_FLASH_LOCKED", words
            assert "another process uses" in result["error"] and "flash.bin" in result["error"]
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=10)
    device.ferry.ok("update", device.path, image_file())


def test_killed_process_leaves_no_lock(device, image_file):
    with FaultServer({"app.bin": image_file().read_bytes()}) as server:
        first = device.ferry.start("update", device.path, server.url("stalls/app.bin"))
        before = device.flash
        wait_for(lambda: device.flash != before)
        first.kill()
        first.communicate(timeout=10)
    device.ferry.ok("update", device.path, image_file())


def test_progress_is_a_bar_on_a_terminal(device, image_file, tmp_path):
    log = tmp_path / "typescript"
    command = f"'{device.ferry.path}' update '{device.path}' '{image_file()}'"
    subprocess.run(["script", "-qec", command, log], check=True, capture_output=True, timeout=60,
                   env={**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm"})
    text = log.read_bytes().decode()
    assert "\r\033[K" in text and "█" in text and "100%" in text and "KB/s" in text
    plain = device.ferry("update", device.path, image_file(), "--json").err
    assert "\033" not in plain and "\r" not in plain
