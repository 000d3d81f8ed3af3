"""The admin API: who may ask, what each request does, and what becomes of one that is none."""

import json
import re

import pytest
from applicant import Applicant
from ferryd import ROOT, run
from operators import Browser, Operator


@pytest.fixture(scope="module")
def operator(server):
    return Operator(server, "api")


@pytest.fixture
def browser(server, operator):
    one = Browser(server)
    assert one.log_in(operator.token).status == 303
    return one


ASKED = ["/api/v1/summary", "/api/v1/devices", "/api/v1/devices/x", "/api/v1/tokens",
         "/api/v1/releases", "/api/v1/releases/1", "/api/v1/channels"]
DONE = [("POST", "/api/v1/devices/x/revoke"), ("DELETE", "/api/v1/devices/x"),
        ("POST", "/api/v1/tokens"), ("DELETE", "/api/v1/tokens/123456"),
        ("POST", "/api/v1/releases"), ("POST", "/api/v1/releases/1/withdraw"),
        ("POST", "/api/v1/releases/1/public"), ("POST", "/api/v1/channels"),
        ("POST", "/api/v1/channels/stable/key"), ("POST", "/api/v1/groups/g/follow")]


@pytest.mark.parametrize("method, path", [("GET", path) for path in ASKED] + DONE)
def test_stranger_is_refused(server, method, path):
    for said in (None, "Bearer", "Bearer ", "Bearer " + "x" * 32, "Basic YWRtaW46YWRtaW4=",
                 "Bearer " + "x" * 5000):
        reply = server.request(method, path, "admin",
                               headers={"Authorization": said} if said else {})
        assert reply.status == 401 and not reply.json["ok"]
    assert server.request(method, path, "devices").status == 404


def test_session_reads_without_a_csrf_token_and_changes_with_it(browser):
    for path in ASKED[:2]:
        assert browser.ask("GET", path).status == 200
    name = {"channel": "by-session"}
    for headers in ({}, {"Ferry-Csrf": ""}, {"Ferry-Csrf": "0" * 64},
                    {"Ferry-Csrf": browser.csrf[:-1]}, {"Ferry-Csrf": browser.csrf + "0"}):
        for method, path in DONE:
            reply = browser.ask(method, path, headers=headers)
            assert reply.status == 403 and "CSRF" in reply.json["message"]
    reply = browser.server.request("POST", "/api/v1/channels", "admin", body=json.dumps(name),
                                   headers={"Ferry-Csrf": browser.csrf,
                                            "Cookie": f"ferryd={browser.cookie}"})
    assert reply.status == 200


def test_csrf_token_of_another_session_is_wrong(server, operator, browser):
    other = Browser(server)
    other.log_in(operator.token)
    assert other.csrf != browser.csrf
    reply = browser.ask("POST", "/api/v1/channels", headers={"Ferry-Csrf": other.csrf})
    assert reply.status == 403


def test_removed_operator_is_nobody(server):
    leaver = Operator(server, "leaver")
    browser = Browser(server)
    browser.log_in(leaver.token)
    assert browser.ask("GET", "/api/v1/summary").status == 200
    names = [one["operator"] for one in
             json.loads(run("user", "list", server.folder, "--json").stdout)["operators"]]
    assert "leaver" in names
    run("user", "remove", server.folder, "leaver")
    assert leaver.ask("GET", "/api/v1/summary").status == 401
    assert browser.ask("GET", "/api/v1/summary").status == 401
    assert run("user", "remove", server.folder, "leaver", check=False).returncode == 1
    assert run("user", "add", server.folder, "api", check=False).returncode == 1
    assert run("user", "add", server.folder, "no name", check=False).returncode == 2


def changing_routes():
    """(method, path) of all of the admin door's routes that are not GET, out of the tables of the
    sources, so that a route added later is among them; what stands for '*' is x/revoke."""
    row = re.compile(r'\{"([A-Z]+)", "([^"]+)", ([A-Z_| ,]+),')
    for path in sorted((ROOT / "server").glob("*.c")):
        for method, where, asked in row.findall(path.read_text()):
            if method != "GET" and ("OPERATORS" in asked or "HTTP_ADMIN" in asked):
                yield method, where.replace("*", "x/revoke")


