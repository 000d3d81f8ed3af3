"""ferry reflash run, interrupted while contents come from a server: given again, it fetches only
what is not staged yet. What must come out is always the flash of a run in one go.
The rules: docs/design/resume.md and docs/design/reflash.md."""
import hashlib
import re
import signal
import time

import pytest
from fault_server import FaultServer, serving
from reflash_bench import SECTOR, Bench, noise

EVERY = 64 << 10
A, B = noise(150_000, 31), noise(100_000, 32)
A_AT, B_AT = 0xB0000, 0x90000  # a free region; the partition `storage`
STAGED = 0x51000


@pytest.fixture
def bench(ferry, tmp_path):
    return Bench(ferry, tmp_path)


@pytest.fixture
def server():
    with FaultServer({"a.bin": A, "b.bin": B}) as s:
        s.script = [serving()]
        yield s


def steps(server, sha_of=None):
    sha = f",sha256:{hashlib.sha256(sha_of).hexdigest()}" if sha_of else ""
    return (f"--step=raw@0x{A_AT:x}+0x26000{sha}={server.url('script/a.bin')}",
            f"--step=data@storage={server.url('script/b.bin')}")


def notes(bench):
    return sorted(path.name for path in bench.path.glob("*.resume"))


def ranges(server):
    """The offsets that were asked for; 0 where none was."""
    return [int(re.sub(r"\D", "", headers.get("Range", "0"))) for _, headers in server.requests]


def interrupted(bench, server, words, **knobs):
    """A run whose server closes after 100,000 bytes of the first content."""
    server.script = [serving(stop_after=100_000, **knobs)]
    result = bench.reflash("run", *words, "--retries=0")
    assert result.code == 1 and result.json["code"] == "FERRY_ERR_NET_CLOSED", result
    assert result.json["can_go_on"] and "goes on where this one stopped" in result.err
    assert notes(bench) == [f"reflash-0x{A_AT:x}.resume"] and bench.state() == "none"
    server.requests.clear()
    server.sent_bytes = 0
    server.script = [serving(**knobs)]


def is_done(bench, words, first=A):
    """Given again it succeeds, and the flash is right."""
    result = bench.reflash("run", *words)
    assert result.code == 0, result
    flash = bench.flash
    assert flash[A_AT:A_AT + len(first)] == first and flash[B_AT:B_AT + len(B)] == B
    assert not notes(bench) and bench.state() == "finished"
    return result


def test_run_given_again_fetches_only_the_rest(bench, server):
    words = steps(server)
    interrupted(bench, server, words)
    is_done(bench, words)
    assert ranges(server) == [EVERY, 0]
    assert server.requests[0][1]["If-Range"] == '"v1"'
    assert server.sent_bytes == len(A) - EVERY + len(B)


def wait_for(what, seconds=20):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.005)


def n_staged(bench):
    """How many bytes of the two contents lie in flash, in whole sectors."""
    flash = bench.flash
    return sum(SECTOR for data in (A, B) for at in range(0, len(data) - SECTOR, SECTOR)
               if data[at:at + SECTOR] in flash)


@pytest.mark.parametrize("first, then", [(90_000, 0), (len(A), 20_000), (len(A), 80_000)])
def test_kill_in_a_download_costs_64_kb(bench, server, first, then):
    """kill -9 in the first content, early in the second and late in it."""
    words = steps(server)
    server.script = [serving(pace_s=0.02)]
    run = bench.ferry.start("reflash", "run", bench.path, *words, cwd=bench.folder)
    wait_for(lambda: n_staged(bench) >= (first + then) // SECTOR * SECTOR - SECTOR)
    run.send_signal(signal.SIGKILL)
    run.communicate(timeout=10)
    assert run.returncode == -signal.SIGKILL and bench.state() == "none"
    staged = n_staged(bench)
    server.requests.clear()
    server.script, server.sent_bytes = [serving()], 0
    is_done(bench, words)
    # Of a content that was here to its end, the part behind its last checkpoint comes again.
    again = len(A) % EVERY if then else 0
    assert server.sent_bytes <= len(A) + len(B) - staged + EVERY + again
    assert ranges(server)[0] == (len(A) // EVERY * EVERY if then else EVERY)


def test_file_that_changed_comes_whole(bench, server):
    words, other = steps(server), noise(len(A), 33)
    interrupted(bench, server, words)
    server.script = [serving(etag='"v2"', data=other), serving()]
    result = is_done(bench, words, first=other)
    assert f"Beginning raw@0x{A_AT:x}" in result.err and server.sent_bytes == len(A) + len(B)


def test_sha256_vouches_where_no_validator_does(bench, server):
    words = steps(server, sha_of=A)
    interrupted(bench, server, words, etag=None)
    is_done(bench, words)
    assert ranges(server)[0] == EVERY


def test_without_validator_and_sha256_all_of_it_comes_again(bench, server):
    words = steps(server)
    interrupted(bench, server, words, etag=None)
    is_done(bench, words)
    assert ranges(server) == [0, 0]


def test_parts_of_two_files_do_not_make_one(bench, server):
    """The server has another file since, whose SHA-256 is the one promised from the start."""
    other = noise(len(A), 34)
    words = steps(server, sha_of=other)
    interrupted(bench, server, words, etag=None)
    server.script = [serving(etag=None, data=other), serving(etag=None, data=other), serving()]
    result = is_done(bench, words, first=other)
    assert ranges(server) == [EVERY, 0, 0] and "Beginning raw" in result.err


def test_wrong_sha256_leaves_nothing_to_go_on_with(bench, server):
    result = bench.reflash("run", *steps(server, sha_of=B))
    assert result.code == 1 and result.json["code"] == "FERRY_ERR_UPDATE_SHA", result
    assert not notes(bench)


def test_staging_area_that_was_used_since_is_begun_anew(bench, server):
    words = steps(server)
    interrupted(bench, server, words)
    bench.put(STAGED + 5000, b"\0" * 100)
    is_done(bench, words)
    assert ranges(server) == [0, 0]


def test_damaged_note_is_no_note(bench, server):
    words = steps(server)
    interrupted(bench, server, words)
    note = bench.path / notes(bench)[0]
    data = bytearray(note.read_bytes())
    data[9] ^= 1
    note.write_bytes(data)
    is_done(bench, words)
    assert ranges(server) == [0, 0]


def test_plan_keeps_nothing_and_takes_nothing_up(bench, server):
    words = steps(server)
    bench.done("plan", *words)
    assert not notes(bench)
    interrupted(bench, server, words)
    before = (bench.path / notes(bench)[0]).read_bytes()
    bench.done("plan", *words)
    assert ranges(server) == [0, 0] and (bench.path / notes(bench)[0]).read_bytes() == before
