"""What devices say of themselves: kept, shown, and believed in nothing."""

import json
import time

import ferryd
import pytest
from operators import Browser, Operator

SHA = "ab" * 32


@pytest.fixture(scope="module")
def operator(server):
    return Operator(server)


@pytest.fixture
def device(server, request):
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)[-40:].strip("-")
    return server.enrol(name)


@pytest.fixture
def report(server, device):
    def report(body=None, of=device, **said):
        return server.request("POST", "/api/v1/report", device=of,
                              body=json.dumps(said) if body is None else body)
    return report


@pytest.fixture
def shown(operator, device):
    """The device as an operator sees it."""
    name = device.folder.name.removeprefix("device-")
    return lambda: operator.get(f"/api/v1/devices/{name}")["device"]


def test_last_word_and_history(report, shown):
    assert report(state="downloading", version="2", serial=7, sha=SHA, project="p",
                  chip="esp32c3", slot_bytes=1048576, wear_percent=3).status == 204
    assert report(state="installed", version="2", serial=7, sha=SHA).status == 204
    assert report(state="installed", version="2", serial=7, sha=SHA).status == 204
    assert report(state="rolled_back", version="1", reason="panic").status == 204
    device = shown()
    last = device["report"]
    assert (last["state"], last["version"], last["reason"]) == ("rolled_back", "1", "panic")
    # What was left unsaid still holds.
    assert (last["project"], last["slot_bytes"], last["wear_percent"]) == ("p", 1048576, 3)
    assert abs(last["seen"] - time.time()) < 60
    assert [event["state"] for event in device["history"]] == [
        "rolled_back", "installed", "downloading"]


def test_command_line_shows_the_same(server, device, report, shown):
    name = device.folder.name.removeprefix("device-")
    assert report(state="installed", version="2", project="p", slot_bytes=4096).status == 204
    assert report(state="rolled_back", version="1", reason="task watchdog").status == 204
    say = json.loads(ferryd.run("device", "show", server.folder, name, "--json").stdout)
    assert say["device"] == shown()
    text = ferryd.run("device", "show", server.folder, name).stdout
    assert "rolled_back   1: task watchdog" in text and "slot of 4096 bytes" in text
    rows = ferryd.run("device", "list", server.folder, "--state", "attention").stdout
    row = next(line for line in rows.splitlines() if line.startswith(name + " "))
    assert row.split()[1:5] == ["default", "enrolled", "rolled_back", "1"]
    idle = json.loads(ferryd.run("device", "list", server.folder, "--state", "idle",
                                 "--json").stdout)
    assert name not in [d["device"] for d in idle["devices"]]


def test_history_is_bounded(report, shown):
    for i in range(60):
        assert report(state="failed", reason=str(i)).status == 204
    history = shown()["history"]
    assert len(history) == 50 and history[0]["reason"] == "59"


def test_unknown_keys_are_passed_over(report, shown):
    assert report(state="idle", future={"a": [1, 2]}, more=None).status == 204
    assert shown()["report"]["state"] == "idle"


@pytest.mark.parametrize("body, words", [
    ("", "JSON object"), ("[]", "JSON object"), ('"idle"', "JSON object"),
    ('{"state":"idle"} x', "JSON object"), ('{"state":"idle"', "JSON object"),
    ('{"state":"idle","state":"idle"}', "comes twice"),
    ('{"state":"idle","x":{"a":1,"a":2}}', "comes twice"),
    (b'{"\xff":1,"\xff":2}', "'?' comes twice"),
    (('{"' + "x" + "é" * 30 + '":1,"' + "x" + "é" * 30 + '":2}').encode(), "comes twice"),
    ('{"state":"idle","x":' + "[" * 16 + "]" * 16 + "}", "deeper than 16"),
    ('{"state":"idle\\u0000"}', "no state|JSON object|NUL"), ('{"state":"idle"}\0', "NUL"),
    ('{"state":"idle","reason":"two\nlines"}', "control character"),
    ('{"state":"idle","serial":1e999}', "too large"),
    (b'{"state":"idle","reason":"\xff"}', "no text"),
    (b'{"state":"idle","reason":"\xc0\x80"}', "no text"),
    (b'{"state":"idle","reason":"\xed\xa0\x80"}', "no text"),
    ('{"state":"flying"}', "no state"), ('{"state":5}', "no text"), ("{}", "no state"),
    ('{"State":"idle"}', "no state"), ('{"state":"idle","sha":"abc"}', "SHA-256"),
    ('{"state":"idle","sha":"' + "AB" * 32 + '"}', "SHA-256"),
    ('{"state":"idle","reason":"' + "r" * 129 + '"}', "128 are the limit"),
    ('{"state":"idle","serial":-1}', "whole number"),
    ('{"state":"idle","serial":1.5}', "whole number"),
    ('{"state":"idle","serial":1e300}', "whole number"),
    ('{"state":"idle","serial":9007199254740993}', "whole number"),
    ('{"state":"idle","serial":"7"}', "whole number"),
    ('{"state":"idle",' + ",".join(f'"k{i}":1' for i in range(300)) + "}", "more than 256"),
])
def test_strict_json(report, body, words):
    reply = report(body)
    assert reply.status == 400, reply
    assert any(word in reply.json["message"] for word in words.split("|")), reply


