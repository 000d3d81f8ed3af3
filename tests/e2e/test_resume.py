"""ferry update, interrupted and taken up: lost links, changed files, signals, every kind of source.
What must come out is always the same: the flash of an update that was never interrupted.
The rules: docs/design/resume.md."""
import hashlib
import itertools
import json
import random
import re
import signal
import subprocess
import time

import images
import pytest
from conftest import TARGET
from fault_server import FaultServer, serving, status

SIZE = 350000
EVERY = 64 << 10
SECTOR = 4096
DATE = "Sat, 21 Nov 2026 10:00:00 GMT"


@pytest.fixture
def app(image_file):
    return image_file(size=SIZE)


@pytest.fixture
def server(app):
    with FaultServer({"app.bin": app.read_bytes()}) as s:
        yield s


def note(device):
    return device.path / "update.resume"


def ranges(server):
    """The offsets that were asked for; 0 where none was."""
    return [int(re.sub(r"\D", "", headers.get("Range", "0"))) for _, headers in server.requests]


def update(device, server, *options):
    return device.update(server.url("script/app.bin"), *options, "--json")


def interrupted_at(device, server, stop_after, **knobs):
    """A first update whose server closes after stop_after bytes; it does not try again."""
    server.script = [serving(stop_after=stop_after, **knobs)]
    result = update(device, server, "--retries=0")
    assert result.code == 1 and result.json["code"] == "FERRY_ERR_NET_CLOSED", result
    assert result.json["can_go_on"] is (stop_after >= EVERY) is note(device).exists()
    server.requests.clear()
    server.sent_bytes = 0


def is_done(device, result, data, went_on_at=None):
    """The update is complete, and the flash the one of an update in one go. (A file that is shorter
    than the one begun before leaves the old one's end behind it.)"""
    assert result.code == 0, result
    if went_on_at is not None:
        assert result.json["went_on_at"] == went_on_at, result
    assert not note(device).exists()
    part = device.part(TARGET)
    assert part[: len(data)] == data
    assert len(data) < 200_000 or set(part[len(data):]) == {0xFF}
    assert device.boot()["booted"] == TARGET


# The same process asks again.

def test_lost_links_cost_nothing_but_the_pauses(device, server, app):
    server.script = [serving(stop_after=100_000), serving(stop_after=100_000), serving()]
    result = update(device, server)
    is_done(device, result, app.read_bytes(), went_on_at=0)
    assert ranges(server) == [0, 100_000, 200_000] and result.json["retries"] == 2
    assert server.sent_bytes == app.stat().st_size
    assert [headers.get("If-Range") for _, headers in server.requests] == [None, '"v1"', '"v1"']
    assert "closed the connection early" in result.err
    assert re.search(r"trying again in [01]\.\d s \(1 of 5\)", result.err)


@pytest.mark.parametrize("passing", [408, 425, 429, 500, 503])
def test_status_that_passes_is_waited_out(device, server, app, passing):
    server.script = [status(passing, ("Retry-After", "1")), serving()]
    began = time.monotonic()
    is_done(device, update(device, server), app.read_bytes())
    assert time.monotonic() - began >= 1
    assert len(server.requests) == 2


@pytest.mark.parametrize("lasting", [400, 401, 403, 404, 410])
def test_status_that_lasts_is_final_at_once(device, server, lasting):
    server.script = [status(lasting), serving()]
    result = update(device, server)
    assert result.code == 1 and str(lasting) in result.json["error"]
    assert len(server.requests) == 1


def test_tries_without_progress_end(device, server):
    server.script = [serving(stop_after=70_000), status(503, ("Retry-After", "1"))]
    result = update(device, server, "--retries=2")
    assert result.code == 1 and "503" in result.json["error"] and result.json["can_go_on"]
    assert len(server.requests) == 3 and "(2 of 2)" in result.err


def test_ctrl_c_ends_a_pause(device, server):
    server.script = [status(503, ("Retry-After", "600"))]
    run = device.ferry.start("update", device.path, server.url("script/app.bin"), "--json")
    while not server.requests:
        time.sleep(0.01)
    time.sleep(0.2)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=5)
    assert json.loads(out)["code"] == "FERRY_ERR_CANCELLED" and "in 600.0 s" in err


