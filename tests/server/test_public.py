"""The doors without names and secrets: plain http and the sample TCP protocol, closed unless an
operator opens them, and serving nothing but what is marked public."""

import hashlib
import json
import re
import socket
import struct
import subprocess
import threading
import time
import zlib

import images
import pytest
import raw
from operators import FERRY, Operator

DOORS = {"public_listen": "127.0.0.1:0", "tcp_listen": "127.0.0.1:0", "tcp_channel": "stable"}
OPEN = images.app(version="2.0.0", size=50000)


@pytest.fixture(scope="module")
def server(new_server):
    one = new_server(settings=DOORS).start()
    yield one
    assert one.stop() == 0, one.log.read_text()[-2000:]


@pytest.fixture(scope="module")
def operator(server):
    one = Operator(server)
    assert one.upload(OPEN, public=1).status == 200
    one.release(version="3.0.0")  # newer, and not public
    return one


def get(server, path, headers=None, method="GET"):
    return server.request(method, path, "public", headers=headers)


def update(tmp_path, source, *options):
    """`ferry update` of a virtual device that runs 1.0.0; what it says."""
    device = tmp_path / "device"
    (tmp_path / "table.bin").write_bytes(images.table())
    (tmp_path / "v1.bin").write_bytes(images.app(version="1.0.0", size=30000))
    subprocess.run([FERRY, "device", "new", device, "--chip=esp32c3",
                    f"--flash-size={images.FLASH}", "--partitions", tmp_path / "table.bin",
                    "--app", f"ota_0={tmp_path / 'v1.bin'}"], check=True, capture_output=True)
    subprocess.run([FERRY, "device", "boot", device], check=True, capture_output=True)
    done = subprocess.run([FERRY, "update", device, source, *options, "--json"], text=True,
                          capture_output=True, timeout=60)
    flash = (device / "flash.bin").read_bytes()
    return done, images.partition(flash, "ota_1")


def test_closed_by_default(new_server):
    server = new_server().start()
    try:
        assert set(server.doors) == {"devices", "admin"}
        for door in server.doors:
            assert server.request("GET", "/public/stable.json", door).status == 404
    finally:
        assert server.stop() == 0


