"""`ferry serve`: what devices and people ask of a server on the bench, and what strangers try."""

import contextlib
import email.utils
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import time
import zlib

import images
import pytest
from tcp_server import CHUNK

SIZE = 150000


class Server:
    """A running `ferry serve`; its addresses are those that it printed."""

    def __init__(self, ferry, folder, *options):
        self.process = ferry.start("serve", folder, "--port=0", *options)
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://"), self.process.communicate(timeout=10)
        self.port = int(self.url.rstrip("/").rsplit(":", 1)[1])
        self.tcp_url = ""
        if "--tcp" in options:
            self.tcp_url = self.process.stdout.readline().strip()
        self.log = ""

    def ask(self, path, method="GET", **fields):
        """Status, head and body of one request."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(line):
            line.request(method, path, headers={k.replace("_", "-"): v for k, v in fields.items()})
            answer = line.getresponse()
            return answer.status, answer.headers, answer.read()

    def raw(self, request):
        """The status of the answer to any bytes; 0: the line was closed without one."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as line:
            line.sendall(request)
            answer = line.recv(100)
        return int(answer.split()[1]) if answer else 0

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        _, self.log = self.process.communicate(timeout=10)
        return self.process.returncode


@pytest.fixture
def folder(tmp_path):
    """A folder with firmware, and beside it what must stay hidden."""
    served = tmp_path / "served"
    (served / "sub").mkdir(parents=True)
    (served / ".git").mkdir()
    (served / "app.bin").write_bytes(images.app(version="2.0.0", size=SIZE, seed=2))
    (served / "sub" / "ä b&<i>.bin").write_bytes(b"hello world")
    (served / "empty.bin").write_bytes(b"")
    (served / "notes.txt").write_text("notes")
    (served / ".git" / "config").write_text("secret")
    (served / ".env").write_text("secret")
    (tmp_path / "served-too").write_text("secret")
    (served / "latest.bin").symlink_to("app.bin")
    (served / "way-out").symlink_to("../served-too")
    (served / "way-up").symlink_to("..")
    (served / "way-to-hidden").symlink_to(".git/config")
    os.mkfifo(served / "pipe")
    return served


@pytest.fixture
def serve(ferry, folder):
    running = []

    def start(*options, root=folder):
        running.append(Server(ferry, root, *options))
        return running[-1]

    yield start
    for server in running:
        if server.process.poll() is None:
            server.stop()


@pytest.fixture
def app(folder):
    return (folder / "app.bin").read_bytes()


# What devices ask.

def test_whole_file_with_what_a_client_wants_to_know(serve, folder, app):
    status, head, body = serve().ask("/app.bin")
    assert status == 200 and body == app
    assert head["Content-Length"] == str(len(app)) and head["Accept-Ranges"] == "bytes"
    assert head["ETag"].startswith('"') and head["ETag"].endswith('"')
    date = email.utils.parsedate_to_datetime(head["Last-Modified"]).timestamp()
    assert date == int((folder / "app.bin").stat().st_mtime)


def test_esp_https_ota_asks_head_then_a_byte_then_parts(serve, app):
    """Partial download asks HEAD for the length, tries bytes=0-0, then goes on in ranges; a 416
    makes it begin anew."""
    server = serve()
    status, head, body = server.ask("/app.bin", "HEAD")
    assert (status, head["Content-Length"], body) == (200, str(len(app)), b"")
    status, head, body = server.ask("/app.bin", Range="bytes=0-0")
    assert (status, body) == (206, app[:1])
    assert head["Content-Range"] == f"bytes 0-0/{len(app)}"
    got = b""
    while len(got) < len(app):
        status, _, body = server.ask("/app.bin", Range=f"bytes={len(got)}-{len(got) + 16383}")
        assert status == 206
        got += body
    assert got == app
    status, head, body = server.ask("/app.bin", Range=f"bytes={len(app)}-")
    assert (status, head["Content-Range"], body) == (416, f"bytes */{len(app)}", b"")


