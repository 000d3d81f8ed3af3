"""ferry doctor: a folder of broken flash files, each with the diagnosis it must get, the state
after its repair, and an undo that leaves no byte changed."""
import os
import pty
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import images
import pytest
from images import NEW, VALID, entry, otadata

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/doctor"))
import patients
from patients import PATIENTS, Patient


class Case:
    """A patient on disk."""

    def __init__(self, ferry, folder, patient):
        self.ferry, self.patient = ferry, patient
        self.path = folder / "dump.bin"
        self.path.write_bytes(patient.build())
        self.options = list(patient.options)
        if patient.app is not None:
            (folder / "app.bin").write_bytes(patient.app)
            self.options += ["--app", folder / "app.bin"]
        if patient.resume:
            (folder / "dump.bin.resume").write_bytes(b"checkpoint")
        self.undo = folder / "dump.bin.undo"

    def doctor(self, *words):
        return self.ferry("doctor", self.path, *self.options, *words, "--json")

    def undo_all(self):
        n = 0
        options = [o for o in self.patient.options]
        while self.undo.exists():
            self.ferry.ok("doctor", self.path, *options, "--undo", "--yes")
            n += 1
        return n

    def boots(self):
        return self.doctor().json["next"]


@pytest.fixture
def case(ferry, tmp_path):
    return lambda patient: Case(ferry, tmp_path, patient)


def ids(result):
    return [f["id"] for f in result.json["findings"]]


@pytest.mark.parametrize("patient", PATIENTS, ids=lambda p: p.name)
def test_diagnosis(case, patient):
    it = case(patient)
    before = it.path.read_bytes()
    result = it.doctor()
    assert ids(result) == patient.finds, result
    assert result.code == (1 if patient.finds else 0)
    assert result.json["next"] == patient.boots
    for finding in result.json["findings"]:
        assert finding["what"] and finding["remedy"], finding
    dangers = [f["danger"] for f in result.json["findings"]]
    order = ["will not boot", "one fault from not booting", "wrong", "odd"]
    assert dangers == sorted(dangers, key=order.index)
    assert it.path.read_bytes() == before and not it.undo.exists()


@pytest.mark.parametrize("patient", PATIENTS, ids=lambda p: p.name)
def test_repair_and_undo(case, patient):
    it = case(patient)
    before = it.path.read_bytes()
    dry = it.doctor("--repair", "--dry-run")
    assert it.path.read_bytes() == before and not it.undo.exists()
    result = it.doctor("--repair", "--yes")
    leaves = patient.finds if patient.leaves is None else patient.leaves
    assert result.json["remaining"] == leaves, result
    assert result.code == (1 if leaves else 0)
    assert it.boots() == (patient.boots_after or patient.boots)
    if patient.leaves is None:
        assert it.path.read_bytes() == before and "repairs" not in dry.json
        return
    repairs = result.json["repairs"]
    assert all(r["done"] for r in repairs) and repairs
    assert not any(r["done"] for r in dry.json["repairs"])
    assert ids(it.doctor("--repair", "--yes")) == leaves, "a second repair finds nothing to do"
    assert it.undo_all() == len(repairs)
    assert it.path.read_bytes() == before


def test_there_are_enough_patients():
    assert len([p for p in PATIENTS if p.finds]) >= 40
    assert len({p.name for p in PATIENTS}) == len(PATIENTS)


def listed_findings():
    text = (ROOT / "host/doctor.h").read_text()
    return re.findall(r'X\(\w+, "([\w-]+)", (?:DEAD|NEAR|WRONG|ODD), \w+\)', text)


# What no file alone can show; tests below do.
ELSEWHERE = {"slot-bootloader"}


def test_every_finding_is_documented_and_exercised():
    listed = listed_findings()
    text = (ROOT / "docs/doctor.md").read_text()
    documented = re.findall(r"^\| `([\w-]+)` \|", text, re.M)
    assert listed and documented == listed
    assert {f for p in PATIENTS for f in p.finds} | ELSEWHERE == set(listed)


def test_bootloader_alone_in_a_slot(case):
    it = case(Patient("bootloader in a slot", [], ota_0=patients.bootloader()))
    assert ids(it.doctor()) == ["slot-bootloader", "entry-stale"]


