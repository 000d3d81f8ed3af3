"""Virtual devices whose updater talks to a real ferryd: rows S4 of the work, from the join string
to the release that crashes. The rules themselves, one by one and with servers that lie: test_agent
and test_power_agent."""

import http.server
import json
import ssl
import threading

import images
import pytest
import test_slow
from cut_link import Link
from ferryd import run

ROWS = [("nvs", 1, 2, 0x9000, 0x4000), ("otadata", 1, 0, 0xD000, 0x2000),
        ("ferry_nvs", 1, 2, 0x10000, 0x4000), ("nvs_keys", 1, 4, 0x14000, 0x1000),
        ("updater", 0, 0x10, 0x20000, 0x20000), ("app", 0, 0x11, 0x40000, 0x80000)]
SIZE = 400_000
THREE = [*ROWS[:4], ("ota_0", 0, 0x10, 0x20000, 0x10000), ("ota_1", 0, 0x11, 0x30000, 0x70000),
         ("ota_2", 0, 0x12, 0xA0000, 0x50000)]


class Unit:
    """A virtual device and what it says."""

    def __init__(self, ferry, path, *options, rows=None):
        self.ferry, self.path = ferry, path
        rows = rows or ROWS
        work = path.parent
        (work / "table.bin").write_bytes(images.table(rows))
        (work / "updater.bin").write_bytes(images.app("updater", "9.0.0", size=9000))
        ferry.ok("device", "new", path, "--chip=esp32c3", "--flash-size=1MB", "--partitions",
                 work / "table.bin", "--app", f"{rows[4][0]}={work / 'updater.bin'}", *options)

    def enroll(self, join, *words):
        return self.ferry.ok("enroll", self.path, join, "--project=demo", "--json", *words).json

    def live(self, *options, ok=True):
        result = self.ferry("agent", self.path, "--pace=1", "--json", *options)
        assert (result.code == 0) == ok, result.json.get("log", result)
        return result.json

    @property
    def flash(self):
        return (self.path / "flash.bin").read_bytes()


@pytest.fixture
def unit(ferry, tmp_path):
    return Unit(ferry, tmp_path / "dev")


@pytest.fixture
def link(server):
    link = Link(server.address("devices"))
    yield link
    link.close()


def join_of(server, url=None, device=None, uses=1, expires="1d"):
    who = ["--device", device] if device else []
    done = run("token", "new", server.folder, "--json", "--uses", uses, "--expires", expires,
               "--url", url or server.doors["devices"], *who)
    return json.loads(done.stdout)["join"]


def release(server, tmp_path, version, seed=1):
    """Puts demo in this version into a channel that all get."""
    path = tmp_path / f"{version}.bin"
    path.write_bytes(images.app(version=version, size=SIZE, seed=seed))
    run("release", "add", server.folder, path)
    return path


def says(log, words):
    return any(words in line for line in log)


def test_life_of_a_device(server, link, unit, tmp_path):
    """Enrolled, updated over a link that breaks twice, and back from a release that crashes."""
    app = release(server, tmp_path, "1.0.0", 1).read_bytes()
    join = join_of(server, link.url, "life")
    assert unit.enroll(join)["id"] == "life"
    token = join.split("#")[2]
    assert token.encode() not in unit.flash
    assert b"BEGIN CERTIFICATE" not in unit.flash  # the table has nvs_keys
    first = unit.live("--starts=2")
    assert first["installed"]["version"] == "1.0.0" and first["running"] == "app", first
    assert first["confirmed"]["version"] == "1.0.0"
    assert says(first["log"], "the bootloader rolls back")
    assert unit.flash[0x40000:].startswith(app)  # not a byte of it is changed
    # At every start the updater comes first, though the application never confirmed itself.
    turns = [line.split()[0] for line in first["log"] if "runs for" in line or "starts (" in line]
    assert turns == ["updater", "updater", "demo", "updater", "demo"], first["log"]

    release(server, tmp_path, "2.0.0", 2)
    link.cuts[:] = [100_000, 120_000]
    second = unit.live("--starts=2", "--power-cycle")
    assert second["installed"]["version"] == "2.0.0", second["log"]
    assert sum("link lost" in line for line in second["log"]) == 2, second["log"]
    assert server.logs("status=206")
    assert second["last_good"]["version"] == "1.0.0"

    release(server, tmp_path, "3.0.0", 3)
    third = unit.live("--starts=6", "--power-cycle", "--crashes=3.0.0", "--poll=10")
    assert third["bad"]["version"] == "3.0.0", third["log"]
    assert third["installed"]["version"] == "2.0.0"
    assert says(third["log"], '"state":"rolled_back"')
    assert says(third["log"], "3.0.0 crashed 3 times in a row, last by panic")


