"""Things that go wrong under a fleet at work: the server killed at any moment, its disk full, its
database gone for a while. What was answered is kept, nothing is there twice, and clients that are
told to come back are told when."""

import hashlib
import os
import random
import signal
import socket
import subprocess
import time

import ferryd
import images
import pytest
from fleet import PATIENCE_S, SETTINGS, Fleet, goes_on, wait_for

KILLS = {"sqlite": 150, "postgres": 60}
RUN_MOST_S = 0.12  # until the next kill


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.fixture
def fleet(new_server, tmp_path):
    """A server with fixed ports, as clients that come back need, and its fleet at work."""
    server = new_server(settings={
        "devices_listen": f"127.0.0.1:{free_port()}", "admin_listen": f"127.0.0.1:{free_port()}",
        **SETTINGS})
    (tmp_path / "first.bin").write_bytes(images.app(version="0.0.1", size=1_000_000))
    ferryd.run("release", "add", server.folder, tmp_path / "first.bin")
    fleet = Fleet(server, tmp_path)
    yield fleet
    fleet.is_over.set()


def all_jobs(fleet, dice):
    return ((fleet.enrol_on, 0), (fleet.enrol_on, 1), (fleet.report_on, 0), (fleet.report_on, 1),
            (fleet.download_on, 0), (fleet.upload_on, 0), (fleet.publish_on, dice))


def test_nothing_is_lost_or_double_when_the_server_is_killed(fleet):
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
    done = (*fleet.counts(), fleet.downloads, len(fleet.releases))
    print(f"{kills} kills, {done} enrolled, reported, downloaded, released, "
          f"{time.monotonic() - began:.1f} s")
    assert min(done) > 0, done
    assert fleet.n_cut > kills / 4, "the kills met hardly a request"
    assert server.stop() == 0


NEEDS_DATABASE = {"/api/v1/enroll", "/api/v1/report"}


@pytest.mark.parametrize("engine", ["postgres"], indirect=True)  # SQLite goes with its disk alone
@pytest.mark.parametrize("how", ["fast", "immediate"])  # a restart of PostgreSQL; its crash
def test_a_database_that_goes_and_comes_is_told_and_found_again(how, fleet):
    server, cluster = fleet.server, fleet.server.cluster
    server.start()
    fleet.start((fleet.enrol_on, 0), (fleet.enrol_on, 1), (fleet.report_on, 0))
    for _ in range(2):
        goes_on(fleet)
        cluster.stop(how)
        try:
            fleet.later.clear()
            wait_for(fleet, "503 for each", lambda: fleet.later >= NEEDS_DATABASE)
            assert server.request("GET", "/healthz", "admin").status == 503
            # Whose token it is, the database knows alone; what was counted is told afterwards.
            reply = server.request("GET", "/metrics", "admin",
                                   headers={"Authorization": f"Bearer {server.token}"})
            assert reply.status == 503 and int(reply.headers["Retry-After"]) > 0
            page = server.request("GET", "/", "admin", headers={"Cookie": f"ferryd={'x' * 32}"})
            assert page.status == 503 and int(page.headers["Retry-After"]) > 0
            assert page.headers["Content-Type"].startswith("text/html"), page
        finally:
            cluster.start()
    goes_on(fleet)
    fleet.finish()
    fleet.check()
    assert server.stop() == 0


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)  # the other's disk is PostgreSQL's
def test_a_full_disk_is_told_and_nothing_is_lost(fleet, programs, tmp_path):
    server = fleet.server
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
        assert done.returncode == 1 and "No space left" in done.stderr, done
        reply = server.request("GET", path, device=reader)
        assert (reply.status, reply.body) == (200, data)
        full.unlink()
    goes_on(fleet)
    ferryd.run(*add[1:])
    fleet.finish()
    fleet.check()
    assert server.stop() == 0