def test_changing_routes_are_all_found():
    found = set(changing_routes())
    assert found >= {("POST", "/login"), ("POST", "/logout"), ("POST", "/api/v1/tokens")}
    patterns = [(method, re.escape(path).replace("x/revoke", ".+")) for method, path in found]
    for method, path in DONE:
        assert any(m == method and re.fullmatch(p, path) for m, p in patterns), path
    assert len(found) == len(patterns) >= 10


def audit(server):
    return json.loads(run("audit", "show", server.folder, "--json").stdout)["entries"]


def test_read_only_operator_reads_and_changes_nothing(server, operator):
    reader = Operator(server, "reader", "--read-only")
    browser = Browser(server)
    assert browser.log_in(reader.token).status == 303
    csrf = browser.csrf
    row = operator.release(project="read", version="1")
    operator.post("/api/v1/groups/g/follow", {"channel": "stable"})
    server.enrol("x")
    log = audit(server)
    for path in ["/api/v1/summary", "/api/v1/devices", "/api/v1/devices/x", "/api/v1/tokens",
                 "/api/v1/releases", f"/api/v1/releases/{row['serial']}", "/api/v1/channels"]:
        assert reader.get(path) == browser.ask("GET", path).json == operator.get(path)
        assert reader.ask("HEAD", path).status == 200
    refused = {*changing_routes(), *DONE} - {("POST", "/login"), ("POST", "/logout")}
    refused |= {("POST", f"/api/v1/releases/{row['serial']}/withdraw"),
                ("POST", f"/api/v1/releases/{row['serial']}/public")}
    for method, path in sorted(refused):
        for reply in (reader.ask(method, path),
                      browser.ask(method, path, headers={"Ferry-Csrf": csrf})):
            assert reply.status == 403 and reply.json["error"] == "forbidden", (method, path, reply)
            assert "this operator is read-only" in reply.json["message"], (method, path)
    # The token counts where both are sent: nobody adds what one of them may not.
    full = Browser(server)
    full.log_in(operator.token)
    assert full.ask("POST", "/api/v1/channels", headers={
        "Ferry-Csrf": full.csrf, "Authorization": f"Bearer {reader.token}"}).status == 403
    assert audit(server) == log
    assert browser.ask("POST", "/logout", {"csrf": csrf}).status == 303


def test_read_only_operator_is_listed_so(server):
    Operator(server, "listed-full")
    Operator(server, "listed-reader", "--read-only")
    listed = json.loads(run("user", "list", server.folder, "--json").stdout)["operators"]
    said = {one["operator"]: one["read_only"] for one in listed}
    assert (said["admin"], said["listed-full"], said["listed-reader"]) == (False, False, True)
    rows = run("user", "list", server.folder).stdout
    assert re.search("^listed-full +everything +[0-9]", rows, re.M)
    assert re.search("^listed-reader +read only +[0-9]", rows, re.M)
    added = {one["subject"]: one["detail"] for one in audit(server)
             if one["action"] == "add operator"}
    assert (added["listed-full"], added["listed-reader"]) == ("", "read-only")


def test_operators_of_before_there_were_read_only_ones_stay_full(new_server):
    """The database as step 10 left it."""
    one = new_server()
    for text in ("ALTER TABLE operator DROP COLUMN is_read_only",
                 "UPDATE schema_version SET version = 10"):
        one.sql(text)
    one.start()
    said = {"Authorization": f"Bearer {one.token}"}
    reply = one.request("POST", "/api/v1/channels", "admin", body='{"channel":"kept"}',
                        headers=said)
    assert reply.status == 200, reply
    assert Operator(one, "new", "--read-only").ask("POST", "/api/v1/channels").status == 403
    assert one.stop() == 0


def test_token_lets_one_device_in(server, operator, tmp_path):
    made = operator.post("/api/v1/tokens", {"device": "by-api", "url": server.doors["devices"]})
    version, pin, text, name = made["join"].split("#")
    assert version == "ferry1:" + server.doors["devices"] and name == "by-api" and len(pin) == 64
    device = Applicant(server, tmp_path)
    assert device.enrol(text).status == 200 and device.id == "by-api"
    listed = {one["token"]: one for one in operator.get("/api/v1/tokens")["tokens"]}
    assert listed[made["token"]["token"]]["state"] == "used up"
    assert text not in json.dumps(listed)


