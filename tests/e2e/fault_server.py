"""A web server that fails on demand, for tests of the http source and of `ferry update`.

    with FaultServer(files={"app.bin": data}) as server:          # or tls=Tls(tmp_path)
        fetch(server.url("ok/app.bin"))

The first part of a path says what goes wrong, the last one which file is meant; FAULTS lists them.
Only loopback; a port of its own; every wait ends when the server is closed. As a program it serves
one file until Ctrl-C:  fault_server.py FILE [--tls FOLDER]
"""

import argparse
import base64
import contextlib
import hashlib
import pathlib
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USER, PASSWORD = "bench", "s3cret"
TOKEN_HEADER, TOKEN = "X-Fleet-Token", "42"
ENDLESS_STOPS_AT = 64 << 20  # nobody who checks lengths takes that much
PIECE = 4096
DIGEST_NONCE = "0123456789abcdef"
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Tls:
    """A test CA, a server certificate for localhost, a client certificate, and a stranger's CA;
    made with the openssl command in a folder, valid for two days."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.ca = self._ca("ca")
        self.other_ca = self._ca("other-ca")
        self.server_cert, self.server_key = self._leaf("server", "localhost", "serverAuth")
        self.client_cert, self.client_key = self._leaf("client", "device-1", "clientAuth")
        self.wrong_host_cert, self.wrong_host_key = self._leaf(
            "wrong", "elsewhere.example", "serverAuth"
        )

    def _openssl(self, *args):
        subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, timeout=60)

    def _ca(self, name):
        cert, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        self._openssl("req", "-x509", *NEW_KEY, "-days", 2, "-subj", f"/CN=ferry test {name}",
                      "-keyout", key, "-out", cert)
        return cert

    def _leaf(self, name, host, usage):
        cert, key, request = (self.folder / f"{name}{end}" for end in (".pem", ".key", ".csr"))
        extensions = self.folder / f"{name}.ext"
        names = f"DNS:{host}" + (",IP:127.0.0.1" if host == "localhost" else "")
        extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage={usage}\n")
        self._openssl("req", *NEW_KEY, "-subj", f"/CN={host}", "-keyout", key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca,
                      "-CAkey", self.ca.with_suffix(".key"), "-CAcreateserial", "-days", 2,
                      "-extfile", extensions, "-out", cert)
        return cert, key


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "fault-server"

    def do_GET(self):
        self.close_connection = True
        path = self.path.split("?")[0]
        fault, _, name = path.lstrip("/").partition("/")
        self.server.owner.requests.append((self.path, dict(self.headers)))
        data = self.server.owner.files.get(name.rsplit("/", 1)[-1])
        respond = FAULTS.get(fault)
        if respond is None or data is None:
            return self.status(404)
        with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
            respond(self, data)

    def do_HEAD(self):
        """Only of parts/FILE; other servers here know no HEAD."""
        self.close_connection = True
        data = self.server.owner.files.get(self.path.rsplit("/", 1)[-1])
        self.server.owner.requests.append((self.path, dict(self.headers)))
        if data is None or not self.path.startswith("/parts/"):
            return self.head(405, length=0)
        self.head(200, length=len(data))

    def log_message(self, *args):
        pass

    # What answers are made of.

    def head(self, status, *fields, reason=None, length=None):
        self.send_response(status, reason)
        self.send_header("Connection", "close")
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in fields:
            self.send_header(name, value)
        self.end_headers()

    def status(self, status, *fields, reason=None):
        body = b"<html><body>an error page</body></html>"
        self.head(status, ("Content-Type", "text/html"), *fields, reason=reason, length=len(body))
        self.wfile.write(body)

    def whole(self, data, *fields):
        self.head(200, ("Content-Type", "application/octet-stream"), ("Accept-Ranges", "bytes"),
                  ("ETag", '"v1"'), *fields, length=len(data))
        self.wfile.write(data)

    def redirect(self, location, status=302):
        self.head(status, ("Location", location), length=0)

    def raw(self, data):
        self.wfile.write(data)

    def silence(self):
        """Says nothing more until the client leaves or the server is closed."""
        self.wfile.flush()
        self.server.owner.closing.wait(60)

    def reset(self):
        """Ends the connection with a reset instead of an end."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def rest_of_path(self):
        """The path behind its first part, query included."""
        return "/" + self.path.lstrip("/").partition("/")[2]


def ok(h, data):
    first = requested_offset(h)
    if first is None:
        return h.whole(data)
    if first >= len(data):
        return h.status(416, ("Content-Range", f"bytes */{len(data)}"))
    h.head(206, ("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}"), ("ETag", '"v1"'),
           length=len(data) - first)
    h.wfile.write(data[first:])


def requested_offset(h):
    wanted = h.headers.get("Range", "")
    if not wanted.startswith("bytes=") or not wanted.endswith("-"):
        return None
    return int(wanted[len("bytes="):-1])