@pytest.mark.parametrize("field, first, last", [
    ("bytes=10-19", 10, 19), ("bytes=10-", 10, -1), ("bytes=-10", -10, -1),
    ("bytes=150000-999999999", 150000, -1), ("bytes=-999999999", 0, -1), ("BYTES=0-0", 0, 0),
    ("bytes=0-99999999999999999999999", 0, -1),
])
def test_ranges(serve, app, field, first, last):
    first, last = first % len(app), last % len(app)
    status, head, body = serve().ask("/app.bin", Range=field)
    assert (status, body) == (206, app[first:last + 1])
    assert head["Content-Range"] == f"bytes {first}-{last}/{len(app)}"


@pytest.mark.parametrize("field", ["bytes=0-1,3-4", "bytes=5-2", "bytes=", "bytes=-", "bytes=a-b",
                                   "lines=0-1", "bytes=0-1x", "bytes 0-1"])
def test_what_is_no_single_range_gets_the_whole_file(serve, app, field):
    status, _, body = serve().ask("/app.bin", Range=field)
    assert (status, body) == (200, app)


@pytest.mark.parametrize("path, field", [("/app.bin", "bytes=-0"), ("/empty.bin", "bytes=0-0"),
                                         ("/app.bin", "bytes=99999999999999999999-")])
def test_ranges_outside_are_416(serve, path, field):
    assert serve().ask(path, Range=field)[0] == 416


def test_if_range_holds_for_the_very_file_only(serve, folder, app):
    server = serve()
    _, head, _ = server.ask("/app.bin", "HEAD")
    part = {"Range": "bytes=5-9"}
    assert server.ask("/app.bin", **part, If_Range=head["ETag"])[0] == 206
    assert server.ask("/app.bin", **part, If_Range=head["Last-Modified"])[0] == 206
    assert server.ask("/app.bin", **part, If_Range=f"W/{head['ETag']}")[0] == 200
    assert server.ask("/app.bin", **part, If_Range='"other"')[0] == 200
    (folder / "app.bin").write_bytes(app[:-1] + b"x")
    status, changed, _ = server.ask("/app.bin", **part, If_Range=head["ETag"])
    assert status == 200 and changed["ETag"] != head["ETag"]


def test_if_none_match(serve):
    server = serve()
    etag = server.ask("/app.bin", "HEAD")[1]["ETag"]
    assert server.ask("/app.bin", If_None_Match=etag)[0] == 304
    assert server.ask("/app.bin", If_None_Match=f'"x", W/{etag}')[0] == 304
    assert server.ask("/app.bin", If_None_Match="*")[0] == 304
    assert server.ask("/app.bin", If_None_Match='"x"')[0] == 200


def test_many_requests_on_one_line(serve, app):
    line = http.client.HTTPConnection("127.0.0.1", serve().port, timeout=10)
    with contextlib.closing(line):
        for _ in range(3):
            line.request("GET", "/app.bin")
            assert line.getresponse().read() == app
            kept = line.sock
        assert kept is not None


def test_curl_goes_on_where_it_stopped(serve, app, tmp_path):
    part = tmp_path / "part.bin"
    part.write_bytes(app[:70000])
    subprocess.run(["curl", "-sf", "--continue-at", "-", "-o", part, serve().url + "app.bin"],
                   check=True, timeout=30)
    assert part.read_bytes() == app


@pytest.mark.parametrize("name", ["app.json", "app.bin.json"])
def test_manifest_is_made_when_asked_for(serve, app, name):
    """The keys of MicroPython's ota.update.from_json, and ferry's own."""
    status, head, body = serve().ask(f"/{name}")
    assert status == 200 and head["Content-Type"] == "application/json"
    assert json.loads(body) == {
        "firmware": "app.bin", "sha": hashlib.sha256(app).hexdigest(), "length": len(app),
        "crc32": f"{zlib.crc32(app):08x}", "version": "2.0.0", "project": "demo",
        "chip": "esp32c3"}


