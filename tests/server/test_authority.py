"""The authority: one CA after another, and commands that are cut. What takes years: test_years."""

import base64
import os
import re
import signal
import socket
import ssl
import stat
import subprocess
import time

import applicant
import ferryd
import images
import pytest
from applicant import Applicant, command, counts, enrolled, ok, token
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7
from test_updater import Unit, join_of, release

DAY_S = 86400
KILLS = 15


@pytest.fixture
def server(new_server, tmp_path):
    """One whose root key has been taken away, with a device."""
    it = new_server(settings=applicant.ASKS_MUCH).start()
    (it.folder / "ca" / "root.key").rename(tmp_path / "root.key")
    it.root_key = tmp_path / "root.key"
    it.device = enrolled(it, tmp_path, "pump")
    return it


def issuers(server):
    return {e["sha256"]: e for e in ok(server, "ca show")["certificates"] if e["role"] == "issuing"}


def test_a_new_issuing_ca_follows_while_the_former_is_trusted(server, tmp_path):
    former = next(iter(issuers(server)))
    code, answer = command(server, "ca new-issuing", "--root-key", server.folder / "ca/issuing.key")
    assert code == 1 and "not the key of ca/root.pem" in answer["error"]
    current = ok(server, "ca new-issuing", "--root-key", server.root_key)["sha256"]
    assert counts(server.device)
    server.reload()
    reply = server.device.poll()
    assert reply.status in (200, 204) and reply.headers["Ferry-Renew"] == "1"
    assert counts(enrolled(server, tmp_path, "new"))
    code, answer = command(server, "ca forget", former)
    assert code == 1 and "--force" in answer["error"]
    time.sleep(1.1)  # "newest" is told in seconds
    assert server.device.renew().status == 200 and counts(server.device)
    assert "Ferry-Renew" not in server.device.poll().headers
    rows = issuers(server)
    assert set(rows) == {former, current} and rows[current]["current"]
    assert (rows[former]["devices"], rows[current]["devices"]) == (0, 2)
    ok(server, "ca forget", former)
    server.reload()
    assert counts(server.device) and set(issuers(server)) == {current}
    assert not (server.folder / "ca" / "root.key").exists()


def speaks(server, roots, device=None):
    """Whether a client with these roots believes the server."""
    context = ssl.create_default_context(cafile=str(roots))
    if device:
        context.load_cert_chain(device.cert, device.key)
    sock = socket.create_connection(server.address("devices"), timeout=20)
    try:
        context.wrap_socket(sock, server_hostname="localhost").close()
        return True
    except ssl.SSLCertVerificationError:
        return False
    finally:
        sock.close()