def test_depth_of_16_is_taken(report):
    assert report('{"state":"idle","x":' + "[" * 15 + "]" * 15 + "}").status == 204
    assert report('{"state":"idle","x":"' + "[" * 100 + '\\""}').status == 204


def test_body_of_more_than_4_kb_is_refused(report):
    assert report('{"state":"idle","x":"' + "x" * 4096 + '"}').status == 413


def test_liar_changes_nothing_but_its_own_row(server, operator, report, shown):
    """It says that it is another, runs what there is not, and has the flash of a giant."""
    other = server.enrol("honest-one")
    server.request("POST", "/api/v1/report", device=other,
                   body=json.dumps({"state": "confirmed", "version": "1"}))
    assert report(state="confirmed", device="honest-one", id="honest-one", version="999",
                  serial=2**53 - 1, slot_bytes=2**53 - 1, wear_percent=2**53 - 1).status == 204
    honest = operator.get("/api/v1/devices/honest-one")["device"]["report"]
    assert honest["version"] == "1"
    assert shown()["report"]["version"] == "999"
    # What it claims to run is not counted as a release, and it gets no more than it may have.
    row = operator.release(project="lies", version="1")
    assert operator.get(f"/api/v1/releases/{row['serial']}")["devices"] == 0
    query = f"project=lies&chip=esp32c3&version=999&sha={SHA}&slot_bytes=9007199254740991"
    told = server.request("GET", f"/api/v1/manifest?{query}", device=other)
    assert told.json["serial"] == row["serial"]


def test_who_runs_a_release_is_counted(server, operator, report):
    row = operator.release(project="counted", version="1")
    for state, n in (("downloading", 0), ("installed", 0), ("confirmed", 1), ("idle", 1),
                     ("failed", 0)):
        assert report(state=state, sha=row["sha256"]).status == 204
        assert operator.get(f"/api/v1/releases/{row['serial']}")["devices"] == n


def test_download_shows_until_the_device_says_more(server, operator, device, report, shown):
    """The server sees it; no device has to say it."""
    project = "coming"
    row = operator.release(project=project, version="2.1")
    path = f"/api/v1/firmware/{row['sha256']}.bin"
    name = device.folder.name.removeprefix("device-")
    question = f"/api/v1/manifest?project={project}&chip=esp32c3"

    def state():
        return shown()["report"]["state"], shown()["report"]["coming"], shown()["report"]["version"]

    def fetch():
        assert server.request("GET", path, device=device,
                              headers={"Range": "bytes=0-99"}).status == 206

    assert report(state="failed", version="2.0", project=project, reason="cut").status == 204
    assert server.request("HEAD", path, device=device).status == 200
    assert state() == ("failed", "", "2.0")
    fetch(), fetch()
    assert state() == ("downloading", "2.1", "2.0")
    for word, is_in in (("downloading", True), ("updating", True), ("attention", False),
                        ("failed", False)):
        rows = ferryd.run("device", "list", server.folder, "--state", word, "--json").stdout
        assert (name in [d["device"] for d in json.loads(rows)["devices"]]) == is_in, word
    browser = Browser(server)
    browser.log_in(operator.token)
    for page in (f"/?q={name}", f"/devices/{name}"):
        said = browser.ask("GET", page).body.decode()
        assert 'busy">downloading</span> <small>2.1</small>' in said
    assert server.request("GET", question, device=device).status == 200  # it begins anew
    assert state() == ("failed", "", "2.0")
    fetch()
    assert report(state="installed", version="2.1", project=project).status == 204
    assert state() == ("installed", "", "2.1")
    assert [event["state"] for event in shown()["history"]] == ["installed", "failed"]


def test_revoked_device_is_not_heard(operator, report, device):
    name = device.folder.name.removeprefix("device-")
    assert report(state="idle").status == 204
    operator.post(f"/api/v1/devices/{name}/revoke")
    assert report(state="confirmed").status == 403
    assert operator.get(f"/api/v1/devices/{name}")["device"]["report"]["state"] == "idle"


def test_question_is_a_sign_of_life(server, shown, device):
    assert shown()["report"]["seen"] == 0
    server.request("GET", "/api/v1/manifest?project=p&chip=esp32c3", device=device)
    assert abs(shown()["report"]["seen"] - time.time()) < 60


def test_without_a_certificate(server):
    assert server.request("POST", "/api/v1/report", body='{"state":"idle"}').status == 401
