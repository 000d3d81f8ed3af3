"""ferry reflash and lost power: the command killed at random moments, stopped, started again. What
must come out is always the flash of a run that nobody interrupted. Cuts at each flash operation and
inside it are tests/power's; here it is the real command on a real file."""
import hashlib
import random
import shutil
import signal
import time

import images
import pytest
import reflash_bench
from fault_server import FaultServer, serving
from reflash_bench import JOURNAL, MIGRATION, Bench, noise

ALLOW = "--allow-dangerous"
KILLS = 30
DATA_KIND, STAGED = 1, 1


@pytest.fixture
def bench(ferry, tmp_path):
    return Bench(ferry, tmp_path)


def copy_of(bench, name):
    """The same device once more."""
    other = object.__new__(Bench)
    other.__dict__.update(bench.__dict__)
    other.path = bench.folder / name
    shutil.rmtree(other.path, ignore_errors=True)
    shutil.copytree(bench.path, other.path)
    return other


def without_journal(flash):
    return flash[:JOURNAL]


def waiting(bench, at=0x90000, content=0x3000, **knobs):
    """Puts a plan in the journal that waits: `content` staged in ota_1, to go to a place."""
    data = noise(content, 21)
    bench.put(0x51000, data)
    step = (DATA_KIND, STAGED, 0, at, 0x4000, len(data), 0x51000, hashlib.sha256(data).digest())
    bench.put(JOURNAL, reflash_bench.journal([step], **knobs))
    return data


# Cut at random.

def killed_until_done(bench, words, most_s, chance):
    """Runs the plan to its end with kills on the way; how many there were while it was in the
    journal, and how many before."""
    n_begun = n_early = 0
    for _ in range(200):
        is_begun = bench.state() == "unfinished"
        words_now = ["resume", bench.path] if is_begun else ["run", bench.path, *words]
        if not bench.killed(*words_now, after=chance.uniform(0, most_s)):
            break
        n_begun += is_begun
        n_early += not is_begun
        if bench.state() == "none":  # the power is back: an app starts, and is told to begin again
            bench.ferry("device", "boot", bench.path)
    bench.done("resume")
    return n_begun, n_early


def test_killed_at_random_moments_the_flash_is_that_of_an_uncut_run(bench):
    words = (*MIGRATION, ALLOW, "--backup")
    uncut = copy_of(bench, "uncut")
    began = time.monotonic()
    uncut.done("run", *words)
    most_s = (time.monotonic() - began) / 2
    chance = random.Random(1)
    n_begun = n_early = 0
    for device in range(40):
        cut = copy_of(bench, f"cut{device}")
        begun, early = killed_until_done(cut, words, most_s, chance)
        n_begun, n_early = n_begun + begun, n_early + early
        assert without_journal(cut.flash) == without_journal(uncut.flash)
        assert cut.state() == "finished"
        assert cut.ferry.ok("status", cut.path, "--json").json["ok"]
        assert cut.ferry.ok("device", "boot", cut.path, "--json").json["booted"] == "ota_0"
        shutil.rmtree(cut.path)
        if n_begun + n_early >= KILLS and n_begun >= KILLS // 3:
            break
    assert n_begun + n_early >= KILLS and n_begun >= KILLS // 3, (n_begun, n_early)


def test_ctrl_c_stops_between_two_chunks_and_resume_goes_on(bench):
    for _ in range(40):
        process = bench.ferry.start("reflash", "run", bench.path, *MIGRATION, ALLOW, "--backup",
                                    cwd=bench.folder)
        time.sleep(0.03)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        if process.returncode == 1 and bench.state() == "unfinished":
            assert "cancelled" in err and "ferry reflash resume" in err, out + err
            break
        if bench.state() == "finished":  # faster than the signal
            bench.done("undo", ALLOW)
        bench.ferry("device", "boot", bench.path)
    bench.done("resume")
    assert bench.state() == "finished"


def test_resume_needs_neither_the_server_nor_the_files(bench):
    data = (bench.folder / "fs.bin").read_bytes()
    uncut = copy_of(bench, "uncut")
    with FaultServer({"fs.bin": data}) as server:
        step = f"--step=data@storage={server.url('ok/fs.bin')}"
        uncut.done("run", step)
    flash = uncut.flash
    # The same plan again, with the journal's marks taken back and half of the destination lost.
    journal = bytearray(flash[JOURNAL:])
    journal[0x900:] = b"\xff" * (len(journal) - 0x900)
    bench.flash = flash[:0x92000] + bench.flash[0x92000:JOURNAL] + bytes(journal)
    assert bench.state() == "unfinished"
    bench.done("resume")
    assert without_journal(bench.flash) == without_journal(flash)


# A plan that waits.

