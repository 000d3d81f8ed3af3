"""TLS of the devices' door: what is spoken, sessions that are resumed on any instance, certificates
that are verified once and revoked at once."""

import re
import shutil
import socket
import ssl
import subprocess

import pytest
from ferryd import run

MANIFEST = "/api/v1/manifest?project=p&chip=esp32c3&version=1&slot_bytes=1000000"
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


@pytest.fixture(scope="module")
def device(server):
    return server.enrol("tls")


def set_revoked(server, name, revoked):
    server.sql(f"UPDATE device SET revoked = {revoked} WHERE id = '{name}'")


def resume(server, context, session):
    """A connection that offers a ticket."""
    return context.wrap_socket(socket.create_connection(server.address("devices")),
                               server_hostname="127.0.0.1", session=session)


def s_client(server, *words, stdin=b""):
    """What openssl says when it connects."""
    host, port = server.address("devices")
    done = subprocess.run(["openssl", "s_client", "-connect", f"{host}:{port}", *map(str, words)],
                          input=stdin, capture_output=True, timeout=20, check=False)
    return (done.stdout + done.stderr).decode(errors="replace")


@pytest.mark.parametrize("version", VERSIONS)
def test_session_is_resumed(server, device, version):
    """With the ticket alone, also by another process with the same key, and the certificate is
    still known."""
    with server.connect("devices", device, VERSIONS[version]) as first:
        assert server.request("GET", MANIFEST, sock=first).status == 204
        session = (first.context, first.session)
    before = server.metrics()
    server.stop()
    port = server.address("devices")[1]
    server.configure(devices_listen=f"127.0.0.1:{port}")
    server.start()
    with resume(server, *session) as second:
        assert server.request("GET", MANIFEST, sock=second).status == 204
        assert second.session_reused
    assert before['ferryd_tls_handshakes_total{kind="full"}'] > 0
    assert server.metrics()['ferryd_tls_handshakes_total{kind="resumed"}'] == 1


def test_openssl_reconnects_with_its_ticket(server, tmp_path):
    kept = tmp_path / "session"
    request = b"GET /api/v1/cacerts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    first = s_client(server, "-sess_out", kept, "-ign_eof", stdin=request)
    assert "New, TLSv1.3" in first
    assert "Reused, TLSv1.3" in s_client(server, "-sess_in", kept, "-ign_eof", stdin=request)
    assert s_client(server, "-tls1_2", "-reconnect").count("Reused, TLSv1.2") == 5


def test_ticket_of_another_key_is_a_full_handshake(server, device):
    """It is not an error, and not a resumption."""
    with server.connect("devices", device, VERSIONS["1.2"]) as first:
        assert server.request("GET", MANIFEST, sock=first).status == 204
        context, session = first.context, first.session
    server.stop()
    (server.folder / "tickets.key").unlink()
    server.start()
    assert (server.folder / "tickets.key").stat().st_mode & 0o777 == 0o600
    with resume(server, context, session) as second:
        assert server.request("GET", MANIFEST, sock=second).status == 204
        assert not second.session_reused


def test_chain_is_verified_once_and_row_read_each_time(server, device):
    count = "ferryd_certificates_verified_total"
    server.reload()  # which forgets verdicts
    before = server.metrics()[count]
    with server.connect("devices", device) as sock:
        for _ in range(5):
            assert server.request("GET", MANIFEST, sock=sock).status == 204
        set_revoked(server, "tls", 1)
        try:
            assert server.request("GET", MANIFEST, sock=sock).status == 403
        finally:
            set_revoked(server, "tls", 0)
        assert server.request("GET", MANIFEST, sock=sock).status == 204
        assert server.request("GET", MANIFEST, device=device).status == 204
        assert server.metrics()[count] == before + 1
        server.reload()  # of a connection that stands too
        for _ in range(2):
            assert server.request("GET", MANIFEST, sock=sock).status == 204
        assert server.metrics()[count] == before + 2


@pytest.mark.parametrize("version", VERSIONS)
def test_revocation_counts_for_a_resumed_session(server, device, version):
    """The ticket carries the certificate, not a verdict."""
    with server.connect("devices", device, VERSIONS[version]) as first:
        assert server.request("GET", MANIFEST, sock=first).status == 204
        context, session = first.context, first.session
    set_revoked(server, "tls", 1)
    try:
        with resume(server, context, session) as second:
            assert second.session_reused
            assert server.request("GET", MANIFEST, sock=second).status == 403
    finally:
        set_revoked(server, "tls", 0)