def test_token_of_a_group_and_its_end(server, operator, tmp_path):
    made = operator.post("/api/v1/tokens", {"group": "line-2", "uses": 3, "seconds": 60,
                                            "url": server.doors["devices"]})
    row = made["token"]
    assert (row["group"], row["uses"], row["uses_left"], row["device"]) == ("line-2", 3, 3, "")
    text = made["join"].split("#")[2]
    first, second = Applicant(server, tmp_path / "1"), Applicant(server, tmp_path / "2")
    assert first.enrol(text).status == 200
    ended = operator.ask("DELETE", f"/api/v1/tokens/{row['token']}")
    assert ended.status == 200 and ended.json["token"]["state"] == "revoked"
    assert second.enrol(text).status == 401
    assert first.poll().status == 204
    ids = [one["device"] for one in operator.get("/api/v1/devices?group=line-2")["devices"]]
    assert ids == [first.id]


@pytest.mark.parametrize("said, words", [
    ({"uses": 0}, "1 to 1000000"), ({"uses": 1000001}, "1 to 1000000"),
    ({"device": "a", "uses": 2}, "one device enrols once"), ({"device": "-a"}, "no name"),
    ({"device": "a b"}, "no name"), ({"group": "../etc"}, "no name"),
    ({"group": "x" * 65}, "no name"), ({"group": "x" * 66}, "65 are the limit"),
    ({"seconds": 0}, "1 second"), ({"seconds": 3650 * 86400 + 1}, "3650 days"),
    ({"url": "http://x"}, "https://"), ({"url": "https://x#y"}, "https://"),
    ({"uses": "3"}, "whole number"), ({"device": 3}, "no text"), ({"uzes": 3}, "no key 'uzes'"),
])
def test_wish_that_cannot_be(operator, said, words):
    reply = operator.ask("POST", "/api/v1/tokens", {"url": "https://x:1", **said})
    assert reply.status == 400 and words in reply.json["message"], reply


@pytest.mark.parametrize("body", [
    "[]", "x", '{"channel":"a","channel":"b"}', '{"channel":"a"}x', '{"channel":"a\\u0000b"}',
    '{"channel":' + "[" * 20 + "]" * 20 + "}", '{"channel":"a","other":1}', b'{"channel":"\xff"}'])
def test_strict_json(operator, body):
    reply = operator.ask("POST", "/api/v1/channels", body=body)
    assert reply.status == 400 and "the body" in reply.json["message"]


def test_body_of_more_than_4_kb_is_refused(operator):
    assert operator.ask("POST", "/api/v1/channels", {"channel": "x" * 5000}).status == 413


def test_life_of_a_device(server, operator):
    device = server.enrol("subject")

    def polls():
        return server.request("GET", "/api/v1/manifest?project=p&chip=c", device=device).status

    assert polls() == 204
    shown = operator.get("/api/v1/devices/subject")["device"]
    assert shown["state"] == "enrolled" and shown["certificates"][0]["state"] == "good"
    operator.post("/api/v1/devices/subject/release")
    assert operator.get("/api/v1/devices/subject")["device"]["state"] == "released"
    operator.post("/api/v1/devices/subject/revoke")
    assert polls() == 403
    shown = operator.get("/api/v1/devices/subject")["device"]
    assert shown["state"] == "revoked" and shown["certificates"][0]["state"] == "revoked"
    operator.post("/api/v1/devices/subject/restore")
    assert polls() == 403  # its certificates stay revoked
    assert operator.ask("DELETE", "/api/v1/devices/subject").status == 200
    assert operator.ask("GET", "/api/v1/devices/subject").status == 404


def test_decisions_are_in_the_audit_log(server, operator):
    server.enrol("audited")
    operator.post("/api/v1/devices/audited/revoke")
    log = json.loads(run("audit", "show", server.folder, "--json").stdout)["entries"]
    assert [one["actor"] for one in log if one["action"] == "revoke device"
            and one["subject"] == "audited"] == ["operator api"]
    assert run("audit", "verify", server.folder).returncode == 0