def verified_by_openssl(server, roots):
    host, port = server.address("devices")
    done = subprocess.run(["openssl", "s_client", "-connect", f"{host}:{port}", "-CAfile", roots,
                           "-verify_return_error", "-tls1_2"], input=b"", timeout=20, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return b"Verify return code: 0" in done.stdout


def test_a_new_root_is_reached_from_the_old_one_and_taken_over(server, tmp_path):
    old, first_join = tmp_path / "old.pem", token(server, "--device", "late")
    old.write_bytes((server.folder / "ca" / "root.pem").read_bytes())
    pinned = ferryd.run("token", "new", server.folder, "--json", "--url=https://x:1")
    assert x509.load_pem_x509_certificate(old.read_bytes()).fingerprint(
        applicant.hashes.SHA256()).hex() in pinned.stdout
    pin = ok(server, "ca new-root", "--root-key", server.root_key)["sha256"]
    server.reload()
    new = tmp_path / "new.pem"
    new.write_bytes((server.folder / "ca" / "root.pem").read_bytes())
    assert pin in ferryd.run("token", "new", server.folder, "--json", "--url=https://x:1").stdout
    # Who knows either root alone believes the server: by Python, and by openssl over TLS 1.2.
    for roots in (old, new):
        assert speaks(server, roots, server.device) and verified_by_openssl(server, roots)
    # The fixture's requests pin ca/root.pem, the new one by now; the old certificate counts.
    assert counts(server.device) and server.device.poll().headers["Ferry-Renew"] == "1"
    est = server.request("GET", "/.well-known/est/cacerts").body
    offered = pkcs7.load_der_pkcs7_certificates(base64.b64decode(est))
    taken = x509.load_pem_x509_certificates(server.request("GET", "/api/v1/cacerts").body)
    assert [c.public_bytes(applicant.PEM).strip() for c in taken] == \
        [p.read_bytes().strip() for p in (new, old)]
    by_name = {}
    for cert in offered:
        by_name.setdefault(cert.subject, set()).add(cert.issuer)
    roots = {c.subject for c in offered if c.subject == c.issuer}
    assert len(roots) == 2
    assert all(by_name[root] == roots for root in roots)  # each signed by itself and the other
    sha256 = next(e["sha256"] for e in ok(server, "ca show")["certificates"]
                  if e["role"] == "root" and not e["current"])
    code, answer = command(server, "ca forget", sha256)
    assert code == 1 and "device rests on" in answer["error"]
    device = Applicant(server, tmp_path / "late")
    assert device.enrol(first_join).status == 200  # a join string of before
    assert server.device.renew().status == 200 and counts(server.device)
    chain = x509.load_pem_x509_certificates(server.device.cert.read_bytes())
    chain[1].verify_directly_issued_by(taken[0])
    # The end of the overlap.
    former = [e["sha256"] for e in ok(server, "ca show")["certificates"]
              if not e["current"] and e["role"] in ("root", "issuing")]
    for sha256 in former:
        ok(server, "ca forget", sha256, "--force")
    server.reload()
    assert counts(server.device) and speaks(server, new) and not speaks(server, old)
    assert len(ok(server, "ca show")["certificates"]) == 2


def lines(server, path, device):
    """What the log has of a device's good requests."""
    return [line for line in server.log.read_text().splitlines()
            if path in line and f"device={device} " in line and re.search("status=20[04]", line)]


def test_a_device_follows_to_a_new_root_by_itself(server, ferry, tmp_path):
    """ferry's own agent, which keeps little: it renews, learns the new root, and needs no other."""
    (tmp_path / "unit").mkdir()
    unit = Unit(ferry, tmp_path / "unit" / "dev")
    release(server, tmp_path, "1.0.0")
    unit.enroll(join_of(server, device="agent-1"))
    for _ in range(2):
        root_key = server.root_key if server.root_key.exists() else tmp_path / "next.key"
        ok(server, "ca new-root", "--root-key", root_key)
        (server.folder / "ca" / "root.key").rename(tmp_path / "next.key")
        server.root_key.unlink(missing_ok=True)
        server.reload()
        time.sleep(1.1)  # "newest" is told in seconds
        said = unit.live("--once", "--power-cycle")
        assert lines(server, "/api/v1/renew", "agent-1"), said
        for entry in ok(server, "ca show")["certificates"]:
            if not entry["current"] and entry["role"] in ("root", "issuing"):
                command(server, "ca forget", entry["sha256"], "--force")
        server.reload()
        seen = len(lines(server, "/api/v1/manifest", "agent-1"))
        said = unit.live("--once", "--power-cycle")
        assert len(lines(server, "/api/v1/manifest", "agent-1")) > seen, said


def test_three_roots_in_a_row_are_one_chain(server, tmp_path):
    old = tmp_path / "old.pem"
    old.write_bytes((server.folder / "ca" / "root.pem").read_bytes())
    ok(server, "ca new-root", "--root-key", server.root_key)
    (server.folder / "ca" / "root.key").rename(tmp_path / "second.key")
    second = tmp_path / "second.pem"
    second.write_bytes((server.folder / "ca" / "root.pem").read_bytes())
    ok(server, "ca new-root", "--root-key", tmp_path / "second.key")
    server.reload()
    for roots in (old, second, server.folder / "ca" / "root.pem"):
        assert speaks(server, roots) and verified_by_openssl(server, roots)
    assert counts(server.device)


def rests(server):
    """How many devices rest on each issuing CA: what `ca show` says, by SHA-256."""
    return {sha256: row["devices"] for sha256, row in issuers(server).items()}


def test_forgotten_is_only_what_nobody_rests_on(server, tmp_path):
    """Each kind of device once; that of the fixture has renewed twice and is one all the same."""
    devices = {name: enrolled(server, tmp_path, name) for name in ("drawer", "gone", "stolen")}
    time.sleep(1.1)  # "newest" is told in seconds
    server.device.secret = applicant.new_key()
    csr = server.device.csr()
    assert server.request("POST", "/api/v1/renew", device=server.device, body=csr).status == 200
    ok(server, "device revoke", "stolen")
    now, day = int(time.time()), DAY_S
    for name, ago in (("drawer", 364), ("gone", 366)):  # a year is given to renew
        server.sql(f"UPDATE certificate SET not_after = {now - ago * day} WHERE device = '{name}'")
    (former, n), = rests(server).items()
    assert n == 2
    server.sql(f"UPDATE certificate SET issued = issued - {day}")
    ok(server, "ca new-issuing", "--root-key", server.root_key)
    server.reload()
    code, answer = command(server, "ca forget", former)
    assert code == 1 and answer["error"].startswith("2 devices rest on ferry issuing CA")
    assert server.device.renew(csr).status == 200
    code, answer = command(server, "ca forget", former)
    assert code == 1 and answer["error"].startswith("1 device rests on ferry issuing CA")
    assert devices["drawer"].renew().status == 200
    assert rests(server)[former] == 0
    ok(server, "ca forget", former)


def test_a_forgotten_ca_s_devices_are_out_after_the_reload(new_server, tmp_path):
    """At both doors, whatever was found right before: verdicts are kept for a connection, and for
    what a proxy shows."""
    server = new_server(settings={"proxy_listen": "unix:proxy.sock"}).start()
    device, path = server.enrol("lost"), "/api/v1/manifest?project=p&chip=esp32c3"
    kept = server.connect("devices", device)

    def statuses():
        shown = [{"Ferry-Client-Cert": what} for what in (device.escaped_cert, device.serial)]
        return [server.request("GET", path, sock=kept).status,
                server.request("GET", path, device=device).status,
                *(server.request("GET", path, "proxy", headers=each).status for each in shown)]

    assert statuses() == [204] * 4
    (former,) = issuers(server)
    ok(server, "ca new-issuing", "--root-key", server.folder / "ca/root.key")
    server.reload()
    assert statuses() == [204] * 4
    ok(server, "ca forget", former, "--force")
    server.reload()
    assert set(statuses()) <= {401, 403}


def test_a_root_between_two_is_kept_for_the_older_one_s_devices(server, tmp_path):
    """The chain from the newest root to the oldest leads over it."""
    old = tmp_path / "old.pem"
    old.write_bytes((server.folder / "ca" / "root.pem").read_bytes())
    oldest = next(iter(issuers(server)))
    ok(server, "ca new-root", "--root-key", server.root_key)
    (server.folder / "ca" / "root.key").rename(tmp_path / "second.key")
    ok(server, "ca new-root", "--root-key", tmp_path / "second.key")
    rows = ok(server, "ca show")["certificates"]
    signers = {row["sha256"]: row["issuer"] for row in rows if row["role"] == "issuing"}
    roots = {row["name"]: row["sha256"] for row in rows if row["role"] == "root"}
    middle = next(row["sha256"] for row in rows if row["role"] == "root" and not row["current"]
                  and row["name"] != signers[oldest])
    cross = [row["sha256"] for row in rows if row["role"] == "cross"]
    assert len(cross) == 4
    for sha256 in cross:
        code, answer = command(server, "ca forget", sha256)
        assert code == 1 and "goes with its root" in answer["error"]
    for sha256 in (middle, roots[signers[oldest]]):
        code, answer = command(server, "ca forget", sha256)
        assert code == 1 and "1 device rests on ferry root" in answer["error"]
    server.reload()
    assert speaks(server, old, server.device)
    time.sleep(1.1)  # "newest" is told in seconds
    assert server.device.renew().status == 200
    for row in rows:  # in any order, now that nobody rests on them
        if not row["current"] and row["role"] in ("root", "issuing"):
            ok(server, "ca forget", row["sha256"])
    server.reload()
    assert counts(server.device) and not speaks(server, old)


def test_the_server_s_certificate_follows_without_the_root(server):
    ok(server, "ca new-server", "--host", "other.example", "--host", "127.0.0.1")
    before = x509.load_pem_x509_certificate(
        ssl.get_server_certificate(server.address("devices")).encode())
    server.reload()
    after = x509.load_pem_x509_certificate(
        ssl.get_server_certificate(server.address("devices")).encode())
    assert before.serial_number != after.serial_number
    names = after.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(n.value) for n in names] == ["other.example", "127.0.0.1"]