def test_file_that_changes_between_two_requests(device, server, image_file):
    other = image_file("other.bin", size=SIZE, version="3.0.0").read_bytes()
    server.script = [serving(stop_after=100_000), serving(etag='"v2"', data=other)]
    result = update(device, server)
    is_done(device, result, other)
    assert "Beginning anew: the file has changed at its origin" in result.err
    assert len(server.requests) == 2, "the 200 in answer to If-Range is used"


def test_server_without_if_range_whose_file_changes(device, server, image_file):
    """It answers 206 whatever the validator: the ETag of the answer tells."""
    other = image_file("other.bin", size=SIZE, version="3.0.0").read_bytes()

    def careless(h, data):
        del h.headers["If-Range"]
        serving(etag='"v2"', data=other)(h, data)

    server.script = [serving(stop_after=100_000), careless]
    is_done(device, update(device, server), other)
    assert ranges(server) == [0, 100_000, 0]


def test_file_that_changes_every_time_is_an_error(device, server):
    server.script = [serving(etag=f'"v{n}"', stop_after=100_000) for n in range(5)]
    result = update(device, server)
    assert result.code == 1 and "changed" in result.json["error"], result


def test_server_that_ignores_ranges(device, server, app):
    server.script = [serving(ranges=False, stop_after=100_000), serving(ranges=False)]
    result = update(device, server)
    is_done(device, result, app.read_bytes())
    assert "Beginning anew" not in result.err, "what is there is passed over"


def test_server_that_ignores_ranges_and_has_no_validator(device, server, image_file):
    other = image_file("other.bin", size=SIZE, version="3.0.0").read_bytes()
    knobs = {"ranges": False, "etag": None}
    server.script = [serving(stop_after=100_000, **knobs), serving(data=other, **knobs)]
    result = update(device, server)
    is_done(device, result, other)
    assert "the file is another one than before" in result.err


def test_manifest_and_its_image_are_both_asked_again(device, server, app):
    data = app.read_bytes()
    manifest = {"firmware": "app.bin", "sha": hashlib.sha256(data).hexdigest(), "length": len(data)}
    server.files["r.json"] = json.dumps(manifest).encode()
    server.script = [status(503, ("Retry-After", "1")), serving(),
                     serving(stop_after=100_000, etag=None), serving(etag=None)]
    result = device.update(server.url("script/r.json"), "--json")
    is_done(device, result, data)
    assert ranges(server) == [0, 0, 0, 100_000], "the SHA-256 vouches for the rest"


# Another process goes on.

@pytest.mark.parametrize("knobs", [{}, {"etag": None, "date": DATE}, {"etag": 'W/"v1"',
                                                                      "date": DATE}])
def test_next_command_asks_for_the_rest(device, server, app, knobs):
    interrupted_at(device, server, 200_000, **knobs)
    server.script = [serving(**knobs)]
    result = update(device, server)
    is_done(device, result, app.read_bytes(), went_on_at=3 * EVERY)
    assert ranges(server) == [3 * EVERY]
    assert server.requests[0][1]["If-Range"] == (DATE if knobs else '"v1"')
    assert server.sent_bytes == app.stat().st_size - 3 * EVERY
    assert "going on at 196,608 bytes" in result.err


def test_lost_before_the_first_checkpoint(device, server, app):
    interrupted_at(device, server, EVERY - 1)
    server.script = [serving()]
    is_done(device, update(device, server), app.read_bytes(), went_on_at=0)


def test_no_resume_begins_at_the_first_byte(device, server, app):
    interrupted_at(device, server, 200_000)
    server.script = [serving()]
    is_done(device, update(device, server, "--no-resume"), app.read_bytes(), went_on_at=0)
    assert ranges(server) == [0]


def test_weak_etag_alone_vouches_for_nothing(device, server, app):
    interrupted_at(device, server, 200_000, etag='W/"v1"')
    server.script = [serving(etag='W/"v1"')]
    is_done(device, update(device, server), app.read_bytes(), went_on_at=3 * EVERY)
    assert ranges(server) == [0], "read from the start and compared"