def test_manifest_is_the_micropython_tool_s(server, operator):
    reply = get(server, "/public/stable.json")
    assert reply.status == 200 and reply.headers["Content-Type"] == "application/json"
    assert reply.headers["Cache-Control"].startswith("public")
    manifest = reply.json
    sha = hashlib.sha256(OPEN).hexdigest()
    assert manifest["sha"] == sha and manifest["length"] == len(OPEN)
    assert manifest["firmware"] == f"{sha}.bin"
    firmware = f"/public/{sha}.bin"
    assert get(server, firmware).body == OPEN
    again = get(server, "/public/stable.json", {"If-None-Match": reply.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    part = get(server, firmware, {"Range": "bytes=100-199"})
    assert (part.status, part.body) == (206, OPEN[100:200])
    assert get(server, firmware, method="HEAD").headers["Content-Length"] == str(len(OPEN))


def test_ferry_update_takes_it(server, operator, tmp_path):
    done, slot = update(tmp_path, server.doors["public"] + "/public/stable.json")
    assert done.returncode == 0, done.stderr
    assert slot[:len(OPEN)] == OPEN


def test_micropython_client_takes_it(server, operator):
    """What micropython-esp32-ota does: HTTP/1.0, three keys, and a name that is no address and does
    not begin with / is looked for beside the JSON."""
    path = "/public/stable.json"
    host, port = server.address("public")

    def fetch(path):
        with socket.create_connection((host, port)) as sock:
            sock.sendall(f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            stream = sock.makefile("rb")
            status = stream.readline().split()[1]
            while stream.readline() not in (b"\r\n", b""):
                pass
            return int(status), stream.read()

    status, text = fetch(path)
    manifest = json.loads(text)
    assert status == 200 and {"firmware", "sha", "length"} <= manifest.keys()
    assert not manifest["firmware"].startswith(("https:", "http:", "/"))
    status, image = fetch(path.rsplit("/", 1)[0] + "/" + manifest["firmware"])
    assert status == 200 and len(image) == manifest["length"]
    assert hashlib.sha256(image).hexdigest() == manifest["sha"]


def test_what_is_not_public_is_not_there(server, operator):
    row = operator.release(project="secret", version="1")
    assert get(server, f"/public/{row['sha256']}.bin").status == 404
    operator.post("/api/v1/channels", {"channel": "closed"})
    hidden = operator.release(project="secret", version="2", channel="closed")
    assert get(server, "/public/closed.json").status == 404
    operator.post(f"/api/v1/releases/{hidden['serial']}/public", {"public": True})
    assert get(server, "/public/closed.json").json["serial"] == hidden["serial"]
    operator.post(f"/api/v1/releases/{hidden['serial']}/withdraw")
    assert get(server, "/public/closed.json").status == 404
    operator.post(f"/api/v1/releases/{hidden['serial']}/public", {"public": False})
    assert get(server, f"/public/{hidden['sha256']}.bin").status == 404


@pytest.mark.parametrize("path", [
    "/", "/login", "/metrics", "/healthz", "/api/v1/summary", "/api/v1/releases",
    "/api/v1/manifest?project=demo&chip=esp32c3", "/api/v1/cacerts", "/.well-known/est/cacerts",
    "/public/", "/public/nowhere.json", "/public/.json", "/public/stable", "/public/stable.jsonx",
    "/public/..%2fferryd.conf", "/public/../ferryd.conf", "/public/%2e%2e/ferryd.db",
    "/public/" + "0" * 64 + ".bin", "/public/" + "A" * 64 + ".bin", "/public/%FF.json",
    "/public/" + "x" * 100 + ".json", "/public/a%00.json", "/public/-a.json"])
def test_nothing_else_is_there(server, operator, path):
    with server.connect("public") as sock:
        answer = raw.exchange(sock, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert raw.statuses(answer)[0] in (400, 404), answer


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_changed(server, operator, method):
    assert get(server, "/public/stable.json", method=method).status == 405


def tcp(server):
    sock = socket.create_connection(server.address("tcp"))
    sock.settimeout(20)
    return sock, sock.makefile("rb")


def take(sock, stream, length):
    """What comes after the head; each chunk is answered with a byte."""
    got = b""
    while len(got) < length:
        got += stream.read(min(8192, length - len(got)))
        sock.sendall(b"\0")
    return got


def test_sample_client_gets_the_newest_public_one(server, operator):
    sock, stream = tcp(server)
    length, crc = struct.unpack("<II", stream.read(8))
    assert (length, crc) == (len(OPEN), zlib.crc32(OPEN))
    assert take(sock, stream, length) == OPEN and stream.read() == b""
    sock.close()


def test_ferry_update_takes_it_over_tcp(server, operator, tmp_path):
    done, slot = update(tmp_path, server.doors["tcp"])
    assert done.returncode == 0, done.stderr
    assert slot[:len(OPEN)] == OPEN


def test_silent_clients_keep_nobody_waiting(server, operator):
    silent = [tcp(server) for _ in range(5)]
    try:
        began = time.monotonic()
        sock, stream = tcp(server)
        assert len(stream.read(8)) == 8
        assert time.monotonic() - began < 5
        sock.close()
    finally:
        for sock, _ in silent:
            sock.close()


def test_without_a_public_release_the_connection_ends(new_server):
    server = new_server(settings=DOORS).start()
    Operator(server).release(version="1.0.0")
    sock, stream = tcp(server)
    assert stream.read() == b""
    sock.close()
    deadline = time.monotonic() + 10
    while "refused=no_public_release" not in server.log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def opened(new_server):
    """A server with the doors open; how long it may take to stop is its settings'."""
    def start(**settings):
        server = new_server(settings={**DOORS, "requests_per_second": 0, **settings}).start()
        assert Operator(server).upload(OPEN, public=1).status == 200
        return server
    return start


def stopping(server):
    """Begins to stop it; the thread, and the list that its exit code comes to."""
    codes = []
    thread = threading.Thread(target=lambda: codes.append(server.stop()))
    thread.start()
    until = time.monotonic() + 20
    while True:  # until it takes nobody new
        sock, stream = tcp(server)
        with sock:
            if not stream.read(8):
                return thread, codes
        assert time.monotonic() < until


def test_stop_lets_a_sample_client_finish_and_takes_nobody_new(opened):
    server = opened(stop_seconds=60)
    sock, stream = tcp(server)
    assert len(stream.read(8)) == 8
    thread, codes = stopping(server)
    assert take(sock, stream, len(OPEN)) == OPEN and stream.read() == b""
    thread.join(20)
    sock.close()
    assert codes == [0]
    assert re.search(r"door=tcp .* state=whole", server.log.read_text())
    assert "answers_cut=0" in server.log.read_text()


def test_stop_waits_no_longer_than_it_may_for_a_silent_client(opened):
    server = opened(stop_seconds=1)
    sock, stream = tcp(server)
    assert len(stream.read(8)) == 8
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 10
    sock.close()
    assert "answers_cut=1" in server.log.read_text()