class Cutter:
    """Kills commands, each later in its life than the last, until one has come to its end; then
    from the beginning. So kills fall all over them however busy the machine is."""

    def __init__(self):
        self.n_cut, self.after_s = 0, 0.0

    def cut(self, *words):
        process = subprocess.Popen([str(ferryd.FERRYD), *map(str, words)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(self.after_s)
        process.send_signal(signal.SIGKILL)
        is_cut = process.wait(20) == -signal.SIGKILL
        self.n_cut += is_cut
        self.after_s = self.after_s * 1.5 + 0.004 if is_cut else 0.0


def test_a_change_of_the_authority_that_is_cut_leaves_a_whole_one(server):
    cutter, seen = Cutter(), set()
    for _ in range(KILLS):
        cutter.cut("ca", "new-issuing", server.folder, "--root-key", server.root_key)
        rows = ok(server, "ca show")["certificates"]  # reads all, and that keys fit
        assert sum(row["current"] for row in rows) == 2
        seen.add(next(r["sha256"] for r in rows if r["role"] == "issuing" and r["current"]))
        server.reload()
        assert counts(server.device)
        assert "state=failed" not in server.log.read_text()
    assert cutter.n_cut >= 5 and len(seen) >= 2
    ok(server, "ca new-server")
    assert not (server.folder / "ca.new").exists()


def test_an_init_that_is_cut_leaves_nothing_in_its_place(databases, tmp_path):
    """A database of PostgreSQL stays, with what the cut one has put there; the next takes it."""
    cutter, words = Cutter(), ["--host=localhost"]
    if databases:
        words += ["--database", databases.where(databases.new_database())]
    for i in range(KILLS):
        place = tmp_path / f"state{i}"
        cutter.cut("init", place, *words)
        if place.exists():
            assert ferryd.run("ca", "show", place, check=False).returncode == 0
        else:
            ferryd.run("init", place, *words)
    assert cutter.n_cut >= 5


def test_init_makes_secrets_for_their_owner_and_only_once(tmp_path):
    place = tmp_path / "state"
    old_mask = os.umask(0)
    try:
        made = ferryd.run("init", place, "--host=localhost").stdout
    finally:
        os.umask(old_mask)
    for path in [place, *place.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    before = {p: p.read_bytes() for p in place.rglob("*") if p.is_file()}
    again = ferryd.run("init", place, check=False)
    assert again.returncode == 1 and "not empty" in again.stderr
    assert before == {p: p.read_bytes() for p in place.rglob("*") if p.is_file()}
    admin = made.split("admin token")[1].split()[0]
    assert len(admin) == 32 and all(admin.encode() not in data for data in before.values())
    assert [p.name for p in tmp_path.iterdir()] == ["state"]


def test_what_root_does_is_the_owner_s_of_the_folder(tmp_path):
    """A service runs as a user of its own, and could not read root's files. Who is not root can
    give nothing away, and finds the files its own."""
    place, image = tmp_path / "state", tmp_path / "app.bin"
    ferryd.run("init", place, "--host=localhost")
    owner = 65534 if os.geteuid() == 0 else os.geteuid()
    for path in [place, *place.rglob("*")]:
        os.chown(path, owner, -1)
    image.write_bytes(images.app())
    ferryd.run("release", "add", place, image)
    ferryd.run("token", "new", place, "--url=https://x:1")
    for words in (["new-root", "--root-key", place / "ca/root.key"], ["new-server"]):
        ferryd.run("ca", words[0], place, *words[1:])
    made = [place, *place.rglob("*")]
    assert {path.stat().st_uid for path in made} == {owner}
    assert [path for path in made if path.parent.name == "blobs"]


@pytest.mark.parametrize("words, said", [
    (["--host=a b"], "neither a name nor an address"),
    (["--host=-x"], "neither a name nor an address"),
    (["--listen=nowhere"], "devices_listen"),
    (["--database=mysql:x"], "sqlite:PATH"),
    (["--url=http://x"], "devices_url"),
])
def test_init_refuses_what_it_cannot_do(words, said, tmp_path):
    done = ferryd.run("init", tmp_path / "state", *words, check=False)
    assert done.returncode == 2 and said in done.stderr
    assert not list(tmp_path.iterdir())