def test_promised_sha_vouches_for_the_rest(device, server, app):
    sha = hashlib.sha256(app.read_bytes()).hexdigest()
    server.script = [serving(etag=None, stop_after=200_000)]
    assert update(device, server, "--sha256", sha, "--retries=0").code == 1
    server.script = [serving(etag='"of another mirror"')]
    result = update(device, server, "--sha256", sha)
    is_done(device, result, app.read_bytes(), went_on_at=3 * EVERY)
    assert ranges(server) == [0, 3 * EVERY]


def test_promised_sha_and_another_file_before(device, server, image_file):
    """What was begun was not the promised file; the server then gives only the whole one."""
    data = server.files["app.bin"]
    other = image_file("other.bin", size=SIZE, seed=9).read_bytes()
    sha = hashlib.sha256(data).hexdigest()
    server.script = [serving(data=other, stop_after=200_000)]
    assert update(device, server, "--sha256", sha, "--retries=0").code == 1
    server.script = [serving(etag='"v2"', ranges=False)]
    result = update(device, server, "--sha256", sha)
    is_done(device, result, data)


def careless_206(h, data):
    del h.headers["If-Range"]
    serving(etag='"v2"')(h, data)


def test_sewn_image_that_fails_its_hash_is_fetched_whole(device, server, image_file):
    data = server.files["app.bin"]
    other = image_file("other.bin", size=SIZE, seed=9).read_bytes()
    sha = hashlib.sha256(data).hexdigest()
    server.script = [serving(data=other, stop_after=200_000)]
    assert update(device, server, "--sha256", sha, "--retries=0").code == 1
    server.requests.clear()
    server.script = [careless_206]
    result = update(device, server, "--sha256", sha)
    is_done(device, result, data)
    assert ranges(server) == [3 * EVERY, 0] and "its parts are not of one file" in result.err


@pytest.mark.parametrize("etag", ['"v2"', None, '"v1"'])
def test_changed_file_begins_anew(device, server, image_file, etag):
    """With another validator, none, or (what a server should not do) the same one and another
    length."""
    other = image_file("other.bin", size=SIZE - 4096, version="3.0.0").read_bytes()
    interrupted_at(device, server, 200_000)
    server.script = [serving(etag=etag, data=other)]
    is_done(device, update(device, server), other)


def test_file_that_is_shorter_now_answers_416(device, server, image_file):
    other = image_file("other.bin", size=100_000, version="3.0.0").read_bytes()
    interrupted_at(device, server, 200_000)
    server.script = [serving(data=other)]
    result = update(device, server)
    is_done(device, result, other)
    assert ranges(server) == [3 * EVERY, 0]


def test_broken_ranges_do_not_stop_an_update(device, server, app):
    def wrong_middle(h, data):
        h.head(206, ("Content-Range", f"bytes 0-{len(data) - 1}/{len(data)}"), length=len(data))
        h.wfile.write(data)

    interrupted_at(device, server, 200_000)
    server.script = [wrong_middle, serving()]
    is_done(device, update(device, server), app.read_bytes())
    assert ranges(server) == [3 * EVERY, 0]


def test_same_validator_at_another_address_is_another_file(device, server, image_file):
    other = image_file("other.bin", size=SIZE, version="3.0.0").read_bytes()
    interrupted_at(device, server, 200_000)
    server.files["other.bin"] = other
    server.script = [serving()]
    result = device.update(server.url("script/other.bin"), "--json")
    is_done(device, result, other, went_on_at=0)
    assert ranges(server) == [0]


def test_server_that_is_gone_keeps_the_checkpoint(device, server, app):
    interrupted_at(device, server, 200_000)
    server.script = [status(404)]
    result = update(device, server)
    assert result.code == 1 and result.json["can_go_on"] and note(device).exists()
    server.script = [serving()]
    is_done(device, update(device, server), app.read_bytes(), went_on_at=3 * EVERY)


def test_wrong_bytes_drop_the_checkpoint(device, server, image_file):
    bad = image_file("bad.bin", size=SIZE, bad_hash=True).read_bytes()
    server.files["app.bin"] = bad
    interrupted_at(device, server, 200_000)
    server.script = [serving()]
    result = update(device, server)
    assert result.code == 1 and result.json["code"] == "FERRY_ERR_IMAGE_HASH", result
    assert not note(device).exists() and result.json["can_go_on"] is False