def test_interrupted_plan_is_shown_by_every_command_that_could_harm_it(bench):
    data = waiting(bench)
    said = bench.done("status")
    assert said["state"] == "unfinished" and said["steps"][0]["state"] == "next"
    assert (said["done_bytes"], said["total_bytes"]) == (0, 0x3000)
    before = bench.flash
    result = bench.ferry.refused("update", bench.path, "v2.bin", "--json", cwd=bench.folder)
    assert result.json["code"] == "FERRY_ERR_REFLASH_UNFINISHED" and "resume" in result.err
    result = bench.reflash("run", "--step=data@storage=fs.bin")
    assert result.code == 1 and result.json["code"] == "FERRY_ERR_REFLASH_UNFINISHED"
    assert bench.flash == before
    assert "reflash" in bench.ferry("device", "boot", bench.path).err
    assert "a reflash was interrupted" in bench.ferry("status", bench.path).out
    bench.done("resume")
    assert bench.flash[0x90000:0x93000] == data
    assert bench.ferry("status", bench.path, "--json").json["ok"]
    bench.ferry.ok("update", bench.path, "v2.bin", cwd=bench.folder)


def test_resume_without_a_plan_does_nothing(bench):
    before = bench.flash
    assert bench.done("resume")["state"] == "none"
    assert bench.flash == before


def test_unfinished_plan_is_given_up(bench):
    waiting(bench)
    bench.done("undo")
    assert bench.state() == "abandoned"
    assert bench.flash[0x90000:0x94000] == bench.fs
    bench.done("run", "--step=data@storage=fs.bin")


def test_given_up_in_the_middle_the_backup_comes_back(bench):
    before = bench.flash
    bench.done("run", "--step=data@storage=fs.bin", "--backup")
    flash = bytearray(bench.flash)
    flash[JOURNAL + 0x900] = 0xFF  # not finished after all
    bench.flash = bytes(flash)
    assert bench.state() == "unfinished"
    bench.done("undo")
    assert bench.part("storage") == images.partition(before, "storage", bench.rows)


def test_source_that_was_spoiled_meanwhile_is_not_copied(bench):
    waiting(bench)
    bench.put(0x51800, b"\0" * 64)
    before = bench.flash
    result = bench.reflash("resume")
    assert result.code == 1 and result.json["code"] == "FERRY_ERR_REFLASH_SOURCE", result
    assert bench.flash[:JOURNAL] == before[:JOURNAL]


def test_running_app_is_left_alone_by_a_plan_from_elsewhere(bench):
    waiting(bench, at=0x10000)
    before = bench.flash
    result = bench.reflash("resume")
    assert result.code == 1 and result.json["code"] == "FERRY_ERR_REFLASH_RUNNING", result
    assert bench.flash == before
    # A bootloader that resumes runs before any app, so it may.
    assert bench.done("resume", "--resumes=bootloader")["state"] == "finished"


@pytest.mark.parametrize("spoil", [
    lambda j: noise(0x1000, 5),
    lambda j: b"FRYJ" + noise(0xFFC, 6),
    lambda j: b"\0" * 0x1000,
    lambda j: j[:0x50] + bytes([j[0x50] ^ 1]) + j[0x51:],  # a step's destination
    lambda j: j[:0x20] + b"\xff" * 32 + j[0x40:],          # cut before its hash was written
])
def test_journal_that_is_not_whole_is_no_plan(bench, spoil):
    waiting(bench)
    bench.put(JOURNAL, spoil(bench.flash[JOURNAL:]))
    before = bench.flash
    assert bench.done("resume")["state"] == "none"
    assert bench.flash == before


@pytest.mark.parametrize("at", [0x90100, 0xFF000, 0x100000])
def test_whole_journal_with_an_unsound_plan_writes_nothing(bench, at):
    waiting(bench, at=at)
    before = bench.flash
    result = bench.reflash("resume")
    assert result.code == 1, result
    assert bench.flash == before
    assert bench.ferry("update", bench.path, "v2.bin", cwd=bench.folder).code == 1


def test_plan_without_its_signature_is_not_resumed(ferry, tmp_path):
    bench = Bench(ferry, tmp_path, "--trusted-key-digest=" + "11" * 32)
    waiting(bench)
    before = bench.flash
    result = bench.reflash("resume")
    assert result.code == 1 and result.json["code"] == "FERRY_ERR_SIGNATURE_NONE", result
    assert bench.flash == before
    assert bench.state() == "unfinished"


def test_two_commands_do_not_write_at_once(bench):
    with FaultServer({"fs.bin": (bench.folder / "fs.bin").read_bytes()}) as server:
        server.script = [serving(pace_s=0.5)]
        first = bench.ferry.start("reflash", "run", bench.path, "--stall-timeout=5",
                                  f"--step=data@storage={server.url('script/fs.bin')}",
                                  cwd=bench.folder)
        for _ in range(100):
            if server.requests:
                break
            time.sleep(0.05)
        result = bench.reflash("run", "--step=data@storage=fs.bin")
        assert result.code == 1 and result.json["code"] == "FERRY_ERR_FLASH_LOCKED"
        first.communicate(timeout=30)
    assert first.returncode == 0