def test_provisioned_by_a_partition_made_beforehand(server, unit, tmp_path):
    """As docs/updater.md has it: a CSV, built once for each device, and no `ferry enroll`."""
    release(server, tmp_path, "1.0.0")
    url, pin, token, device_id = join_of(server, device="made").removeprefix("ferry1:").split("#")
    (tmp_path / "unit.csv").write_text(
        "key,type,encoding,value\nmtls_auth,namespace,,\n"
        f"url,data,string,{url}\npin,data,string,{pin}\ntoken,data,string,{token}\n"
        f"id,data,string,{device_id}\nproject,data,string,demo\n")
    unit.ferry.ok("nvs", "build", tmp_path / "unit.csv", tmp_path / "unit.bin", "--size=0x4000")
    flash = unit.flash
    made = (tmp_path / "unit.bin").read_bytes()
    (unit.path / "flash.bin").write_bytes(flash[:0x10000] + made + flash[0x14000:])
    end = unit.live("--once")
    assert end["id"] == "made" and end["installed"]["project"] == "demo", end["log"]
    assert token.encode() not in unit.flash


def test_application_starts_while_the_server_is_away(ferry, new_server, tmp_path):
    server = new_server().start()
    try:
        release(server, tmp_path, "1.0.0")
        unit = Unit(ferry, tmp_path / "dev")
        unit.enroll(join_of(server))
        assert unit.live("--once")["running"] == "app"
    finally:
        server.stop()
    away = unit.live("--starts=3", "--power-cycle")
    assert away["starts"] == 3 and away["running"] == "app"


def test_another_root_gets_no_token(server, unit):
    parts = join_of(server).split("#")
    parts[1] = "0" * 64
    before = server.log.read_text().count("/api/v1/enroll")
    result = unit.ferry.refused("enroll", unit.path, "#".join(parts), "--json")
    assert result.json["code"] == "FERRY_ERR_PIN", result
    assert server.logs("/api/v1/cacerts")
    assert server.log.read_text().count("/api/v1/enroll") == before


class Impostor(http.server.BaseHTTPRequestHandler):
    """Has the genuine root to show, which is no secret, and keeps the connection open for more."""

    protocol_version = "HTTP/1.1"
    root, asked = b"", []

    def do_GET(self):
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.root)))
        self.end_headers()
        self.wfile.write(self.root)

    def do_POST(self):
        self.asked.append(self.path)
        self.send_error(500)

    def log_message(self, *words):
        pass


def test_genuine_root_from_an_impostor_gets_no_token(server, unit, new_server):
    other = new_server()
    Impostor.root, Impostor.asked = (server.folder / "ca" / "root.pem").read_bytes(), []
    impostor = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Impostor)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(other.folder / "ca" / "server.pem", other.folder / "ca" / "server.key")
    impostor.socket = context.wrap_socket(impostor.socket, server_side=True)
    threading.Thread(target=impostor.serve_forever, daemon=True).start()
    try:
        join = join_of(server, f"https://127.0.0.1:{impostor.server_address[1]}")
        result = unit.ferry.refused("enroll", unit.path, join, "--json")
        assert result.json["code"] == "FERRY_ERR_NET_TLS", result
        assert Impostor.asked == ["/api/v1/cacerts"]
    finally:
        impostor.shutdown()


def test_enrolled_device_keeps_its_certificate(server, unit):
    """Unless it is said to give it up, also for a token that then turns out to be none."""
    unit.enroll(join_of(server, device="settled"))
    for words in ((), ("--offline",)):
        before = unit.flash
        result = unit.ferry.refused("enroll", unit.path, join_of(server, uses=2), *words, "--json")
        assert result.json["code"] == "FERRY_ERR_STATE" and "--again" in result.err, result
        assert unit.flash == before
    assert unit.live("--once")["id"] == "settled"
    assert unit.enroll(join_of(server, device="settled"), "--again")["id"] == "settled"


def test_used_token_is_refused(server, unit, ferry, tmp_path):
    join = join_of(server)
    unit.enroll(join)
    other = tmp_path / "other"
    other.mkdir()
    second = Unit(ferry, other / "dev")
    result = ferry.refused("enroll", second.path, join, "--json")
    assert result.json["code"] == "FERRY_ERR_ENROL", result