def test_without_a_certificate_the_connection_stands_and_the_route_refuses(server):
    with server.connect("devices") as sock:
        assert server.request("GET", MANIFEST, sock=sock).status == 401
        assert server.request("GET", "/api/v1/cacerts", sock=sock).status == 200


def test_foreign_certificate_is_refused(server, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=tls", "-keyout",
                    tmp_path / "key.pem", "-out", tmp_path / "cert.pem"], check=True,
                   capture_output=True)

    class Foreign:
        key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"

    assert server.request("GET", MANIFEST, device=Foreign).status == 401


def test_server_s_own_certificate_is_no_client(server):
    class Own:
        key, cert = server.folder / "ca/server.key", server.folder / "ca/server.pem"

    assert server.request("GET", MANIFEST, device=Own).status == 401


@pytest.mark.parametrize("old", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused(server, old):
    said = s_client(server, old, "-cipher", "ALL:@SECLEVEL=0")
    assert "Cipher is (NONE)" in said, said


@pytest.mark.parametrize("weak", ["AES128-SHA256", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256",
                                  "DHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-CCM8"])
def test_suites_without_ecdhe_and_aead_are_refused(server, weak):
    said = s_client(server, "-tls1_2", "-cipher", weak + ":@SECLEVEL=0")
    assert "Cipher is (NONE)" in said, said


@pytest.mark.parametrize("good", ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                                  "ECDHE-ECDSA-CHACHA20-POLY1305"])
def test_suites_of_an_esp32_are_spoken(server, good):
    assert f"Cipher is {good}" in s_client(server, "-tls1_2", "-cipher", good, "-curves", "P-256")


def test_renegotiation_ends_the_connection(server):
    """The client's wish for a new handshake is not granted."""
    said = s_client(server, "-tls1_2", stdin=b"R\n")
    assert "RENEGOTIATING" in said
    assert re.search(r"no renegotiation|handshake failure|unexpected eof|error", said), said


def test_sslscan_finds_nothing_weak(server):
    if not shutil.which("sslscan"):
        pytest.fail("sslscan is not installed; run `make setup`", pytrace=False)
    host, port = server.address("devices")
    said = subprocess.run(["sslscan", "--no-colour", "--sni-name=localhost", f"{host}:{port}"],
                          capture_output=True, text=True, timeout=60, check=True).stdout
    for version in ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"):
        assert re.search(rf"^{version}\s+disabled", said, re.M), said
    for version in ("TLSv1.2", "TLSv1.3"):
        assert re.search(rf"^{version}\s+enabled", said, re.M), said
    suites = re.findall(r"^(?:Preferred|Accepted)\s+(\S+)\s+\d+ bits\s+(\S+)", said, re.M)
    assert len(suites) >= 6
    groups = re.findall(r"^TLSv1\.[23]\s+(\d+) bits", said, re.M)
    assert groups and min(map(int, groups)) >= 128, said
    for version, suite in suites:
        assert re.search("GCM|CHACHA20", suite), suite
        assert version == "TLSv1.3" or suite.startswith("ECDHE-"), suite
    assert "Compression disabled" in said or "OpenSSL version does not support compression" in said
    assert "heartbleed" in said and "vulnerable to heartbleed" not in said.replace(
        "not vulnerable to heartbleed", "")
    assert "Session renegotiation not supported" in said or "Secure session renegotiation" in said


def test_reload_takes_a_new_certificate(server):
    """Connections that stand keep theirs; new ones get the new one."""
    def serial(sock):
        return sock.getpeercert()["serialNumber"]

    with server.connect("devices") as old:
        before = serial(old)
        run("ca", "new-server", server.folder)
        server.reload()
        assert server.request("GET", "/api/v1/cacerts", sock=old).status == 200
        with server.connect("devices") as new:
            assert serial(new) != before


@pytest.mark.parametrize("name, bad", [
    ("server.pem", lambda good: good[:100]), ("server.pem", lambda good: b""),
    ("server.key", lambda good: good[:100]),
    ("server.key", lambda good: subprocess.run(
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout"], check=True,
        capture_output=True).stdout)], ids=["cut", "empty", "cut key", "another key"])
def test_reload_of_a_broken_certificate_keeps_the_old_one(server, name, bad):
    path = server.folder / "ca" / name
    good = path.read_bytes()
    before = server.log.read_text().count("what=certificate state=failed")
    path.write_bytes(bad(good))
    try:
        server.reload()
        assert server.log.read_text().count("what=certificate state=failed") == before + 1
        assert server.request("GET", "/api/v1/cacerts").status == 200
    finally:
        path.write_bytes(good)
        server.reload()
