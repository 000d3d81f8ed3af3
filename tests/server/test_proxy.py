"""Identity: believed from the connection's TLS, or from a proxy at the proxy's door, and from
nobody else."""

import socket
import subprocess

import pytest
import raw
from ferryd import run

MANIFEST = "/api/v1/manifest?project=p&chip=esp32c3&version=1&slot_bytes=1000000"


@pytest.fixture(scope="module")
def server(new_server):
    one = new_server(settings={
        "proxy_listen": "127.0.0.1:0", "proxy_from": "127.0.0.2/32 ::1/128",
        "public_listen": "127.0.0.1:0"}).start()
    yield one
    assert one.stop() == 0


@pytest.fixture(scope="module")
def device(server):
    return server.enrol("proxied")


def connect(server, source="127.0.0.2"):
    return socket.create_connection(server.address("proxy"), source_address=(source, 0))


def through_proxy(server, headers, source="127.0.0.2"):
    with connect(server, source) as sock:
        return server.request("GET", MANIFEST, sock=sock, headers=headers)


def test_proxy_speaks_for_a_device(server, device):
    reply = through_proxy(server, {"Ferry-Client-Cert": device.escaped_cert})
    assert reply.status == 204


def test_address_of_the_client_is_what_the_proxy_says(server, device):
    through_proxy(server, {"Ferry-Client-Cert": device.escaped_cert,
                           "Ferry-Client-Address": "198.51.100.7"})
    assert server.logs("client=198.51.100.7 device=proxied")


@pytest.mark.parametrize("address", ["x", "198.51.100.7 event=forged", "", "1.2.3"])
def test_address_that_is_none_is_passed_over(server, device, address):
    reply = through_proxy(server, {"Ferry-Client-Cert": device.escaped_cert,
                                   "Ferry-Client-Address": address})
    assert reply.status == 204
    assert "event=forged" not in server.log.read_text()


def test_other_networks_are_cut_off(server, device):
    with pytest.raises((ConnectionError, OSError)):
        through_proxy(server, {"Ferry-Client-Cert": device.escaped_cert}, source="127.0.0.3")


@pytest.mark.parametrize("door", ["devices", "public", "admin"])
@pytest.mark.parametrize("shown", ["escaped_cert", "serial"])
def test_spoofed_identity_is_not_believed(server, device, door, shown):
    """At any other door the headers are nobody's words."""
    reply = server.request("GET", MANIFEST, door, headers={
        "Ferry-Client-Cert": getattr(device, shown), "Ferry-Client-Address": "198.51.100.9"})
    assert reply.status == (401 if door == "devices" else 404)
    assert "client=198.51.100.9" not in server.log.read_text()


def test_spoofed_identity_beside_a_certificate_is_not_believed(server, device):
    other = server.enrol("other")
    reply = server.request("GET", MANIFEST, device=other,
                           headers={"Ferry-Client-Cert": device.escaped_cert})
    assert reply.status == 204
    assert server.logs("client=127.0.0.1 device=other")


@pytest.mark.parametrize("cert", ["", "%", "%4", "%zz", "nonsense", "-----BEGIN%20CERTIFICATE-----",
                                  "%00" * 100, "A" * 7000])
def test_certificate_that_is_none_is_refused(server, cert):
    assert through_proxy(server, {"Ferry-Client-Cert": cert}).status in (400, 401)


def test_number_of_what_the_proxy_has_verified_is_enough(server, device):
    count = "ferryd_certificates_verified_total"
    before = server.metrics()[count]
    for shown in (device.serial, device.serial.lower()):
        assert through_proxy(server, {"Ferry-Client-Cert": shown}).status == 204
    assert server.metrics()[count] == before
    assert server.logs("client=127.0.0.2 device=proxied")


@pytest.mark.parametrize("number, status", [
    ("", 401), ("x", 401), ("4A 00", 401), ("%34", 401), ("4" * 41, 401), ("-1", 401),
    ("4", 403), ("07", 403), ("4" * 31, 403), ("4" * 32, 403), ("4" * 40, 403)])
def test_number_that_is_none_of_ours_is_refused(server, device, number, status):
    reply = through_proxy(server, {"Ferry-Client-Cert": f"serial={number}"})
    assert reply.status == status
    assert status == 401 or "not in our records" in reply.json["message"]


def test_number_with_more_around_it_is_refused(server, device):
    for shown in (device.serial + "0", device.serial[:-1], f" {device.serial},",
                  device.serial + "%00", "serial=" + device.serial):
        assert through_proxy(server, {"Ferry-Client-Cert": shown}).status in (401, 403)


def test_foreign_certificate_is_refused(server, device, tmp_path):
    """One that says the same but is signed by somebody else."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=proxied", "-keyout",
                    tmp_path / "k.pem", "-out", tmp_path / "c.pem"], check=True,
                   capture_output=True)
    escaped = (tmp_path / "c.pem").read_text().replace("+", "%2B").replace("\n", "%0A").replace(
        " ", "%20")
    assert through_proxy(server, {"Ferry-Client-Cert": escaped}).status == 401


def test_two_certificates_are_refused(server, device):
    line = f"Ferry-Client-Cert: {device.escaped_cert}\r\n".encode()
    with connect(server) as sock:
        answer, _ = raw.send(sock, b"GET " + MANIFEST.encode() + b" HTTP/1.1\r\nHost: x\r\n"
                             + line + line + b"\r\n", 3)
    assert raw.statuses(answer) == [400]


def test_chain_is_verified_once(server):
    """For all connections of the proxy; until the authority is read again."""
    device, count = server.enrol("often"), "ferryd_certificates_verified_total"
    before = server.metrics()[count]
    for _ in range(5):
        assert through_proxy(server, {"Ferry-Client-Cert": device.escaped_cert}).status == 204
    assert server.metrics()[count] == before + 1
    server.reload()
    assert through_proxy(server, {"Ferry-Client-Cert": device.escaped_cert}).status == 204
    assert server.metrics()[count] == before + 2


def test_revocation_counts_behind_a_proxy_too(server):
    late = server.enrol("late")
    assert through_proxy(server, {"Ferry-Client-Cert": late.escaped_cert}).status == 204
    assert through_proxy(server, {"Ferry-Client-Cert": late.serial}).status == 204
    run("device", "revoke", server.folder, "late")
    assert through_proxy(server, {"Ferry-Client-Cert": late.escaped_cert}).status == 403
    assert through_proxy(server, {"Ferry-Client-Cert": late.serial}).status == 403


def test_socket_of_the_proxy_is_its_group_s(new_server):
    one = new_server(settings={"proxy_listen": "unix:proxy.sock"}).start()
    path = one.folder / "proxy.sock"
    try:
        assert path.stat().st_mode & 0o777 == 0o660
        one.process.kill()
        one.process.wait()
        one.start()  # over the socket that the dead one has left
    finally:
        assert one.stop() == 0
    assert not path.exists()
