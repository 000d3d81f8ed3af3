"""Devices, and an operator who publishes, at work on a server that may die or be cut off: each
client insists until it is answered, and in the end all that was answered must be there, once."""

import hashlib
import http.client
import json
import signal
import subprocess
import threading
import time

import ferryd
import images
from operators import Operator

PATIENCE_S = 60
USES = 100000
LOST = (OSError, http.client.HTTPException)  # TLS errors are OSErrors
# One machine plays the whole fleet, so what counts an address would see but one.
SETTINGS = {"enrol_per_minute": 1000000, "requests_per_second": 0, "threads": 4,
            "signatures_per_minute": 1000000}


class Fleet:
    """Clients in threads, each of which insists: it repeats a request until it is answered."""

    def __init__(self, server, work):
        self.server, self.work = server, work
        self.is_over, self.failures = threading.Event(), []
        self.enrolled, self.reported, self.downloads, self.releases = {}, {}, 0, {}
        self.later, self.n_cut = set(), 0  # paths answered with Retry-After; requests cut short
        self.before = set(self.devices())
        made = self.run("token", "new", "--uses", USES, "--url=https://localhost:1")
        self.token, self.token_name = made["join"].split("#")[2], made["token"]

    def run(self, *words):
        """A command of ferryd on the state folder: what it answers."""
        return json.loads(ferryd.run(*words[:2], self.server.folder, *words[2:], "--json").stdout)

    def devices(self):
        return [row["device"] for row in self.run("device", "list")["devices"]]

    def insist(self, method, path, **how):
        """The answer, however often the server dies in between."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                reply = self.server.request(method, path, **how)
            except LOST as error:
                self.n_cut += not isinstance(error, ConnectionRefusedError)
                time.sleep(0.005)
                continue
            if reply.status not in (429, 503):
                return reply
            assert int(reply.headers["Retry-After"]) > 0, reply
            self.later.add(path.split("?")[0])
            time.sleep(0.05)
        raise AssertionError(f"{method} {path} was never answered")

    def enrol(self, name):
        device = ferryd.Device(self.work / name, self.token)
        reply = self.insist("POST", "/api/v1/enroll", body=device.csr,
                            headers={"Authorization": f"Bearer {self.token}"})
        assert reply.status == 200, reply
        device.cert.write_bytes(reply.body)
        device.id = reply.headers["Ferry-Device"]
        assert device.id not in self.enrolled
        self.enrolled[device.id] = device
        return device

    def enrol_on(self, number):
        for i in range(10 ** 6):
            if self.is_over.is_set():
                return
            self.enrol(f"new-{number}-{i}")

    def report_on(self, number):
        device = self.enrol(f"reporter-{number}")
        self.reported[device.id] = []
        for i in range(10 ** 6):
            if self.is_over.is_set():
                return
            reply = self.insist("POST", "/api/v1/report", device=device, body=json.dumps(
                {"state": "failed", "version": "1.0.0", "reason": f"reason {i}"}))
            assert reply.status == 204, reply
            self.reported[device.id].append(f"reason {i}")

    def download_on(self, number):
        device = self.enrol(f"reader-{number}")
        data = images.app(version="0.0.1", size=1_000_000)
        path = f"/api/v1/firmware/{hashlib.sha256(data).hexdigest()}.bin"
        while not self.is_over.is_set():
            got = b""
            while len(got) < len(data):
                got += self.read_piece(device, path, len(got), len(data))
            assert got == data
            self.downloads += 1

    def read_piece(self, device, path, at, n):
        """What arrives of the image from an offset on, before the connection breaks."""
        got = b""
        connection = http.client.HTTPConnection("127.0.0.1")
        try:
            connection.sock = self.server.connect("devices", device)
            connection.request("GET", path, headers={"Range": f"bytes={at}-"})
            response = connection.getresponse()
            assert response.status == 206, response.status
            assert response.headers["Content-Range"] == f"bytes {at}-{n - 1}/{n}"
            while piece := response.read1(65536):
                got += piece
        except LOST:
            time.sleep(0.005)
        finally:
            connection.close()
        return got

    def upload_on(self, number):
        """Releases by the admin API."""
        operator = Operator(self.server, f"uploader-{number}")
        for i in range(10 ** 6):
            if self.is_over.is_set():
                return
            data = images.app(version=f"1.{number}.{i}", size=60000)
            reply = self.insist("POST", "/api/v1/releases", door="admin", body=data,
                                headers={"Authorization": f"Bearer {operator.token}"})
            assert reply.status == 200, reply
            self.releases[f"1.{number}.{i}"] = hashlib.sha256(data).hexdigest()

    def publish_on(self, dice):
        """Releases by the command line, which is killed too."""
        for i in range(2, 10 ** 6):
            data = images.app(version=f"0.0.{i}", size=30000)
            path = self.work / "publish.bin"
            path.write_bytes(data)
            code = -1
            while code != 0:
                if self.is_over.is_set():
                    return
                process = subprocess.Popen(
                    [ferryd.FERRYD, "release", "add", self.server.folder, path],
                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                if dice.random() < 0.6:
                    time.sleep(dice.random() * 0.05)
                    process.kill()
                _, err = process.communicate(timeout=PATIENCE_S)
                code = process.returncode
                assert code in (0, -signal.SIGKILL), err
            self.releases[f"0.0.{i}"] = hashlib.sha256(data).hexdigest()

    def start(self, *jobs):
        def guarded(job, argument):
            try:
                job(argument)
            except Exception as error:  # a thread's own would be lost
                self.failures.append(error)
        self.threads = [threading.Thread(target=guarded, args=job) for job in jobs]
        for thread in self.threads:
            thread.start()

    def finish(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
        if self.failures:
            raise self.failures[0]

    def counts(self):
        return len(self.enrolled), sum(map(len, self.reported.values()))

    def check(self):
        """All that was answered is there, once."""
        ids = [id_ for id_ in self.devices() if id_ not in self.before]
        assert sorted(ids) == sorted(self.enrolled)
        left = {t["token"]: t["uses_left"] for t in self.run("token", "list")["tokens"]}
        assert left[self.token_name] == USES - len(ids)
        for device in list(self.enrolled.values())[::10]:
            # A thread that had nothing to do while the database was away first learns of it now.
            assert self.insist("GET", "/api/v1/manifest?project=demo&chip=esp32c3",
                               device=device).status in (200, 204)
            again = self.insist("POST", "/api/v1/enroll", body=device.csr, headers={
                "Authorization": f"Bearer {self.token}"})
            assert (again.status, again.body) == (200, device.cert.read_bytes()), again
        for id_, reasons in self.reported.items():
            assert len(self.run("device", "show", id_)["device"]["certificates"]) == 1
            self.check_history(id_, reasons)
        released = self.run("release", "list")["releases"]
        versions = [r["version"] for r in released]
        assert len(versions) == len(set(versions))
        assert set(self.releases) <= set(versions)
        for r in released:
            blob = (self.server.folder / "blobs" / r["sha256"]).read_bytes()
            assert hashlib.sha256(blob).hexdigest() == r["sha256"]
        assert self.run("audit", "verify")["ok"]

    def check_history(self, id_, reasons):
        """The last fifty reports of a device, each once and in order."""
        rows = self.rows("device_event", "reason", f"device = '{id_}' ORDER BY at, reason")
        kept = set(rows)
        assert len(rows) == len(kept), "a report is there twice"
        assert kept >= set(reasons[-49:]), "a report that was answered is lost"

    def rows(self, table, column, where):
        return self.server.sql(f"SELECT {column} FROM {table} WHERE {where}")


def wait_for(fleet, what, is_true):
    until = time.monotonic() + PATIENCE_S
    while not is_true():
        assert not fleet.failures, fleet.failures[0]
        assert fleet.server.process.poll() is None, "ferryd has ended"
        assert time.monotonic() < until, f"no {what}"
        time.sleep(0.02)


def goes_on(fleet):
    """Waits until each kind of work has been done again."""
    before = fleet.counts()
    wait_for(fleet, "more work", lambda: all(a > b for a, b in zip(fleet.counts(), before)))
