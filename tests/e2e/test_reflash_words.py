"""ferry reflash: what it shows, how it is asked, what it says to words that it does not know."""
import json
import os
import random

import pytest
from reflash_bench import MIGRATION, Bench

ALLOW = "--allow-dangerous"


@pytest.fixture
def bench(ferry, tmp_path):
    return Bench(ferry, tmp_path)


def test_plan_writes_nothing(bench):
    before, when = bench.flash, os.stat(bench.path / "flash.bin").st_mtime_ns
    bench.done("plan", *MIGRATION, ALLOW, "--backup")
    result = bench.reflash("plan", *MIGRATION)
    assert result.code == 1 and result.json["steps"], "dangers are shown before they are refused"
    assert bench.flash == before and os.stat(bench.path / "flash.bin").st_mtime_ns == when


def test_plan_for_a_person(bench):
    text = bench.ferry("reflash", "plan", bench.path, *MIGRATION, ALLOW, cwd=bench.folder)
    assert text.code == 0, text
    for words in ("bootloader", "from nvs at 0x9000", "staged at", "new.csv", "Power cut",
                  "needs a cable", "Boots then", "demo 1.0.0", "Staging", "Journal", "Backup"):
        assert words in text.out, words


@pytest.mark.parametrize("words, says", [
    (["--step=nvs=x"], "no kind of step"), (["--step=app=x"], "where to"),
    (["--step=app@0x10000=x"], "how large"), (["--step=app@ota_1"], "comes from"),
    (["--step=app@ota_1,sha256:12=x"], "64 hex digits"), (["--step=data@nvs,color:red=x"], "color"),
    (["--step=blank@nvs=x"], "no source"), (["--step=data@nvs,length:0=x"], "above 0"),
    (["--step=app@ota_1,resumes=x"], "resumes"), ([], "no step"), (["--resumes=me"], "bootloader"),
    (["--step=data@nvs=-", "--step=data@storage=-"], "standard input"),
    (["--step=table=new.csv", "--step=table@0x9000=new.csv"], "two"),
    ([f"--step=raw@0x{n:x}000+4K=fs.bin" for n in range(0xC0, 0xD1)], "at most 16")])
def test_wrong_usage_is_named(bench, words, says):
    result = bench.reflash("run", *words)
    assert result.code == 2 and says in result.json["error"], result


@pytest.mark.parametrize("text, says", [
    ("{", "no JSON object"), ("[]", "no JSON object"), ('{"steps": 3}', "no list"),
    ('{"steps": [3]}', "no object"), ('{"steps": [{}]}', "kind"), ('{"speed": 3}', "speed"),
    ('{"steps": [{"kind": "app", "to": 3}]}', '"to" is no string'), ('{"backup": 3}', "backup"),
    ('{"steps": [{"kind": "raw", "to": "0x0+4K", "from": "f", "length": -1}]}', "length"),
    ('{"steps": [{"kind": "raw", "to": "0x0+4K", "from": "f", "colour": "red"}]}', "colour"),
    ('{"foreign": "yes"}', "neither true nor false")])
def test_bad_plan_file_is_refused_with_the_key(bench, text, says):
    (bench.folder / "plan.json").write_text(text)
    said = bench.refused("run", "plan.json")
    assert "plan.json" in said["error"] and says in said["error"]


def test_damaged_plan_files_end_in_an_answer(bench):
    """Half of the texts are no JSON any more, the others are plans that nobody meant."""
    text = json.dumps({"steps": [
        {"kind": "raw", "to": "0xc0000+16K", "from": "flash:storage", "sha256": "00" * 32},
        {"kind": "blank", "to": "storage"}], "backup": "0xd0000+64K", "foreign": True})
    chance = random.Random(3)
    for _ in range(200):
        damaged = list(text)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(damaged))
            damaged[at:at + chance.choice((0, 1, 1, 4))] = chance.choice('0x9"{}[],:+-a@ \u00e9')
        (bench.folder / "plan.json").write_text("".join(damaged))
        result = bench.reflash("plan", "plan.json")
        assert result.code in (0, 1, 2) and result.json["ok"] is (result.code == 0), damaged


@pytest.mark.parametrize("step, says", [
    ("data@nowhere=fs.bin", "no partition 'nowhere'"),
    ("move@nvs=elsewhere", "no partition 'elsewhere'"), ("data@storage=missing.bin", "missing.bin"),
    ("data@storage=ftp://127.0.0.1/x", "ftp://")])
def test_unknown_places_and_files_are_named(bench, step, says):
    assert says in bench.refused("run", f"--step={step}")["error"]


@pytest.fixture
def updated(bench):
    """Demo 2.0.0 runs from ota_1, confirmed; a rollback would boot demo 1.0.0 in ota_0."""
    bench("update", bench.path, "v2.bin", "--boot")
    bench("confirm", bench.path)
    return bench


RAW = "--step=raw@0xc0000+0x20000=fs.bin"


def test_what_staging_overwrites_is_said_beforehand(updated):
    before = updated.flash
    said = updated.done("plan", RAW)
    assert said["staging"] == 0x10000
    lost, = said["staging_overwrites"]
    assert lost["label"] == "ota_0" and "1.0.0" in lost["app"] and lost["rollback"] is True
    text = updated.ferry("reflash", "plan", updated.path, RAW, cwd=updated.folder)
    assert "overwrites demo 1.0.0 in ota_0, which a rollback would boot" in text.out, text
    assert updated.flash == before
    result = updated.reflash("run", RAW)
    assert result.code == 0 and "staging overwrites demo 1.0.0 in ota_0" in result.err, result


def test_content_of_a_partition_chosen_for_staging_is_named(updated):
    lost, = updated.done("plan", RAW, "--staging=storage")["staging_overwrites"]
    assert lost == {"label": "storage", "app": "", "rollback": False}
    updated.put(updated.at("storage"), b"\xff" * 0x20000)
    assert updated.done("plan", RAW, "--staging=storage")["staging_overwrites"] == []


def test_slot_without_an_app_costs_nothing(bench):
    assert bench.done("plan", RAW)["staging_overwrites"] == []