def test_list_in_pieces(server, operator):
    for i in range(5):
        server.enrol(f"row-{i}")
    ids, after = [], ""
    while True:
        page = operator.get(f"/api/v1/devices?start=row-&most=2&after={after}")
        ids += [one["device"] for one in page["devices"]]
        after = page["next"]
        if not after:
            break
    assert ids == [f"row-{i}" for i in range(5)]
    assert operator.get("/api/v1/devices?start=row-%25")["devices"] == []
    for most in ("0", "1001", "x", "-1", "99999"):
        assert operator.ask("GET", f"/api/v1/devices?most={most}").status == 400


def test_summary_counts(server, operator):
    before = operator.get("/api/v1/summary")
    device = server.enrol("counted")
    server.request("POST", "/api/v1/report", device=device, body='{"state":"failed"}')
    after = operator.get("/api/v1/summary")
    assert after["devices"] == before["devices"] + 1
    assert after["need_attention"] == before["need_attention"] + 1
    assert after["seen_lately"] == before["seen_lately"] + 1


def test_release_is_made_public_and_hidden(operator):
    row = operator.release(project="openly", version="1")
    path = f"/api/v1/releases/{row['serial']}"
    assert not row["public"]
    assert operator.post(f"{path}/public", {"public": True})["public"]
    assert operator.get(path)["public"]
    assert not operator.post(f"{path}/public", {"public": False})["public"]
    for said in ({}, {"public": 1}, {"public": "true"}):
        assert operator.ask("POST", f"{path}/public", said).status == 400
    # Uploading once more with public=1 makes it public, and never hides it.
    assert operator.release(project="openly", version="1", public=1)["public"]
    assert operator.release(project="openly", version="1")["public"]


def test_channel_there_is_and_is_not(operator):
    operator.post("/api/v1/channels", {"channel": "once"})
    assert operator.ask("POST", "/api/v1/channels", {"channel": "once"}).status == 409
    assert operator.ask("POST", "/api/v1/channels", {"channel": "k", "key": "12"}).status == 400
    assert operator.ask("POST", "/api/v1/channels/nowhere/key", {"key": "none"}).status == 404
    assert operator.ask("POST", "/api/v1/channels/once/key", {}).status == 400
    assert operator.post("/api/v1/channels/once/key", {"key": "ab" * 32})["channel"]["key"]
    assert operator.ask("POST", "/api/v1/groups/g/follow", {"channel": "nowhere"}).status == 404
    # A word mistyped is not a wish to withdraw it everywhere.
    row = operator.release(project="typo", version="1")
    path = f"/api/v1/releases/{row['serial']}/withdraw"
    assert operator.ask("POST", path, {"chanel": "once"}).status == 400
    assert operator.get(f"/api/v1/releases/{row['serial']}")["channels"] == ["stable"]


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/api/v1/devices/nobody", 404), ("GET", "/api/v1/devices/..%2f..%2fferryd.db", 400),
    ("GET", "/api/v1/devices/%FF%FE", 404), ("POST", "/api/v1/devices/nobody/revoke", 404),
    ("POST", "/api/v1/devices/nobody/explode", 404), ("POST", "/api/v1/devices/nobody", 404),
    ("DELETE", "/api/v1/devices/nobody", 404),
    ("POST", "/api/v1/devices/" + "x" * 200 + "/revoke", 404),
    ("DELETE", "/api/v1/tokens/12345", 400), ("DELETE", "/api/v1/tokens/zzzzzz", 400),
    ("DELETE", "/api/v1/tokens/000000", 404), ("GET", "/api/v1/releases/99999", 404),
    ("GET", "/api/v1/releases/x", 400), ("GET", "/api/v1/releases/00000000", 404),
    ("GET", "/api/v1/releases/..%2f..%2fca%2fissuing.key", 400),
    ("GET", "/api/v1/releases/%25%25%25%25%25%25%25%25", 400),
    ("POST", "/api/v1/releases/1/explode", 404), ("POST", "/api/v1/releases?public=yes", 400),
    ("PUT", "/api/v1/channels", 405), ("GET", "/api/v1/firmware/" + "0" * 64 + ".bin", 404),
    ("GET", "/api/v1/devices?group=%FF", 200), ("GET", "/%2e%2e/ferryd.conf", 400),
])
def test_what_is_not_there(operator, method, path, status):
    reply = operator.ask(method, path)
    assert reply.status in (status, 404), reply
    if reply.status != 200:
        assert not reply.json["ok"] and reply.json["message"]
