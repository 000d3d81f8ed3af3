"""Several ferryd on one PostgreSQL behind a real nginx, by packaging/nginx/ferryd.conf as it is but
for paths and port. An instance is killed under a fleet at work: nobody notices."""

import datetime
import getpass
import hashlib
import shutil
import signal
import subprocess
import time
from pathlib import Path

import ferryd
import images
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from fleet import PATIENCE_S, SETTINGS, Fleet, goes_on
from test_faults import free_port

CONF = Path(__file__).resolve().parents[2] / "packaging/nginx/ferryd.conf"
KILLS = 8
MANIFEST = "/api/v1/manifest?project=demo&chip=esp32c3&slot_bytes=4000000"


class Front(ferryd.Ferryd):
    """nginx, in the place of the server whose device door it is."""

    def __init__(self, instances, folder):
        self.__dict__.update(instances[0].__dict__)
        self.instances, self.port = instances, free_port()
        self.doors = {"devices": f"https://127.0.0.1:{self.port}"}
        text = CONF.read_text()
        for word, by in (("/var/lib/ferryd-2/", f"{instances[1].folder}/"),
                         ("/var/lib/ferryd/", f"{instances[0].folder}/"),
                         ("listen 8443", f"listen 127.0.0.1:{self.port}")):
            assert word in text
            text = text.replace(word, by)
        self.conf = folder / "nginx.conf"
        self.conf.write_text(
            f"user {getpass.getuser()};\nworker_processes 1;\ndaemon off;\npid {folder}/pid;\n"
            f"error_log {folder}/error.log;\nevents {{ worker_connections 512; }}\n"
            "http {\naccess_log off;\n" + "".join(
                f"{kind}_temp_path {folder}/{kind};\n"
                for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
            + text + "}\n")
        self.process = subprocess.Popen(["nginx", "-e", folder / "error.log", "-c",
                                         self.conf])
        until = time.monotonic() + PATIENCE_S
        while True:
            assert self.process.poll() is None and time.monotonic() < until, "no nginx"
            try:
                return self.connect("devices").close()
            except OSError:
                time.sleep(0.02)

    def reload_nginx(self, text):
        """By other settings; returns when no worker has the former ones."""
        task = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        former = set(task.read_text().split())
        self.conf.write_text(text)
        self.process.send_signal(signal.SIGHUP)
        until = time.monotonic() + PATIENCE_S
        while not (now := set(task.read_text().split())) or now & former:
            assert time.monotonic() < until, "nginx does not reload"
            time.sleep(0.02)

    def stop_nginx(self):
        self.process.terminate()
        self.process.wait(PATIENCE_S)


@pytest.fixture(scope="module")
def front(cluster, tmp_path_factory):
    """Two instances, made as docs/several-servers.md says, and nginx before them."""
    work = Path(tmp_path_factory.mktemp("front"))
    (work / "one").mkdir(), (work / "two").mkdir()
    first = ferryd.Ferryd(work / "one" / "state", cluster=cluster, settings={
        "devices_listen": "off", "proxy_listen": "unix:proxy.sock", "proxy_accel": "/blobs/",
        **SETTINGS})
    shutil.copytree(first.folder, work / "two" / "state", ignore=shutil.ignore_patterns("blobs"))
    (work / "two" / "state" / "blobs").symlink_to(first.folder / "blobs")
    second = ferryd.Ferryd.__new__(ferryd.Ferryd)
    second.__dict__.update(first.__dict__, folder=work / "two" / "state", log=work / "two" / "log")
    for one in (first, second):
        one.start()
    (work / "first.bin").write_bytes(images.app(version="0.0.1", size=1_000_000))
    ferryd.run("release", "add", first.folder, work / "first.bin")
    made = Front([first, second], work)
    yield made
    made.stop_nginx()
    for one in (first, second):
        assert one.stop() == 0


@pytest.fixture
def fleet(front, tmp_path):
    fleet = Fleet(front, tmp_path)
    yield fleet
    fleet.is_over.set()


def test_the_proxy_sends_the_bytes_that_ferryd_grants(front, fleet):
    device = fleet.enrol("reader")
    data = images.app(version="0.0.1", size=1_000_000)
    path = f"/api/v1/firmware/{hashlib.sha256(data).hexdigest()}.bin"
    whole = front.request("GET", path, device=device)
    assert (whole.status, whole.body) == (200, data)
    part = front.request("GET", path, device=device, headers={
        "Range": "bytes=1000-1999", "If-Range": whole.headers["ETag"]})
    assert (part.status, part.body) == (206, data[1000:2000])
    head = front.request("HEAD", path, device=device)
    assert (head.status, head.headers["Content-Length"]) == (200, str(len(data)))
    assert front.request("GET", path, device=device, headers={
        "Range": f"bytes={len(data)}-"}).status == 416
    assert front.request("GET", path, device=device, headers={
        "If-None-Match": whole.headers["ETag"]}).status == 304
    # That nginx sent them shows in its kind of ETag: time and size, not the SHA-256.
    assert whole.headers["ETag"].endswith(f'-{len(data):x}"')
    assert front.request("GET", path).status == 401
    blob = f"/blobs/{hashlib.sha256(data).hexdigest()}"
    assert front.request("GET", blob, device=device).status == 404


def test_nobody_is_somebody_else(front, fleet):
    device = fleet.enrol("spoofed")
    assert front.request("GET", MANIFEST, device=device).status == 200
    for headers in ({"Ferry-Client-Cert": device.escaped_cert},
                    {"ferry-client-cert": device.escaped_cert},
                    {"Ferry_Client_Cert": device.escaped_cert},
                    {"Ferry-Client-Cert": device.serial}):
        assert front.request("GET", MANIFEST, headers=headers).status == 401
    other = fleet.enrol("other")
    for shown in (device.escaped_cert, device.serial):
        front.request("POST", "/api/v1/report", device=other, body='{"state": "idle"}',
                      headers={"Ferry-Client-Cert": shown})
    rows = front.sql("SELECT device, state FROM device_state"
                     f" WHERE device IN ('{device.id}', '{other.id}')")
    assert sorted(rows) == sorted([f"{device.id}|", f"{other.id}|idle"])


def verified(front):
    return sum(one.metrics()["ferryd_certificates_verified_total"] for one in front.instances)


def test_what_nginx_has_verified_is_not_verified_again(front, fleet, tmp_path):
    """The number is enough then. What its file of CA certificates does not know is passed on whole
    and judged by ferryd: nobody is turned away between a new CA and nginx's reload."""
    device, before = fleet.enrol("numbered"), verified(front)
    assert front.request("GET", MANIFEST, device=device).status == 200
    assert verified(front) == before
    elsewhere = ferryd.Ferryd(tmp_path / "elsewhere")
    conf = Path(front.conf).read_text()
    known = f"{front.folder}/ca/clients.pem"
    assert known in conf
    other = conf.replace(known, f"{elsewhere.folder}/ca/clients.pem")
    try:
        front.reload_nginx(other)
        assert front.request("GET", MANIFEST, device=device).status == 200
        assert verified(front) == before + 1
    finally:
        front.reload_nginx(conf)
    assert front.request("GET", MANIFEST, device=device).status == 200
    assert verified(front) == before + 1


def certificate(device, folder, days):
    """One that the issuing CA signed, which ran out `days` ago."""
    ca = x509.load_pem_x509_certificate((folder / "ca/issuing.pem").read_bytes())
    key = serialization.load_pem_private_key((folder / "ca/issuing.key").read_bytes(), None)
    own = serialization.load_pem_private_key(device.key.read_bytes(), None)
    end = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=days)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "drawer")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(ca.subject).public_key(
        own.public_key()).serial_number(7).not_valid_before(
            end - datetime.timedelta(days=9)).not_valid_after(end).add_extension(
                x509.BasicConstraints(False, None), True).add_extension(
                    x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False).sign(
                        key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("days", [-3, 3])
def test_a_certificate_that_ran_out_reaches_ferryd_too(days, front, fleet):
    """Which may renew it; nginx alone would refuse it unseen."""
    device = ferryd.Device(fleet.work / "drawer", "")
    device.cert.write_bytes(certificate(device, front.folder, days))
    reply = front.request("POST", "/api/v1/renew", device=device, body=device.csr)
    assert reply.status == 403 and "not in our records" in reply.json["message"]


def test_a_killed_instance_is_not_missed(front, fleet):
    fleet.start((fleet.enrol_on, 0), (fleet.enrol_on, 1), (fleet.report_on, 0),
                (fleet.report_on, 1), (fleet.download_on, 0))
    began = time.monotonic()
    for i in range(KILLS):
        goes_on(fleet)
        one = front.instances[i % 2]
        one.stop(signal.SIGKILL)
        goes_on(fleet)  # on the other one
        one.start()
    fleet.finish()
    print(f"{KILLS} kills, {fleet.counts()} enrolled and reported, {fleet.downloads} downloads, "
          f"{fleet.n_cut} requests cut, {time.monotonic() - began:.1f} s")
    assert fleet.downloads > 0 and fleet.n_cut == 0
    fleet.check()


def test_both_down_is_said_and_gets_better(front, fleet):
    device = fleet.enrol("patient")
    for one in front.instances:
        one.stop(signal.SIGKILL)
    reply = front.request("GET", MANIFEST, device=device)
    assert (reply.status, reply.headers["Retry-After"]) == (503, "10")
    for one in front.instances:
        one.start()
    until = time.monotonic() + PATIENCE_S
    while front.request("GET", MANIFEST, device=device).status != 200:
        assert time.monotonic() < until
        time.sleep(0.1)