def test_checkpoint_for_another_promise_is_not_used(device, server, app):
    sha = hashlib.sha256(app.read_bytes()).hexdigest()
    interrupted_at(device, server, 200_000)
    server.script = [serving()]
    result = update(device, server, "--sha256", sha)
    is_done(device, result, app.read_bytes(), went_on_at=0)
    assert "Beginning anew: the checkpoint was made for another update" in result.err


@pytest.mark.parametrize("spoil", [lambda b: b[:-1], lambda b: b"", lambda b: b + b"x",
                                   lambda b: bytes([b[0] ^ 1]) + b[1:],
                                   lambda b: b[:10] + bytes([b[10] ^ 4]) + b[11:],
                                   lambda b: b[:128] + b"x" * 96,
                                   lambda b: b[:130] + b"?" + b[131:], lambda b: bytes(224)])
def test_damaged_note_is_as_good_as_none(device, server, app, spoil):
    interrupted_at(device, server, 200_000)
    note(device).write_bytes(spoil(note(device).read_bytes()))
    server.script = [serving()]
    is_done(device, update(device, server), app.read_bytes(), went_on_at=0)


def test_note_that_cannot_be_kept_is_no_failure(device, server, app):
    note(device).mkdir()
    (note(device) / "in the way").touch()
    server.script = [serving()]
    result = update(device, server)
    assert result.code == 0 and "update.resume" in result.err and "begins anew" in result.err
    assert device.part(TARGET).startswith(app.read_bytes())


def test_changed_flash_is_noticed(device, server, app):
    interrupted_at(device, server, 200_000)
    flash = bytearray(device.flash)
    flash[0x70000 + 5000] ^= 1
    device.flash = bytes(flash)
    server.script = [serving()]
    is_done(device, update(device, server), app.read_bytes(), went_on_at=0)


def test_bare_dump_has_its_note_beside_it(ferry, tmp_path, server, app):
    dump = tmp_path / "dump.bin"
    dump.write_bytes(images.dump({"ota_0": images.app(),
                                  "otadata": images.otadata(images.entry(1, images.VALID))}))
    server.script = [serving(stop_after=200_000)]
    assert ferry("update", dump, server.url("script/app.bin"), "--retries=0").code == 1
    assert (tmp_path / "dump.bin.resume").exists()
    server.script = [serving()]
    result = ferry.ok("update", dump, server.url("script/app.bin"), "--json").json
    assert result["went_on_at"] == 3 * EVERY and not (tmp_path / "dump.bin.resume").exists()
    assert images.partition(dump.read_bytes(), TARGET).startswith(app.read_bytes())


# Other sources.

def pipe(device, data, *options):
    """ferry update DEVICE - with these bytes on a pipe."""
    done = subprocess.run([device.ferry.path, "update", device.path, "-", "--json", *options],
                          input=data, capture_output=True, timeout=60, check=False)
    return type("Result", (), {"code": done.returncode, "json": json.loads(done.stdout),
                               "err": done.stderr.decode(), "__repr__": lambda s: s.err})()


@pytest.mark.parametrize("how", ["file", "pipe"])
def test_local_source_goes_on(device, server, app, how):
    """What a server began, a file or a pipe with the same bytes takes up."""
    interrupted_at(device, server, 200_000)
    data = app.read_bytes()
    result = device.update(app, "--json") if how == "file" else pipe(
        device, data, "--length", str(len(data)))
    is_done(device, result, data, went_on_at=3 * EVERY if how == "file" else None)


@pytest.mark.parametrize("how", ["file", "pipe"])
@pytest.mark.parametrize("differs_at", [0, 100, EVERY, 2 * EVERY - 1, None])
def test_other_local_file_begins_anew(device, image_file, how, differs_at):
    """Interrupted from a pipe of unknown length, then another file of the same or of less bytes."""
    data = image_file(size=SIZE).read_bytes()
    assert pipe(device, data[:200_000]).json["code"] == "FERRY_ERR_IMAGE_TRUNC"
    run = device.ferry.start("update", device.path, "-", stdin=subprocess.PIPE)
    run.stdin.buffer.write(data[:200_000])
    run.stdin.flush()
    wait_for_note(device)
    run.kill()
    run.communicate(timeout=10)
    if differs_at is None:
        other = image_file("other.bin", size=50_000, version="3.0.0")
    else:
        other = image_file("other.bin", size=SIZE, seed=9 if differs_at else 2,
                           version="2.0.0" if differs_at else "3.0.0")
    data = other.read_bytes()
    result = device.update(other, "--json") if how == "file" else pipe(device, data)
    is_done(device, result, data)
    if how == "pipe":
        assert "the file is another one than before" in result.err