def test_status_says_the_same_in_short(case, ferry):
    it = case(next(p for p in PATIENTS if p.name == "all sorts of things"))
    status = ferry("status", it.path, *it.patient.options, "--json").json
    assert [p["id"] for p in status["problems"]] == it.patient.finds
    doctor = it.doctor().json["findings"]
    assert [p["problem"] for p in status["problems"]] == [f["what"] for f in doctor]


def test_text_is_in_order_and_names_the_repair(case, ferry):
    it = case(next(p for p in PATIENTS if p.name == "all sorts of things"))
    text = ferry("doctor", it.path, *it.patient.options).out
    heads = ["Will not boot", "One fault from not booting", "Wrong", "Odd"]
    places = [text.index(f"\n{head}\n") for head in heads]
    assert places == sorted(places)
    assert "repair: make otadata select what boots" in text and "can be repaired" in text
    assert ferry("doctor", it.path, *it.patient.options, env={"LC_ALL": "C"}).out.isascii()


def test_repair_is_shown_before_it_is_done(case, ferry):
    it = case(next(p for p in PATIENTS if p.name == "selected slot damaged"))
    text = ferry("doctor", it.path, "--repair", "--dry-run", *it.patient.options).out
    assert "ota_1, valid (sequence number 2)" in text and "Boots ota_0 now, ota_0" in text
    assert "dry run" in text


@pytest.mark.parametrize("name, keys", [
    ("nvs entry damaged", ["nvs:storage/wishes"]),
    ("nvs encrypted and damaged", ["nvs:storage/wishes"]),
    ("nvs namespace damaged", ["nvs:1/restarts", "nvs:1/wishes"]),
])
def test_mounting_nvs_says_beforehand_which_keys_stay(case, ferry, name, keys):
    it = case(next(p for p in PATIENTS if p.name == name))
    shown = it.doctor("--repair", "--dry-run").json["repairs"][0]
    assert shown["keys_kept"] == keys
    assert [d["at"] for d in shown["damages"]][0] in (0x9040, 0x9060)
    assert all("page 0 of nvs" == s["what"] for s in shown["sectors"])
    it.doctor("--repair", "--yes")
    if "namespace" not in name:
        assert ferry.ok("nvs get", it.path, "storage", "wishes").out == "3\n"
        assert ferry("nvs check", it.path).code == 0


def test_blob_that_lost_a_chunk_is_named_before_it_goes(case, ferry, tmp_path):
    """Its index is whole, so the key can be named, and a mount drops it. Others stay."""
    csv, nvs = tmp_path / "nvs.csv", tmp_path / "nvs.bin"
    (tmp_path / "big.hex").write_text("ab" * 5000)
    csv.write_text("key,type,encoding,value\ns,namespace,,\nbefore,data,u8,1\n"
                   f"big,file,hex2bin,{tmp_path}/big.hex\nafter,data,string,here\n")
    ferry.ok("nvs build", csv, nvs, "--size", "0x4000")
    damaged = bytearray(nvs.read_bytes())
    damaged[64 + 2 * 32 + 8] ^= 1  # in the key of the blob's first chunk
    it = case(Patient("blob", [], others={"nvs": bytes(damaged)}))
    shown = it.doctor("--repair", "--dry-run").json["repairs"][0]
    said = [d["what"] for d in shown["damages"]]
    assert any("'big' is a blob of which chunks are missing" in what for what in said), said
    assert sorted(shown["keys_kept"]) == ["nvs:s/after", "nvs:s/before"]
    before = it.path.read_bytes()
    done = it.doctor("--repair", "--yes")
    assert done.json["remaining"] == [] and it.path.read_bytes() != before
    assert ferry.ok("nvs get", it.path, "s", "after").out == "here\n"
    assert ferry("nvs get", it.path, "s", "big").code == 1
    assert it.undo_all() == 1 and it.path.read_bytes() == before