def test_manifest_that_lies_there_is_served_as_it_is(serve, folder):
    (folder / "app.json").write_text("{}")
    assert serve().ask("/app.json")[2] == b"{}"


@pytest.mark.parametrize("name", ["notes.json", "notes.txt.json", "nothing.json", ".json",
                                  "empty.json", "way-out.json", "sub.json"])
def test_no_manifest_of_what_is_no_image(serve, name):
    assert serve().ask(f"/{name}")[0] == 404


def test_micropython_from_json_asks_for_both(serve, app):
    """from_json reads the manifest, joins a relative name to its folder, and streams the rest."""
    server = serve()
    manifest = json.loads(server.ask("/app.json")[2])
    status, _, body = server.ask("/" + manifest["firmware"])
    assert status == 200 and len(body) == manifest["length"]
    assert hashlib.sha256(body).hexdigest() == manifest["sha"]


def test_ferry_update_takes_the_manifest(serve, device):
    result = device.update(serve().url + "app.json", "--json")
    assert result.code == 0, result
    assert result.json["version"] == "2.0.0"
    assert device.boot()["booted"] == "ota_1"


def test_ferry_update_goes_on_over_a_line_that_is_cut(serve, device, app):
    """Each answer ends after 70 KB; the update asks for the rest, from the middle."""
    server = serve("--drop-after=70000")
    result = device.update(server.url + "app.bin", "--json")
    assert result.code == 0, result
    assert result.json["retries"] == 2
    server.stop()
    assert f"206, 70000 bytes from 70000 of {len(app)}" in server.log
    assert device.part("ota_1")[:len(app)] == app


def test_throttle_keeps_the_rate(serve, app):
    server = serve("--throttle=100000")
    began = time.monotonic()
    assert server.ask("/app.bin")[2] == app
    assert time.monotonic() - began >= len(app) / 100000 - 0.2


# The sample protocol.