def parts(h, data):
    """Also answers ranges that have an end, which may lie behind the file's."""
    wanted = h.headers.get("Range", "")
    if not wanted.startswith("bytes="):
        return h.whole(data)
    first, _, last = wanted[len("bytes="):].partition("-")
    first, end = int(first), min(int(last or len(data)) + 1, len(data))
    if first >= len(data):
        return h.status(416, ("Content-Range", f"bytes */{len(data)}"))
    h.head(206, ("Content-Range", f"bytes {first}-{end - 1}/{len(data)}"), length=end - first)
    h.wfile.write(data[first:end])


def wrong_range(h, data):
    h.head(206, ("Content-Range", f"bytes 0-{len(data) - 1}/{len(data)}"), length=len(data))
    h.wfile.write(data)


def promises_more(h, data):
    h.head(200, length=len(data) + 1000)
    h.wfile.write(data)


def promises_less(h, data):
    h.head(200, length=len(data) - 1000)
    h.wfile.write(data)


def closes_early(h, data):
    h.head(200, length=len(data))
    h.wfile.write(data[: len(data) // 2])


def resets(h, data):
    h.head(200, length=len(data))
    h.wfile.write(data[: len(data) // 2])
    h.reset()


def no_length(h, data):
    h.head(200)
    h.wfile.write(data)


def chunked(h, data):
    h.head(200, ("Transfer-Encoding", "chunked"))
    send_chunks(h, data)
    h.wfile.write(b"0\r\nX-Trailer: 1\r\n\r\n")


def chunked_cut(h, data):
    h.head(200, ("Transfer-Encoding", "chunked"))
    send_chunks(h, data[: len(data) // 2])


def send_chunks(h, data):
    for at in range(0, len(data), 1000):
        piece = data[at : at + 1000]
        h.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))


def html(h, data):
    body = b"<!doctype html><title>Log in to the guest network</title>"
    h.head(200, ("Content-Type", "text/html; charset=utf-8"), length=len(body))
    h.wfile.write(body)


def endless(h, data):
    """The file, then zeros without end, and no length."""
    h.head(200)
    h.wfile.write(data)
    for _ in range(ENDLESS_STOPS_AT // PIECE):
        if h.server.owner.closing.is_set():
            break
        h.wfile.write(bytes(PIECE))


def endless_head(h, data):
    h.raw(b"HTTP/1.1 200 OK\r\n")
    for i in range(1 << 16):
        h.raw(b"X-%d: %s\r\n" % (i, b"a" * 1000))


def stalls(h, data):
    h.head(200, length=len(data))
    h.wfile.write(data[: len(data) // 2])
    h.silence()


def silent(h, data):
    h.silence()


def slow(h, data):
    """All of it, in twenty pieces, 100 ms apart: slow, but alive."""
    h.head(200, length=len(data))
    for i in range(20):
        h.wfile.write(data[len(data) * i // 20 : len(data) * (i + 1) // 20])
        h.wfile.flush()
        if h.server.owner.closing.wait(0.1):
            return


def closes_at_once(h, data):
    h.reset()


def garbage(h, data):
    h.raw(b"SSH-2.0-OpenSSH_9.2\r\n")


def bad_length(h, data):
    h.head(200, ("Content-Length", "12x"))
    h.wfile.write(data)


def two_lengths(h, data):
    h.head(200, ("Content-Length", "7"), ("Content-Length", "9"))
    h.wfile.write(data)


def gzip(h, data):
    h.whole(data, ("Content-Encoding", "gzip"))


def interim(h, data):
    h.raw(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nContent-Length: 3\r\n\r\n")
    h.whole(data)


def basic(h, data):
    expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    if h.headers.get("Authorization") == expected:
        return h.whole(data)
    h.status(401, ("WWW-Authenticate", 'Basic realm="firmware"'))


def digest(h, data):
    """RFC 7616 with MD5 and qop=auth, as old devices still speak it."""
    def md5(*parts):
        return hashlib.md5(":".join(parts).encode()).hexdigest()

    fields = dict(re.findall(r'(\w+)="?([^",]*)"?', h.headers.get("Authorization", "")))
    expected = md5(md5(USER, "firmware", PASSWORD), DIGEST_NONCE, fields.get("nc", ""),
                   fields.get("cnonce", ""), "auth", md5(h.command, h.path))
    if fields.get("nonce") == DIGEST_NONCE and fields.get("response") == expected:
        return h.whole(data)
    h.status(401, ("WWW-Authenticate",
                   f'Digest realm="firmware", nonce="{DIGEST_NONCE}", qop="auth"'))


def needs_header(h, data):
    h.whole(data) if h.headers.get(TOKEN_HEADER) == TOKEN else h.status(403)


def cross(h, data):
    """To the same path on the server's other origin."""
    h.redirect(h.server.owner.other_origin + h.rest_of_path())


def hops(h, data):
    """hops/N/FAULT/FILE: N redirects, the next one relative, then FAULT/FILE."""
    n, _, rest = h.path.lstrip("/").partition("/")[2].partition("/")
    h.redirect(f"/hops/{int(n) - 1}/{rest}" if int(n) > 1 else f"/{rest}")


def loop(h, data):
    h.redirect(h.path)


def script(h, data):
    """The next answer of the server's script; the last one stays."""
    answers = h.server.owner.script
    (answers.pop(0) if len(answers) > 1 else answers[0])(h, data)


def serving(etag='"v1"', date=None, ranges=True, stop_after=None, pace_s=0, data=None):
    """An answer for scripts: an honest server of ranges and If-Range, that gives etag and date (or
    None), closes after stop_after bytes, pauses every 8 KB, or has other data than the file's."""
    def answer(h, file_data):
        body = file_data if data is None else data
        first = requested_offset(h) if ranges else None
        if first is not None and h.headers.get("If-Range", etag) not in (etag, date):
            first = None
        if first is not None and first >= len(body):
            return h.status(416, ("Content-Range", f"bytes */{len(body)}"))
        fields = [(name, value) for name, value in (("ETag", etag), ("Last-Modified", date))
                  if value]
        if first is None:
            h.head(200, *fields, length=len(body))
        else:
            h.head(206, *fields, ("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}"),
                   length=len(body) - first)
        first = first or 0
        end = len(body) if stop_after is None else min(len(body), first + stop_after)
        send_slowly(h, body, first, end, pace_s)
    return answer


def send_slowly(h, body, first, end, pace_s):
    for at in range(first, end, 8192):
        h.wfile.write(body[at : min(at + 8192, end)])
        h.server.owner.sent_bytes += min(8192, end - at)
        if pace_s and h.server.owner.closing.wait(pace_s):
            return


def status(code, *fields):
    """An answer for scripts."""
    return lambda h, data: h.status(code, *fields)


FAULTS = {
    "ok": ok,
    "ignores-range": lambda h, data: h.whole(data),
    "wrong-range": wrong_range,
    "parts": parts,
    "parts-no-head": parts,
    "empty-parts": lambda h, data: h.head(206, ("Content-Range", f"bytes 0-0/{len(data)}"),
                                          length=0),
    "promises-more": promises_more,
    "promises-less": promises_less,
    "closes-early": closes_early,
    "resets": resets,
    "no-length": no_length,
    "chunked": chunked,
    "chunked-cut": chunked_cut,
    "html": html,
    "endless": endless,
    "endless-head": endless_head,
    "stalls": stalls,
    "silent": silent,
    "slow": slow,
    "closes-at-once": closes_at_once,
    "garbage": garbage,
    "bad-length": bad_length,
    "two-lengths": two_lengths,
    "gzip": gzip,
    "interim": interim,
    "basic": basic,
    "digest": digest,
    "needs-header": needs_header,
    "403": lambda h, data: h.status(403),
    "404": lambda h, data: h.status(404),
    "500": lambda h, data: h.status(500),
    "503": lambda h, data: h.status(503, ("Retry-After", "7")),
    "odd-reason": lambda h, data: h.status(418, reason="\x1b[31mred"),
    "hops": hops,
    "loop": loop,
    "script": script,
    "cross": cross,
    "to-ftp": lambda h, data: h.redirect("ftp://127.0.0.1/app.bin"),
    "to-file": lambda h, data: h.redirect("file:///etc/passwd"),
    "to-nowhere": lambda h, data: h.head(302, length=0),
}


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def get_request(self):
        connection, address = super().get_request()
        connection.settimeout(60)
        if self.owner.context:
            # The handshake belongs to the connection's own thread, not to this one that accepts.
            connection = self.owner.context.wrap_socket(connection, server_side=True,
                                                        do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request, client_address):
        pass  # a client that leaves or fails its handshake is what the tests are about


class FaultServer:
    """files: name -> bytes. tls: a Tls, for https. needs_client_cert: refuse clients without one.
    cert: another (certificate, key) than tls's own. requests: what was asked: (path, headers).
    script: answers that script/FILE gives in turn."""

    def __init__(self, files, tls=None, needs_client_cert=False, cert=None):
        self.files = dict(files)
        self.tls = tls
        self.requests = []
        self.script = []
        self.sent_bytes = 0  # by the script's answers
        self.other_origin = ""
        self.closing = threading.Event()
        self.context = self._context(needs_client_cert, cert) if tls else None
        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.owner = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )

    def _context(self, needs_client_cert, cert):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*(cert or (self.tls.server_cert, self.tls.server_key)))
        if needs_client_cert:
            context.load_verify_locations(self.tls.ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    @property
    def origin(self):
        scheme = "https" if self.context else "http"
        return f"{scheme}://127.0.0.1:{self._server.server_address[1]}"

    def url(self, path):
        return f"{self.origin}/{path}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def main():
    parser = argparse.ArgumentParser(description="Serve one file, well or badly.")
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--tls", type=pathlib.Path, metavar="FOLDER",
                        help="https; certificates go there")
    args = parser.parse_args()
    tls = Tls(args.tls) if args.tls else None
    with FaultServer({args.file.name: args.file.read_bytes()}, tls=tls) as server:
        for fault in FAULTS:
            print(server.url(f"{fault}/{args.file.name}"))
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