def test_without_a_terminal_somebody_must_say_yes(case, ferry):
    it = case(next(p for p in PATIENTS if p.name == "selected slot damaged"))
    result = ferry("doctor", it.path, "--repair")
    assert result.code == 2 and "--yes" in result.err
    assert ferry("doctor", it.path, "--yes").code == 2
    assert ferry("doctor", it.path, "--undo", "--repair", "--yes").code == 2


@pytest.mark.parametrize("answer, done", [("y", True), ("n", False), ("", False)])
def test_on_a_terminal_it_asks(case, ferry, answer, done):
    it = case(next(p for p in PATIENTS if p.name == "selected slot erased"))
    before = it.path.read_bytes()
    ours, its = pty.openpty()
    run = subprocess.Popen([str(ferry.path), "doctor", str(it.path), "--repair", *it.options],
                           stdin=its, stderr=its, stdout=subprocess.PIPE, text=True)
    os.write(ours, answer.encode() + b"\n")
    out = run.communicate(timeout=20)[0]
    asked = os.read(ours, 4096).decode()
    os.close(ours)
    os.close(its)
    assert "Do it? [y/N]" in asked and "Boots ota_0 now" in out
    assert (it.path.read_bytes() != before) == done == it.undo.exists()
    assert run.returncode == (0 if done else 1)


def test_downgrade_without_a_download(case, ferry):
    it = case(Patient("two good apps", [], boots="ota_1"))
    before = it.path.read_bytes()
    result = ferry.ok("doctor", it.path, "--downgrade", "--yes", *it.options)
    assert "ota_0 boots next" in result.out and it.boots() == "ota_0"
    assert it.undo_all() == 1 and it.path.read_bytes() == before


def test_downgrade_with_nowhere_to_go(case, ferry):
    it = case(Patient("one good app", [], ota_0=patients.BAD))
    assert "no other bootable app" in ferry.refused("doctor", it.path, "--downgrade", "--yes",
                                                    *it.options).err


def test_way_back_is_pointed_out(case, ferry):
    it = case(Patient("two good apps", [], boots="ota_1"))
    assert it.doctor().json["downgrade"] == "ota_0"
    assert "ota_0 still holds demo 1.0.0" in ferry.ok("doctor", it.path, *it.options).out
    alone = case(Patient("one good app", [], first=b"", ota_0=b""))
    assert alone.doctor().json["downgrade"] is None


def test_downgrade_twice_changes_nothing(case, ferry):
    it = case(Patient("two good apps", [], boots="ota_1"))
    ferry.ok("doctor", it.path, "--downgrade", "--yes", *it.options)
    assert "selected already" in ferry.refused("doctor", it.path, "--downgrade", "--yes",
                                               *it.options).err
    assert it.undo_all() == 1


def test_undo_with_nothing_kept(case, ferry):
    it = case(Patient("healthy", []))
    assert "nothing to undo" in ferry.refused("doctor", it.path, "--undo", "--yes").err


def test_undo_is_refused_once_the_device_went_on(case, ferry):
    it = case(next(p for p in PATIENTS if p.name == "selected slot damaged"))
    assert it.doctor("--repair", "--yes").json["repairs"][0]["done"]
    flash = bytearray(it.path.read_bytes())
    flash[0xD018] ^= 1
    it.path.write_bytes(flash)
    assert "0xd000" in ferry.refused("doctor", it.path, "--undo", "--yes").err
    assert it.path.read_bytes() == flash


@pytest.mark.parametrize("at", [0, 12, 40, 200, -1])
def test_a_damaged_undo_file_is_refused_and_kept(case, ferry, at):
    it = case(next(p for p in PATIENTS if p.name == "selected slot damaged"))
    it.doctor("--repair", "--yes")
    damaged = bytearray(it.undo.read_bytes())
    damaged[at] ^= 1
    it.undo.write_bytes(damaged)
    flash = it.path.read_bytes()
    assert "not well formed" in ferry.refused("doctor", it.path, "--undo", "--yes").err
    assert it.path.read_bytes() == flash and it.undo.read_bytes() == damaged