def sample_client(url):
    """What esp-hal-ota's example does: length, CRC-32, chunks, a zero byte for each."""
    host, port = url.removeprefix("tcp://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as line:
        file = line.makefile("rb")
        size, crc = (int.from_bytes(file.read(4), "little") for _ in range(2))
        data = b""
        while len(data) < size:
            data += file.read(min(CHUNK, size - len(data)))
            line.sendall(b"\0")
    return size, crc, data


def test_sample_client_gets_the_file(serve, folder, app):
    server = serve("--tcp", folder / "app.bin", "--tcp-port=0")
    assert sample_client(server.tcp_url) == (len(app), zlib.crc32(app), app)
    assert sample_client(server.tcp_url)[2] == app
    server.stop()
    for line in ("Connection: 127.0.0.1", f"BINARY_SIZE: {len(app)}",
                 f"BINARY CRC32: {zlib.crc32(app)}", "Writing: 8192",
                 f"Writing: {len(app) % CHUNK}"):
        assert line in server.log, server.log


def test_ferry_update_from_the_sample_protocol(serve, folder, device, app):
    server = serve("--tcp", folder / "app.bin", "--tcp-port=0", "--drop-after=70000", "--drops=1")
    result = device.update(server.tcp_url, "--json")
    assert result.code == 0, result
    assert result.json["retries"] == 1
    assert device.part("ota_1")[:len(app)] == app
    assert device.boot()["booted"] == "ota_1"


def test_new_build_is_served_at_once(serve, folder):
    server = serve("--tcp", folder / "app.bin", "--tcp-port=0")
    (folder / "app.bin").write_bytes(b"\xe9new")
    assert sample_client(server.tcp_url)[2] == b"\xe9new"


# What strangers try.

@pytest.mark.parametrize("path", [
    "/../served-too", "/%2e%2e/served-too", "/..%2fserved-too", "/sub/../../served-too",
    "/%2E%2E%2Fserved-too", "/way-out", "/way-up/served-too", "/way-up/", "/way-to-hidden",
    "/.git/config", "/.env", "/%2eenv", "/.", "//etc/passwd", "/sub//x", "/app.bin%00.txt",
    "/app.bin%0a", "/app.bin/", "/app%2", "/app%zz", "/pipe", "/no-such",
    "/sub/..%5c..%5cserved-too",
    "/" + "x" * 1500, "/..;/served-too", "/sub/.%2e/.%2e/served-too",
])
def test_nothing_leaves_the_folder(serve, path):
    status, _, body = serve().ask(path)
    assert status in (404, 414), body
    assert b"secret" not in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"])
def test_other_methods_are_405(serve, method):
    status, head, _ = serve().ask("/app.bin", method)
    assert status == 405 and head["Allow"] == "GET, HEAD"


HOST = b"Host: h\r\n"


@pytest.mark.parametrize("head", [
    HOST + b"Host: other\r\n",
    HOST + b"Content-Length: 0\r\nContent-Length: 0\r\n",
    HOST + b"Content-Length: 5\r\n",
    HOST + b"Transfer-Encoding: chunked\r\n",
    HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    HOST + b"Range: bytes=0-0\r\nRange: bytes=5-5\r\n",
    HOST + b"X: a\x01b\r\n",
    HOST + b"Bad Name: x\r\n",
    HOST + b"".join(b"X-%d: y\r\n" % i for i in range(100)),
])
def test_requests_that_can_be_read_in_two_ways_are_refused(serve, head):
    assert serve().raw(b"GET /app.bin HTTP/1.1\r\n" + head + b"\r\n") in (0, 400, 413, 431)


@pytest.mark.parametrize("line", [b"GET /a\x01b HTTP/1.1", b"GET app.bin HTTP/1.1", b"GET",
                                  b"\x16\x03\x01", b"GET /<x> HTTP/1.1"])
def test_lines_that_are_no_request_are_refused(serve, line):
    assert serve().raw(line + b"\r\nHost: h\r\n\r\n") in (0, 400, 404, 505)


def test_server_lives_on_after_all_that(serve, app):
    server = serve()
    for garbage in (b"\0" * 1000, b"GET / HTTP/1.1\r\n" * 50 + b"\r\n", b"A" * 70000):
        with contextlib.suppress(OSError):
            server.raw(garbage)
    assert server.ask("/app.bin")[2] == app
    assert server.stop() == 0


# Pages and log.

def test_list_as_a_page(serve):
    status, head, body = serve().ask("/")
    page = body.decode()
    assert status == 200 and head["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in head["Content-Security-Policy"]
    assert 'href="app.bin"' in page and 'href="sub/"' in page and 'href="latest.bin"' in page
    for hidden in (".git", ".env", "way-out", "way-up", "way-to-hidden", "pipe"):
        assert f'"{hidden}' not in page


def test_hostile_names_are_escaped(serve):
    page = serve().ask("/sub/")[2].decode()
    assert "<i>" not in page
    assert 'href="%C3%A4%20b%26%3Ci%3E.bin"' in page and "ä b&amp;&lt;i&gt;.bin" in page


def test_list_as_json(serve):
    server = serve()
    for path, fields in (("/?json", {}), ("/", {"Accept": "application/json"})):
        names = {i["name"]: i for i in json.loads(server.ask(path, **fields)[2])}
        assert set(names) == {"app.bin", "empty.bin", "latest.bin", "notes.txt", "sub"}
        assert names["sub"]["type"] == "folder" and names["notes.txt"]["length"] == 5


def test_folder_without_slash_is_redirected(serve):
    status, head, _ = serve().ask("/sub")
    assert status == 301 and head["Location"].endswith("/sub/")


def test_log_has_a_line_a_request(serve):
    server = serve()
    server.ask("/app.bin", Range="bytes=5-9")
    server.ask("/no%0Asuch\x1b[2J".replace("\x1b", "%1b"))
    server.stop()
    assert "127.0.0.1 GET /app.bin 206, 5 bytes from 5 of" in server.log
    assert "404" in server.log and "\x1b" not in server.log
    assert len(server.log.splitlines()) == 2


def test_quiet_says_nothing(serve):
    server = serve("--quiet")
    server.ask("/app.bin")
    server.stop()
    assert server.log == ""


def test_json_prints_the_addresses_and_logs_objects(ferry, folder):
    process = ferry.start("serve", folder, "--port=0", "--json", "--tcp", folder / "app.bin",
                          "--tcp-port=0")
    text = ""
    while not text.rstrip().endswith("}"):
        text += process.stdout.readline()
    said = json.loads(text)
    assert said["ok"] is True and said["tcp"].startswith("tcp://127.0.0.1:")
    subprocess.run(["curl", "-s", "-o", os.devnull, said["http"] + "app.bin"], check=True,
                   timeout=30)
    process.send_signal(signal.SIGINT)
    out, log = process.communicate(timeout=10)
    line = json.loads(log)
    assert out == "" and process.returncode == 0
    assert (line["method"], line["path"], line["status"]) == ("GET", "/app.bin", 200)
    assert line["sent"] == line["length"] == SIZE + 352


# Beginning and end.

@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ends_cleanly_in_the_middle_of_an_answer(serve, how):
    server = serve("--throttle=1000")
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as line:
        line.sendall(b"GET /app.bin HTTP/1.1\r\nHost: h\r\n\r\n")
        assert line.recv(100)
        began = time.monotonic()
        assert server.stop(how) == 0
    assert time.monotonic() - began < 5


def test_ends_cleanly_with_a_silent_client(serve, folder):
    server = serve("--tcp", folder / "app.bin", "--tcp-port=0")
    host, port = server.tcp_url.removeprefix("tcp://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as line:
        assert line.recv(8)
        assert server.stop() == 0


def test_port_that_is_taken(ferry, folder, serve):
    result = ferry.refused("serve", folder, f"--port={serve().port}")
    assert "Address already in use" in result.err


def test_over_ipv6(serve, folder, app):
    server = serve("--bind=::1")
    assert server.url == f"http://[::1]:{server.port}/"
    done = subprocess.run(["curl", "-sg", server.url + "app.bin"], check=True, timeout=30,
                          stdout=subprocess.PIPE)
    assert done.stdout == app


def test_other_addresses_than_loopback_are_warned_of(serve):
    server = serve("--bind=0.0.0.0")
    server.stop()
    assert "everybody who reaches 0.0.0.0" in server.log


@pytest.mark.parametrize("options, code, words", [
    (["--bind=example.com"], 1, "no address of this machine in numbers"),
    (["--bind=192.0.2.1"], 1, "no address of this machine"),
    (["--port=70000"], 2, "65,535"),
    (["--tcp=/no/such"], 1, "No such file"),
    (["--tcp-port=5"], 2, "--tcp-port needs --tcp"),
    (["--drops=5"], 2, "--drops needs --drop-after"),
])
def test_wrong_words_are_explained(ferry, folder, options, code, words):
    result = ferry("serve", folder, *options)
    assert result.code == code and words in result.err, result


def test_folder_that_is_none(ferry, folder):
    assert "No such file" in ferry.refused("serve", folder / "nothing").err
    assert "Not a directory" in ferry.refused("serve", folder / "app.bin").err


def test_other_commands_do_not_load_the_http_library(ferry):
    """Loading it, and the TLS library behind it, would slow every start down."""
    needed = subprocess.run(["readelf", "-d", ferry.path], check=True, stdout=subprocess.PIPE,
                            text=True, timeout=30).stdout
    assert "NEEDED" in needed and "microhttpd" not in needed and "gnutls" not in needed
