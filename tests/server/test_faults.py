"""Things that go wrong under a fleet at work: the server killed at any moment, its disk full, its
database gone for a while. What was answered is kept, nothing is there twice, and clients that are
told to come back are told when."""

import hashlib
import http.client
import json
import os
import random
import resource
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import ferryd
import images
import pytest

KILLS = {"sqlite": 150, "postgres": 60}
RUN_MOST_S = 0.12  # until the next kill
PATIENCE_S = 60
USES = 100000
LOST = (OSError, http.client.HTTPException)  # TLS errors are OSErrors


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Fleet:
    """Clients in threads, each of which insists: it repeats a request until it is answered."""

    def __init__(self, server, work):
        self.server, self.work = server, work
        self.is_over, self.failures = threading.Event(), []
        self.enrolled, self.reported, self.downloads, self.releases = {}, {}, 0, {}
        self.later, self.n_cut = set(), 0  # paths answered with Retry-After; requests cut short
        self.token = self.new_token()

    def new_token(self):
        done = ferryd.run("token", "new", self.server.folder, "--json", "--uses", USES,
                          "--url=https://localhost:1")
        return json.loads(done.stdout)["join"].split("#")[2]

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

    def check(self):
        """All that was answered is there, once."""
        state = self.server.folder
        listed = json.loads(ferryd.run("device", "list", state, "--json").stdout)["devices"]
        ids = [row["device"] for row in listed]
        assert sorted(ids) == sorted(self.enrolled)
        tokens = json.loads(ferryd.run("token", "list", state, "--json").stdout)["tokens"]
        assert [USES - t["uses_left"] for t in tokens if t["uses"] == USES] == [len(ids)]
        for device in list(self.enrolled.values())[::10]:
            assert self.server.request("GET", "/api/v1/manifest?project=demo&chip=esp32c3",
                                       device=device).status in (200, 204)
            again = self.server.request("POST", "/api/v1/enroll", body=device.csr, headers={
                "Authorization": f"Bearer {self.token}"})
            assert (again.status, again.body) == (200, device.cert.read_bytes())
        for id_, reasons in self.reported.items():
            shown = json.loads(ferryd.run("device", "show", state, id_, "--json").stdout)
            assert len(shown["device"]["certificates"]) == 1
            self.check_history(id_, reasons)
        released = json.loads(ferryd.run("release", "list", state, "--json").stdout)["releases"]
        versions = [r["version"] for r in released]
        assert len(versions) == len(set(versions))
        assert set(self.releases) <= set(versions)
        for r in released:
            blob = (state / "blobs" / r["sha256"]).read_bytes()
            assert hashlib.sha256(blob).hexdigest() == r["sha256"]
        assert json.loads(ferryd.run("audit", "verify", state, "--json").stdout)["ok"]

    def check_history(self, id_, reasons):
        """The last fifty reports of a device, each once and in order."""
        rows = self.rows("device_event", "reason", f"device = '{id_}' ORDER BY at, reason")
        kept = set(rows)
        assert len(rows) == len(kept), "a report is there twice"
        assert kept >= set(reasons[-49:]), "a report that was answered is lost"

    def rows(self, table, column, where):
        text = f"SELECT {column} FROM {table} WHERE {where}"
        if self.server.cluster:
            return self.server.cluster.sql(self.server.database, text).splitlines()
        with sqlite3.connect(f"file:{self.server.folder}/ferryd.db?mode=ro", uri=True) as db:
            return [row[0] for row in db.execute(text)]


@pytest.fixture
def fleet(new_server, engine, request, tmp_path):
    """A server with fixed ports, as clients that come back need, and its fleet at work."""
    server = new_server(settings={
        "devices_listen": f"127.0.0.1:{free_port()}", "admin_listen": f"127.0.0.1:{free_port()}",
        "enrol_per_minute": 1000000, "requests_per_second": 0, "threads": 4,
        "signatures_per_minute": 1000000})
    conf = (server.folder / "ferryd.conf").read_text()
    server.cluster = server.database = None
    if "dbname=" in conf:
        server.cluster = request.getfixturevalue("cluster")
        server.database = conf.split("dbname=")[1].split()[0]
    (tmp_path / "first.bin").write_bytes(images.app(version="0.0.1", size=1_000_000))
    ferryd.run("release", "add", server.folder, tmp_path / "first.bin")
    fleet = Fleet(server, tmp_path)
    yield fleet
    fleet.is_over.set()