def wait_for_note(device, seconds=10):
    end = time.monotonic() + seconds
    while not note(device).exists():
        assert time.monotonic() < end, "no checkpoint came"
        time.sleep(0.005)


def test_pipe_that_was_killed_goes_on(device, app):
    data = app.read_bytes()
    run = device.ferry.start("update", device.path, "-", stdin=subprocess.PIPE)
    run.stdin.buffer.write(data[:200_000])
    run.stdin.flush()
    wait_for_note(device)
    time.sleep(0.2)
    run.kill()
    run.communicate(timeout=10)
    is_done(device, pipe(device, data), data, went_on_at=3 * EVERY)


# Ended by force.

def n_written(device, data):
    """How many of the image's bytes lie in the slot, in whole sectors."""
    slot = device.flash[next(row[3] for row in device.rows if row[0] == TARGET):]
    same = (slot[at:at + SECTOR] == data[at:at + SECTOR] for at in range(0, len(data), SECTOR))
    return sum(SECTOR for _ in itertools.takewhile(bool, same))


def interrupt(device, server, name, after_s):
    """Starts an update and sends it the signal; True if it was not done before."""
    run = device.ferry.start("update", device.path, server.url("script/app.bin"), "--json")
    time.sleep(after_s)
    run.send_signal(getattr(signal, name))
    run.communicate(timeout=20)
    return device.status()["next"] != TARGET


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_ended_at_random_moments_and_taken_up(device, app, name):
    """Up to three times in one update. What was written must not be asked for again, but for the
    64 KB behind the last checkpoint."""
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    data = app.read_bytes()
    flash, facts = device.flash, (device.path / "device.json").read_text()
    device.ferry.ok("update", device.path, app)
    uninterrupted = device.flash
    n_ended = n_taken_up = most_again = 0
    for _ in range(40):
        if n_taken_up == 4:
            break
        device.flash = flash
        (device.path / "device.json").write_text(facts)
        note(device).unlink(missing_ok=True)
        with FaultServer({"app.bin": data}) as server:
            server.script = [serving(pace_s=0.008)]
            n = 0
            while n < 3 and interrupt(device, server, name, rng.uniform(0.03, 0.25)):
                n += 1
            if n < 3:
                continue  # it was done before the third signal
            written = n_written(device, data)
            result = update(device, server)
            assert result.code == 0 and device.flash == uninterrupted, (seed, result)
            n_ended += n
            n_taken_up += result.json["went_on_at"] > 0
            most_again = max(most_again, written - ranges(server)[-1])
    print(f"{name}: {n_ended} times ended, {n_taken_up} updates went on; "
          f"written and asked for again: at most {most_again} bytes")
    assert n_taken_up and most_again <= EVERY, seed


def test_killed_gentle_update_with_equal_sectors_goes_on(device, server, app):
    device.put(TARGET, b"\0" * 4096 + app.read_bytes()[4096:150_000])
    options = ("--gentle", "--skip-equal")
    server.script = [serving(stop_after=200_000)]
    assert update(device, server, *options, "--retries=0").code == 1
    server.script = [serving()]
    result = update(device, server, *options)
    assert result.code == 0 and result.json["went_on_at"] == 3 * EVERY, result
    assert device.part(TARGET).startswith(app.read_bytes())


def test_done_but_not_dropped_note_harms_nobody(device, server, app, image_file):
    """Killed between the flip and the end: the note is older than the slot."""
    interrupted_at(device, server, 200_000)
    old = note(device).read_bytes()
    server.script = [serving()]
    assert update(device, server).code == 0
    note(device).write_bytes(old)
    server.script = [serving()]
    is_done(device, update(device, server), app.read_bytes(), went_on_at=0)
