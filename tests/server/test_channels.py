"""Which release a device is told to run: by project, chip, slot and the channel of its group."""

import json
import zlib

import images
import pytest
from ferryd import run
from operators import Operator

POLL_S = 3600


@pytest.fixture(scope="module")
def operator(server):
    return Operator(server)


@pytest.fixture(scope="module")
def device(server):
    return server.enrol("channel-device")


@pytest.fixture
def ask(server, device):
    """What a device is told; the arguments are its claims."""
    def ask(of=device, headers=None, **said):
        said = {"project": "p", "chip": "esp32c3", **said}
        query = "&".join(f"{key}={value}" for key, value in said.items())
        return server.request("GET", f"/api/v1/manifest?{query}", device=of, headers=headers)
    return ask


@pytest.fixture
def project(request):
    """A project that no other test has."""
    return "".join(c for c in request.node.name if c.isalnum())[-30:]


def test_nothing_newer(ask, project):
    reply = ask(project=project)
    assert (reply.status, reply.body) == (204, b"") and "ETag" not in reply.headers


def test_manifest_and_its_firmware(server, operator, device, ask, project):
    row = operator.release(project=project, version="1.2.3")
    reply = ask(project=project)
    assert reply.status == 200 and reply.headers["Content-Type"] == "application/json"
    manifest = reply.json
    assert manifest == {
        "firmware": f"/api/v1/firmware/{row['sha256']}.bin", "sha": row["sha256"],
        "length": row["length"], "version": "1.2.3", "serial": row["serial"],
        "crc32": manifest["crc32"]}
    image = server.request("GET", manifest["firmware"], device=device).body
    assert image == images.app(project=project, version="1.2.3")
    assert int(manifest["crc32"], 16) == zlib.crc32(image)


def test_who_runs_it_is_told_nothing(operator, ask, project):
    row = operator.release(project=project, version="2")
    assert ask(project=project, sha=row["sha256"]).status == 204
    assert ask(project=project, serial=row["serial"]).status == 204
    assert ask(project=project, serial=row["serial"] + 1).status == 204
    assert ask(project=project, serial=row["serial"] - 1).status == 200
    assert ask(project=project, sha="0" * 64).status == 200


def test_who_tells_its_version_alone_is_compared_by_it(operator, ask, project):
    operator.release(project=project, version="2.1.0")
    for version, status in [("2.1.0", 204), ("v2.1", 204), ("2.2.0", 204), ("2.10.0", 204),
                            ("2.0.9", 200), ("2.1.0-rc1", 200), ("abc", 200), ("", 200)]:
        assert ask(project=project, version=version).status == status, version
    # Bytes say it exactly: the same version built anew is another release.
    assert ask(project=project, version="2.1.0", sha="0" * 64).status == 200


def test_etag(operator, ask, project):
    row = operator.release(project=project, version="2")
    etag = ask(project=project).headers["ETag"]
    assert etag == f'"{row["sha256"]}"'
    again = ask(project=project, headers={"If-None-Match": etag})
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", etag)
    assert "Ferry-Poll" in again.headers
    assert ask(project=project, headers={"If-None-Match": '"other"'}).status == 200
    operator.release(project=project, version="3", seed=3)
    assert ask(project=project, headers={"If-None-Match": etag}).status == 200


def test_poll_interval_differs_by_a_fifth(ask, project):
    """A fleet that lost its power together must not come back together."""
    told = [int(ask(project=project).headers["Ferry-Poll"]) for _ in range(100)]
    assert all(POLL_S * 0.8 <= seconds <= POLL_S * 1.2 for seconds in told)
    assert max(told) - min(told) > POLL_S * 0.2 and len(set(told)) > 50


def test_by_project_chip_and_slot(operator, ask, project):
    small = operator.release(project=project, version="1", size=4000)
    large = operator.release(project=project, version="2", size=9000)
    other = operator.release(project=project, version="3", chip="esp32s3")
    assert ask(project=project).json["serial"] == large["serial"]
    assert ask(project=project, slot_bytes=large["length"]).json["serial"] == large["serial"]
    assert ask(project=project, slot_bytes=large["length"] - 1).json["serial"] == small["serial"]
    assert ask(project=project, slot_bytes=100).status == 204
    assert ask(project=project, chip="esp32s3").json["serial"] == other["serial"]
    assert ask(project="another").status == 204