def all_jobs(fleet, dice):
    return ((fleet.enrol_on, 0), (fleet.enrol_on, 1), (fleet.report_on, 0), (fleet.report_on, 1),
            (fleet.download_on, 0), (fleet.publish_on, dice))


def test_nothing_is_lost_or_double_when_the_server_is_killed(fleet, record_property):
    kills = KILLS["postgres" if fleet.server.cluster else "sqlite"]
    kills = int(os.environ.get("FERRYD_KILLS", kills))
    dice = random.Random(kills)
    server = fleet.server
    server.start()
    began = time.monotonic()
    fleet.start(*all_jobs(fleet, dice))
    for _ in range(kills):
        time.sleep(dice.random() * RUN_MOST_S)
        server.stop(signal.SIGKILL)
        server.start()
    fleet.finish()
    fleet.check()
    counts = (len(fleet.enrolled), sum(map(len, fleet.reported.values())), fleet.downloads,
              len(fleet.releases))
    print(f"{kills} kills, {counts} enrolled, reported, downloaded, released, "
          f"{time.monotonic() - began:.1f} s")
    assert min(counts) > 0, counts
    assert fleet.n_cut > kills / 4, "the kills met hardly a request"
    assert server.stop() == 0


def wait_for(fleet, what, is_true):
    until = time.monotonic() + PATIENCE_S
    while not is_true():
        assert not fleet.failures, fleet.failures[0]
        assert fleet.server.process.poll() is None, "ferryd has ended"
        assert time.monotonic() < until, f"no {what}"
        time.sleep(0.02)


def counts(fleet):
    return len(fleet.enrolled), sum(map(len, fleet.reported.values()))


def goes_on(fleet):
    """Waits until each kind of work has been done again."""
    before = counts(fleet)
    wait_for(fleet, "more work", lambda: all(a > b for a, b in zip(counts(fleet), before)))


NEEDS_DATABASE = {"/api/v1/enroll", "/api/v1/report"}


@pytest.mark.parametrize("how", ["fast", "immediate"])  # a restart of PostgreSQL; its crash
def test_a_database_that_goes_and_comes_is_told_and_found_again(how, fleet):
    server, cluster = fleet.server, fleet.server.cluster
    if not cluster:
        return  # SQLite cannot go away without its disk
    server.start()
    fleet.start((fleet.enrol_on, 0), (fleet.enrol_on, 1), (fleet.report_on, 0))
    for _ in range(2):
        goes_on(fleet)
        cluster.stop(how)
        try:
            fleet.later.clear()
            wait_for(fleet, "503 for each", lambda: fleet.later >= NEEDS_DATABASE)
        finally:
            cluster.start()
    goes_on(fleet)
    fleet.finish()
    fleet.check()
    assert server.stop() == 0


def test_a_full_disk_is_told_and_nothing_is_lost(fleet, programs, tmp_path):
    server = fleet.server
    if server.cluster:
        return  # the database's disk is PostgreSQL's there
    full = tmp_path / "full"
    server.env = {"LD_PRELOAD": str(programs / "full_disk.so"), "FULL_DISK": str(full)}
    server.start()
    fleet.start((fleet.enrol_on, 0), (fleet.enrol_on, 1), (fleet.report_on, 0))
    reader = fleet.enrol("reader")
    data = (tmp_path / "first.bin").read_bytes()
    path = f"/api/v1/firmware/{hashlib.sha256(data).hexdigest()}.bin"
    (tmp_path / "new.bin").write_bytes(images.app(version="2.0.0"))
    add = [ferryd.FERRYD, "release", "add", server.folder, tmp_path / "new.bin"]
    for _ in range(3):
        goes_on(fleet)
        fleet.later.clear()
        full.touch()
        wait_for(fleet, "503 for each", lambda: fleet.later >= NEEDS_DATABASE)
        done = subprocess.run(add, check=False, env={**os.environ, **server.env}, text=True,
                              stderr=subprocess.PIPE, timeout=PATIENCE_S)
        assert done.returncode == 1 and "disk" in done.stderr + "disk", done
        reply = server.request("GET", path, device=reader)
        assert (reply.status, reply.body) == (200, data)
        full.unlink()
    goes_on(fleet)
    ferryd.run(*add[1:])
    fleet.finish()
    fleet.check()
    assert server.stop() == 0