def waiting(server):
    """Who needs a release, by the operator's list."""
    listed = json.loads(run("device", "list", server.folder, "--state=needs_release",
                            "--json").stdout)
    return [d["device"] for d in listed["devices"]]


def test_second_key_needs_a_release(server, ferry, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    first, second = (Unit(ferry, tmp_path / name / "dev") for name in ("a", "b"))
    first.enroll(join_of(server, device="twin"))
    assert "twin" not in waiting(server)
    release(server, tmp_path, "1.0.0")
    result = ferry.refused("enroll", second.path, join_of(server, device="twin"),
                           "--project=demo", "--json")
    assert result.json["code"] == "FERRY_ERR_RELEASE_NEEDED", result
    assert "twin" in waiting(server)
    again = second.live("--once", ok=False)
    assert says(again["log"], "`ferryd device release DIR twin` first"), again["log"]
    run("device", "release", server.folder, "twin")
    end = second.live("--once", "--power-cycle")  # by the token that it has
    assert end["id"] == "twin" and end["running"] == "app", end["log"]
    assert "twin" not in waiting(server)


def test_copied_flash_becomes_a_device_of_its_own(server, unit, ferry, tmp_path):
    """Key and all were copied; with a join string of its own the copy makes a key of its own."""
    release(server, tmp_path, "1.0.0")
    unit.enroll(join_of(server, device="original"))
    (tmp_path / "b").mkdir()
    copy = Unit(ferry, tmp_path / "b" / "dev")
    (copy.path / "flash.bin").write_bytes(unit.flash)
    assert copy.enroll(join_of(server, device="copy"), "--again")["id"] == "copy"
    for one, name in ((unit, "original"), (copy, "copy")):
        end = one.live("--once")
        assert end["id"] == name and end["running"] == "app", end["log"]


def test_revoked_device_keeps_its_application(server, unit, tmp_path):
    release(server, tmp_path, "1.0.0")
    unit.enroll(join_of(server, device="thief"))
    unit.live("--once")
    run("device", "revoke", server.folder, "thief")
    log = unit.live("--starts=2", "--power-cycle")
    assert log["starts"] == 2, log
    assert not says(log["log"], "reported"), log


def test_application_that_erases_nvs_strands_nobody(server, unit, tmp_path):
    release(server, tmp_path, "1.0.0")
    unit.enroll(join_of(server))
    before = unit.live("--once")
    flash = unit.flash
    erased = flash[:0x9000] + b"\xff" * 0x4000 + flash[0xD000:]
    (unit.path / "flash.bin").write_bytes(erased)
    after = unit.live("--once", "--power-cycle")
    assert after["id"] == before["id"] and after["installed"] == before["installed"]
    assert not says(after["log"], "enrolled as"), after["log"]


def test_bootloader_without_rollback_starts_nothing(server, ferry, tmp_path):
    release(server, tmp_path, "1.0.0")
    unit = Unit(ferry, tmp_path / "dev", "--rollback=off")
    unit.enroll(join_of(server))
    end = unit.live("--once", ok=False)
    assert end["starts"] == 0 and end["code"] == "FERRY_ERR_NO_APP"
    assert says(end["log"], '"state":"no_rollback"')


def test_deep_sleep_writes_no_question(server, unit, tmp_path):
    release(server, tmp_path, "1.0.0")
    unit.enroll(join_of(server, device="sleeper"))
    unit.live("--starts=2")
    log = unit.live("--starts=5", "--app-outcome=deep-sleep")["log"]
    assert sum("does not ask" in line for line in log) >= 4, log


def test_updater_is_replaced_by_its_next_release(server, ferry, tmp_path):
    release(server, tmp_path, "1.0.0")
    unit = Unit(ferry, tmp_path / "dev", rows=THREE)
    unit.enroll(join_of(server))
    assert unit.live("--once")["running"] == "ota_1"
    path = tmp_path / "updater10.bin"
    path.write_bytes(images.app("updater", "10.0.0", size=9000, seed=10))
    run("release", "add", server.folder, path)
    log = unit.live("--starts=2", "--power-cycle", "--replace-updater")["log"]
    assert says(log, "updater 10.0.0 is verified in ota_2 and restarts into it"), log
    assert says(log, "this updater is new, has reached the server, and stays"), log
    assert ferry.ok("device", "boot", unit.path, "--json").json["booted"] == "ota_2"


def test_updater_is_replaced_where_there_are_two_slots(server, unit, ferry, tmp_path):
    """By way of the application's slot, which has its application again in the end."""
    release(server, tmp_path, "1.0.0")
    unit.enroll(join_of(server))
    before = unit.live("--once")["installed"]
    path = tmp_path / "updater11.bin"
    path.write_bytes(images.app("updater", "11.0.0", size=9000, seed=11))
    run("release", "add", server.folder, path)
    end = unit.live("--once", "--power-cycle", "--replace-updater")
    assert end["running"] == "app" and end["installed"] == before, end["log"]
    ways = [line for line in end["log"] if line.startswith("updater 11.0.0 is verified")]
    assert ways == [f"updater 11.0.0 is verified in {slot} and restarts into it"
                    for slot in ("app", "updater")], end["log"]
    assert unit.flash[0x20000:].startswith(path.read_bytes())
    assert ferry.ok("device", "boot", unit.path, "--json").json["booted"] == "updater"


def test_device_follows_the_authority_to_a_new_root(ferry, new_server, tmp_path):
    """Told to renew, it learns the roots of today; then the one that it pinned may go."""
    server = new_server().start()
    try:
        release(server, tmp_path, "1.0.0")
        unit = Unit(ferry, tmp_path / "dev")
        unit.enroll(join_of(server, device="old-timer"))
        unit.live("--once")
        first = json.loads(run("ca", "show", server.folder, "--json").stdout)
        run("ca", "new-root", server.folder, "--root-key", server.folder / "ca" / "root.key")
        server.reload()
        renewed = unit.live("--once", "--power-cycle")
        assert says(renewed["log"], "has a new certificate"), renewed["log"]
        again = unit.live("--once", "--power-cycle")
        assert not says(again["log"], "has a new certificate"), again["log"]
        run("ca", "new-server", server.folder)
        for old in (c for c in first["certificates"] if c["role"] == "root"):
            run("ca", "forget", "--force", server.folder, old["sha256"])
        server.reload()
        after = unit.live("--once", "--power-cycle")
        assert says(after["log"], "the server has nothing newer"), after["log"]
    finally:
        server.stop()


def test_fleet_behind_one_address_comes_through(server, ferry, tmp_path):
    """With the settings of init; a thousand of them are in the bench."""
    release(server, tmp_path, "1.0.0")
    (tmp_path / "updater.bin").write_bytes(images.app("updater", "9.0.0", size=9000))
    done = ferry.ok("agent", "--fleet=100", "--join", join_of(server, uses=100),
                    "--updater", tmp_path / "updater.bin", "--project=demo", "--slot-size=512K",
                    "--json").json
    assert done["updated"] == 100 and done["failed"] == 0, done


def test_fifty_devices_update_while_600_sockets_dribble(ferry, new_server, tmp_path):
    """Handshakes a byte at a time, that never end; who is cut comes again."""
    server = new_server(settings={"handshake_seconds": 2}).start()
    has_begun, is_over, rounds = threading.Event(), threading.Event(), 0

    def dribble():
        nonlocal rounds
        while not is_over.is_set():
            socks = test_slow.opened(server, "devices", test_slow.DRIBBLERS)
            has_begun.set()
            rounds += 1
            for byte in b"\x16\x03\x01\x02\x00\x01":
                if not is_over.wait(0.3):
                    test_slow.send_all(socks, bytes([byte]))
            for sock in socks:
                sock.close()

    thread = threading.Thread(target=dribble)
    try:
        release(server, tmp_path, "1.0.0")
        (tmp_path / "updater.bin").write_bytes(images.app("updater", "9.0.0", size=9000))
        thread.start()
        assert has_begun.wait(30)
        done = ferry.ok("agent", "--fleet=50", "--threads=50", "--join",
                        join_of(server, uses=50), "--updater", tmp_path / "updater.bin",
                        "--project=demo", "--slot-size=512K", "--json").json
        assert done["updated"] == 50 and done["failed"] == 0, done
    finally:
        is_over.set()
        thread.join(30)
        assert server.stop() == 0
    assert rounds


def test_application_must_not_have_the_updaters_project(unit):
    result = unit.ferry.refused("agent", unit.path, "--project=updater", "--pace=1", "--starts=1")
    assert "updater is the project of the updater itself" in result.err