def test_undo_keeps_the_last_sixteen(case, ferry):
    it = case(Patient("two good apps", [], boots="ota_1"))
    flashes = []
    for i in range(20):
        flashes.append(it.path.read_bytes())
        ferry.ok("doctor", it.path, "--downgrade", "--yes", f"--running=ota_{(i + 1) % 2}",
                 *it.options)
    for _ in range(16):
        ferry.ok("doctor", it.path, "--undo", "--yes", *it.options)
        assert it.path.read_bytes() == flashes.pop()
    assert not it.undo.exists()


def test_virtual_device_is_repaired_too(device, ferry):
    device.put("ota_1", patients.BAD)
    device.put("otadata", otadata(entry(1, VALID), entry(2, NEW)))
    before = device.flash
    result = ferry("doctor", device.path, "--repair", "--yes", "--json")
    assert result.json["remaining"] == ["slot-damaged"] and device.boot()["booted"] == "ota_0"
    assert (device.path / "doctor.undo").exists() and device.flash != before


def test_merged_image_keeps_its_length(ferry, tmp_path):
    flash = Patient("merged", [], ota_1=patients.BAD).build()
    path = tmp_path / "merged.bin"
    merged = flash[:0x70000 + len(patients.BAD)]
    path.write_bytes(merged)
    result = ferry("doctor", path, "--repair", "--yes", "--json")
    assert "selected-bad" in ids(result) and "selected-bad" not in result.json["remaining"]
    ferry.ok("doctor", path, "--undo", "--yes")
    assert path.read_bytes() == merged


def test_a_killed_repair_leaves_what_boots_and_an_undo(case, ferry, tmp_path):
    """Killed after a random time: the undo file is there before the first byte changes."""
    rng = random.Random(7)
    patient = next(p for p in PATIENTS if p.name == "all sorts of things")
    cut_inside = 0
    for _ in range(25):
        it = case(patient)
        before = it.path.read_bytes()
        run = ferry.start("doctor", it.path, "--repair", "--yes", *map(str, it.options))
        time.sleep(rng.uniform(0, 0.03))
        run.send_signal(signal.SIGKILL)
        run.communicate()
        assert it.boots() == "ota_0"
        cut_inside += it.path.read_bytes() != before
        assert it.undo.exists() or it.path.read_bytes() == before
        it.undo_all()
        assert it.path.read_bytes() == before
    print("cut after the first write:", cut_inside, "of 25")


INTERESTING = [*range(0, 40), *range(0x8000, 0x80E8), *range(0xD000, 0xD020),
               *range(0xE000, 0xE020), *range(0x10000, 0x10140), *range(0x70000, 0x70140)]


def damage(rng, flash):
    for at in rng.sample(INTERESTING, rng.randrange(1, 6)):
        flash[at] = rng.choice([0, 0xFF, rng.randrange(256)])
    if rng.random() < 0.5:  # an entry of any kind
        at = rng.choice([0xD000, 0xE000])
        seq = rng.choice([0, 1, 2, 3, 7, 0xFFFFFFFB, 0xFFFFFFFE, rng.randrange(1 << 32)])
        state = rng.choice([0, 1, 2, 3, 4, 9, 0xFFFFFFFF])
        flash[at:at + 32] = entry(seq, state, rng.choice([None, None, 5]))
    if rng.random() < 0.3:
        at = rng.choice([0x8000, 0xD000, 0xE000, 0x10000, 0x70000])
        flash[at:at + 0x1000] = b"\xff" * 0x1000


def test_random_damage_never_loses_what_boots(case, ferry):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    rows = rng.choice([images.TWO_SLOTS, images.WITH_FACTORY])
    good = Patient("good", [], rows=rows, others={"factory": patients.V1}).build()
    n_repaired = 0
    for _ in range(300):
        flash = bytearray(good)
        damage(rng, flash)
        it = case(Patient("random", [], flash=bytes(flash)))
        result = it.doctor("--repair", "--yes")
        assert result.code in (0, 1), (seed, result)
        boots = result.json["next"]
        after = it.doctor().json["next"]
        assert after == boots or boots is None, (seed, result)
        n_repaired += any(r["done"] for r in result.json.get("repairs", []))
        assert it.undo_all() == len(result.json.get("repairs", [])), seed
        assert it.path.read_bytes() == flash, seed
    assert n_repaired > 30, "the damage hardly ever asked for a repair"