def test_withdrawn_release_goes_back_to_the_one_before(server, operator, device, ask, project):
    one = operator.release(project=project, version="1")
    two = operator.release(project=project, version="2")
    assert ask(project=project, serial=one["serial"]).json["serial"] == two["serial"]
    assert operator.post(f"/api/v1/releases/{two['serial']}/withdraw")["withdrawn_from"] == 1
    assert ask(project=project, serial=one["serial"]).status == 204
    assert ask(project=project).json["serial"] == one["serial"]
    # Its bytes stay, for a device that goes back to it.
    firmware = f"/api/v1/firmware/{two['sha256']}.bin"
    assert server.request("GET", firmware, device=device).status == 200
    again = operator.ask("POST", f"/api/v1/releases/{two['serial']}/withdraw")
    assert again.status == 404 and "in no channel" in again.json["message"]
    # Added once more, it is the same release.
    assert operator.release(project=project, version="2")["serial"] == two["serial"]
    assert ask(project=project).json["serial"] == two["serial"]


def test_group_follows_a_channel(server, operator, device, ask, project):
    tester = server.enrol(f"tester-{project[-20:]}", "--group", f"g-{project[-20:]}")
    operator.post("/api/v1/channels", {"channel": project})
    stable = operator.release(project=project, version="1")
    beta = operator.release(project=project, version="2", channel=project)
    assert ask(tester, project=project).json["serial"] == stable["serial"]
    operator.post(f"/api/v1/groups/g-{project[-20:]}/follow", {"channel": project})
    assert ask(tester, project=project).json["serial"] == beta["serial"]
    assert ask(project=project).json["serial"] == stable["serial"]
    # Offered in both, withdrawn from one.
    operator.release(project=project, version="2", channel="stable")
    assert ask(project=project).json["serial"] == beta["serial"]
    said = {"channel": project}
    assert operator.post(f"/api/v1/releases/{beta['serial']}/withdraw", said)["withdrawn_from"] == 1
    assert ask(tester, project=project).status == 204
    assert operator.get(f"/api/v1/releases/{beta['serial']}")["channels"] == ["stable"]
    operator.post(f"/api/v1/groups/g-{project[-20:]}/follow", {"channel": "stable"})
    assert ask(tester, project=project).json["serial"] == beta["serial"]


def test_commands_do_the_same(server, ask, project, tmp_path):
    def ferryd(*words):
        return json.loads(run(*words, "--json").stdout)

    image = tmp_path / "image.bin"
    image.write_bytes(images.app(project=project, version="1"))
    ferryd("channel", "add", server.folder, project)
    row = ferryd("release", "add", server.folder, image, "--channel", project)
    assert ask(project=project).status == 204
    ferryd("channel", "follow", server.folder, "default", project)
    assert ask(project=project).json["serial"] == row["serial"]
    ferryd("release", "withdraw", server.folder, row["serial"], "--channel", project)
    assert ask(project=project).status == 204
    ferryd("channel", "follow", server.folder, "default", "stable")
    names = [one["channel"] for one in ferryd("channel", "list", server.folder)["channels"]]
    assert project in names and "stable" in names
    # What is not there, or there already.
    for words in (("channel", "add", server.folder, project),
                  ("channel", "follow", server.folder, "default", "nowhere"),
                  ("channel", "key", server.folder, "nowhere", "--key", "none"),
                  ("release", "withdraw", server.folder, "99999"),
                  ("release", "show", server.folder, "99999")):
        assert run(*words, check=False).returncode == 1
    for words in (("channel", "add", server.folder, "-x"), ("release", "show", server.folder, "x"),
                  ("channel", "add", server.folder, "y", "--key", "12"),
                  ("channel", "key", server.folder, project)):
        assert run(*words, check=False).returncode == 2


@pytest.mark.parametrize("query", [
    "", "project=p", "chip=esp32c3", "project=&chip=esp32c3", "project=p&chip=c&slot_bytes=-1",
    "project=p&chip=c&slot_bytes=1e6", "project=p&chip=c&serial=99999999999999999",
    "project=p&chip=c&version=" + "v" * 129, "project=%FF&chip=c"])
def test_question_that_is_none(server, device, query):
    reply = server.request("GET", f"/api/v1/manifest?{query}", device=device)
    assert reply.status == 400 and not reply.json["ok"] and reply.json["message"]
