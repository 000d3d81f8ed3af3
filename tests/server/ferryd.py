"""A ferryd that runs for a test, and a device that is enrolled at it."""

import http.client
import json
import os
import signal
import socket
import sqlite3
import ssl
import subprocess
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ROOT = Path(__file__).resolve().parents[2]
FERRYD = ROOT / os.environ.get("FERRYD", "build/release/ferryd")
TIME_LIMIT_S = 30


def run(*words, check=True):
    """One command of ferryd."""
    return subprocess.run([str(FERRYD), *map(str, words)], check=check, text=True,
                          capture_output=True, timeout=TIME_LIMIT_S)


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {dict(self.headers)} {self.body[:200]!r}"


class Device:
    """A key, and the certificate that ferryd gave for it."""

    def __init__(self, folder, token):
        self.folder, self.token = folder, token
        folder.mkdir(parents=True, exist_ok=True)
        self.key, self.cert = folder / "key.pem", folder / "cert.pem"
        key = ec.generate_private_key(ec.SECP256R1())
        self.key.write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption()))
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "whatever")])
        self.csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(
            key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    @property
    def serial(self):
        """What nginx says instead of a certificate that it has verified."""
        return f"serial={x509.load_pem_x509_certificate(self.cert.read_bytes()).serial_number:X}"

    @property
    def escaped_cert(self):
        """The leaf as nginx's $ssl_client_escaped_cert."""
        end = "-----END CERTIFICATE-----\n"
        return quote(self.cert.read_text().split(end)[0] + end, safe="")


class Ferryd:
    """A state folder and the process that serves it."""

    def __init__(self, folder, *init_options, cluster=None, settings=None, env=None):
        """cluster: the PostgreSQL where it gets a database of its own; without one, SQLite."""
        self.folder, self.env = Path(folder), env
        self.cluster, self.database = cluster, cluster and cluster.new_database()
        if cluster:
            init_options += ("--database", cluster.where(self.database))
        self.settings = {"devices_listen": "127.0.0.1:0", "admin_listen": "127.0.0.1:0",
                         **(settings or {})}
        self.process, self.doors, self.log = None, {}, self.folder.parent / "ferryd.log"
        made = run("init", self.folder, "--host", "127.0.0.1", "--host", "localhost", "--json",
                   *init_options)
        self.token = json.loads(made.stdout)["admin_token"]
        self.configure()

    def configure(self, **settings):
        """Sets settings; what `init` chose for the database stays."""
        self.settings.update(settings)
        path = self.folder / "ferryd.conf"
        kept = [line for line in path.read_text().splitlines() if line.startswith("database")]
        path.write_text("\n".join(kept + [f"{k} = {v}" for k, v in self.settings.items()]) + "\n")

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(FERRYD), "serve", str(self.folder), "--json"], stdout=subprocess.PIPE,
                stderr=log, env={**os.environ, **(self.env or {})})
        line = self.process.stdout.readline()
        assert line, f"ferryd does not start: {self.log.read_text()[-2000:]}"
        self.doors = json.loads(line)["doors"]
        return self

    def stop(self, how=signal.SIGTERM):
        """Ends it; the exit code."""
        if not self.process:
            return None
        self.process.send_signal(how)
        code = self.process.wait(TIME_LIMIT_S)
        self.process.stdout.close()
        self.process = None
        return code

    def sql(self, text):
        """One statement, past ferryd; its rows, a line each."""
        if self.cluster:
            return self.cluster.sql(self.database, text).splitlines()
        with closing(sqlite3.connect(self.folder / "ferryd.db", timeout=TIME_LIMIT_S)) as db, db:
            return ["|".join(map(str, row)) for row in db.execute(text)]

    def logs(self, words):
        """Whether the log has the words, or soon will: a line is written when an answer is out."""
        until = time.monotonic() + 5
        while words not in self.log.read_text() and time.monotonic() < until:
            time.sleep(0.01)
        return words in self.log.read_text()

    def reload(self):
        seen = self.log.read_text().count("event=reload state=done")
        self.process.send_signal(signal.SIGHUP)
        until = time.monotonic() + TIME_LIMIT_S
        while self.log.read_text().count("event=reload state=done") == seen:
            assert time.monotonic() < until, "no reload"
            time.sleep(0.02)

    def address(self, door):
        """(host, port), or the path of a Unix socket."""
        where = self.doors[door].rsplit("//", 1)[-1]
        if where.startswith("unix:"):
            return str(self.folder / where[5:])
        host, port = where.rsplit(":", 1)
        return host.strip("[]"), int(port)

    def context(self, device=None, version=None):
        context = ssl.create_default_context(cafile=self.folder / "ca" / "root.pem")
        if device:
            context.load_cert_chain(device.cert, device.key)
        if version:
            context.minimum_version = context.maximum_version = version
        return context

    def connect(self, door, device=None, version=None, session=None):
        """A socket; of a TLS door after its handshake."""
        address = self.address(door)
        if isinstance(address, str):
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(address)
        else:
            sock = socket.create_connection(address)
        sock.settimeout(TIME_LIMIT_S)
        if not self.doors[door].startswith("https:"):
            return sock
        context = session.context if session else self.context(device, version)
        return context.wrap_socket(sock, server_hostname="127.0.0.1",
                                   session=session.session if session else None)

    def request(self, method, path, door="devices", device=None, body=None, headers=None,
                sock=None):
        """One request, on a connection of its own unless sock is given."""
        connection = http.client.HTTPConnection("127.0.0.1")
        connection.sock = sock or self.connect(door, device)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            if not sock:
                connection.close()

    def metrics(self):
        reply = self.request("GET", "/metrics", "admin",
                             headers={"Authorization": f"Bearer {self.token}"})
        assert reply.status == 200, reply
        text = reply.body.decode()
        return {name: float(value) for name, value in
                (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))}

    def enrol(self, name, *token_options):
        """A device of that id with a certificate."""
        done = run("token", "new", self.folder, "--json", "--device", name, "--url",
                   self.doors["devices"], *token_options)
        token = json.loads(done.stdout)["join"].split("#")[2]
        device = Device(self.folder.parent / f"device-{name}", token)
        reply = self.request("POST", "/api/v1/enroll", body=device.csr,
                             headers={"Authorization": f"Bearer {token}"})
        assert reply.status == 200, reply
        device.cert.write_bytes(reply.body)
        return device
