"""The real sources against real servers: every fault of tests/e2e/fault_server.py through libcurl,
files and pipes, by way of the fetch program (FETCH, else that of build/release)."""

import hashlib
import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from fault_server import PASSWORD, TOKEN, TOKEN_HEADER, USER, FaultServer, Tls  # noqa: E402

FETCH = os.environ.get("FETCH", str(ROOT / "build" / "release" / "tests" / "fetch"))
DATA = random.Random(7).randbytes(300_001)
SHA = hashlib.sha256(DATA).hexdigest()
ENV = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}


def fetch(name, stdin=subprocess.DEVNULL, http="yes", through=(), env=ENV, **options):
    """Runs fetch on name, by way of the command `through`; an underscore in an option is a dash."""
    command = [*through, FETCH, "http", http]
    for key, value in options.items():
        command += [key.replace("_", "-"), str(value)]
    command.append(str(name))
    done = subprocess.run(command, stdin=stdin, capture_output=True, text=True, timeout=30, env=env)
    assert done.stderr == ""
    result = json.loads(done.stdout)
    assert done.returncode == (1 if "error" in result else 0)
    return result


@pytest.fixture(scope="module")
def server():
    with FaultServer({"app.bin": DATA, "empty.bin": b""}) as s:
        yield s


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return Tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def tls_server(tls):
    with FaultServer({"app.bin": DATA}, tls=tls) as s:
        yield s


# What arrives whole.


@pytest.mark.parametrize("fault", ["ok", "slow", "interim", "hops/1/ok", "hops/5/ok"])
def test_file_arrives_with_its_length(server, fault):
    got = fetch(server.url(f"{fault}/app.bin"))
    assert (got["bytes"], got["sha256"], got["length"]) == (len(DATA), SHA, len(DATA))
    assert got["authenticated"] is False


@pytest.mark.parametrize("fault", ["chunked", "no-length"])
def test_file_arrives_without_length(server, fault):
    got = fetch(server.url(f"{fault}/app.bin"))
    assert (got["bytes"], got["sha256"], got["length"]) == (len(DATA), SHA, 0)


def test_empty_file_is_an_end_and_no_error(server):
    assert fetch(server.url("ok/empty.bin"))["bytes"] == 0


def test_validators_are_kept(server):
    got = fetch(server.url("ok/app.bin"))
    assert got["etag"] == '"v1"' and got["accepts_offset"] is True


def test_offset_gives_the_rest(server):
    got = fetch(server.url("ok/app.bin"), offset=100_000)
    assert got["sha256"] == hashlib.sha256(DATA[100_000:]).hexdigest()
    assert got["length"] == len(DATA)


def test_bytes_behind_the_announced_length_are_no_part_of_the_file(server):
    got = fetch(server.url("promises-less/app.bin"))
    assert got["bytes"] == got["length"] == len(DATA) - 1000


def test_large_file_arrives():
    data = random.Random(8).randbytes(1 << 20) * 16
    with FaultServer({"app.bin": data}) as s:
        assert fetch(s.url("ok/app.bin"))["sha256"] == hashlib.sha256(data).hexdigest()


# What goes wrong, and how it is told: error, value, limit, a part of the detail.

FAULTS = [
    ("404", "NET_STATUS", 404, 0, "Not Found"),
    ("403", "NET_STATUS", 403, 0, "Forbidden"),
    ("500", "NET_STATUS", 500, 0, "Internal Server Error"),
    ("503", "NET_STATUS", 503, 0, "Service Unavailable"),
    ("odd-reason", "NET_STATUS", 418, 0, ""),
    ("basic", "NET_STATUS", 401, 0, "Unauthorized"),
    ("needs-header", "NET_STATUS", 403, 0, "Forbidden"),
    ("html", "NET_TYPE", 0, 0, "text/html"),
    ("gzip", "NET_PROTOCOL", 0, 0, "gzip"),
    ("garbage", "NET_PROTOCOL", 0, 0, "HTTP/0.9"),
    ("endless-head", "NET_PROTOCOL", 0, 0, "endless"),
    ("closes-at-once", "NET_CLOSED", 0, 0, ""),
    ("promises-more", "NET_CLOSED", len(DATA), len(DATA) + 1000, ""),
    ("closes-early", "NET_CLOSED", len(DATA) // 2, len(DATA), ""),
    ("chunked-cut", "NET_CLOSED", 0, 0, "outstanding"),
    ("hops/6/ok", "NET_REDIRECT", 6, 5, "more than 5"),
    ("loop", "NET_REDIRECT", 6, 5, "more than 5"),
    ("to-ftp", "NET_REDIRECT", 302, 0, "ftp://127.0.0.1/app.bin"),
    ("to-file", "NET_REDIRECT", 302, 0, "file:///etc/passwd"),
    ("to-nowhere", "NET_REDIRECT", 302, 0, "no usable address"),
]


@pytest.mark.parametrize("fault, error, value, limit, detail", FAULTS, ids=[f[0] for f in FAULTS])
def test_fault_is_named(server, fault, error, value, limit, detail):
    got = fetch(server.url(f"{fault}/app.bin"))
    assert got["error"] == "FERRY_ERR_" + error
    assert (got["value"], got["limit"]) == (value, limit)
    assert detail in got["detail"] and "\x1b" not in got["detail"]


@pytest.mark.parametrize("fault", ["bad-length", "two-lengths"])
def test_contradicting_lengths_are_refused(server, fault):
    assert fetch(server.url(f"{fault}/app.bin"))["error"] == "FERRY_ERR_NET_PROTOCOL"


def test_reset_is_a_closed_connection(server):
    got = fetch(server.url("resets/app.bin"))
    assert got["error"] == "FERRY_ERR_NET_CLOSED" and got["limit"] == len(DATA)


def test_endless_body_ends_at_the_callers_maximum(server):
    got = fetch(server.url("endless/app.bin"), max=1_000_000)
    assert got["error"] == "FERRY_ERR_NET_LENGTH" and got["limit"] == 1_000_000
    assert got["bytes"] <= 1_000_000 < got["value"]


@pytest.mark.parametrize("fault, bytes_before", [("stalls", len(DATA) // 2), ("silent", 0)])
def test_silence_ends_after_the_stall_time(server, fault, bytes_before):
    begin = time.monotonic()
    got = fetch(server.url(f"{fault}/app.bin"), stall_ms=600)
    assert 0.6 <= time.monotonic() - begin < 5
    assert got["error"] == "FERRY_ERR_NET_TIMEOUT" and got["detail"] == "no byte for 600 ms"
    assert got["bytes"] == bytes_before


def test_slow_body_is_no_stall(server):
    assert fetch(server.url("slow/app.bin"), stall_ms=1500)["sha256"] == SHA


@pytest.mark.parametrize("fault", ["stalls", "silent"])
def test_cancelling_is_noticed_at_once(server, fault):
    begin = time.monotonic()
    got = fetch(server.url(f"{fault}/app.bin"), cancel_ms=300)
    assert got["error"] == "FERRY_ERR_CANCELLED"
    assert time.monotonic() - begin < 1.5


@pytest.mark.parametrize(
    "fault, value, limit", [("ignores-range", 200, 206), ("wrong-range", 0, 5)]
)
def test_offset_that_is_not_honoured_is_noticed(server, fault, value, limit):
    got = fetch(server.url(f"{fault}/app.bin"), offset=5)
    assert got["error"] == "FERRY_ERR_NET_PROTOCOL"
    assert (got["value"], got["limit"], got["bytes"]) == (value, limit, 0)


def test_offset_behind_the_end_is_refused(server):
    got = fetch(server.url("ok/app.bin"), offset=len(DATA) + 1)
    assert (got["error"], got["value"]) == ("FERRY_ERR_NET_STATUS", 416)


def test_nobody_listens():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    got = fetch(f"http://127.0.0.1:{port}/app.bin")
    assert got["error"] == "FERRY_ERR_NET_CONNECT" and str(port) in got["detail"]


def test_connection_that_is_not_accepted_ends_after_the_connect_time():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(0)
        address = s.getsockname()
        fillers = []
        for _ in range(8):  # nobody accepts: the queue is soon full, and then nothing answers
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(address)
            fillers.append(filler)
        begin = time.monotonic()
        got = fetch(f"http://127.0.0.1:{address[1]}/a", connect_ms=500, stall_ms=20000)
        took = time.monotonic() - begin
        for filler in fillers:
            filler.close()
    assert got["error"] == "FERRY_ERR_NET_CONNECT"
    assert 0.5 <= took < 5


def test_handshake_that_never_ends_counts_as_connecting(tls):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(4)
        begin = time.monotonic()
        got = fetch(f"https://127.0.0.1:{s.getsockname()[1]}/a", connect_ms=500, stall_ms=20000)
    assert got["error"] == "FERRY_ERR_NET_CONNECT"
    assert 0.5 <= time.monotonic() - begin < 5


@pytest.mark.parametrize(
    "name", ["ftp://127.0.0.1/a", "http://u:p@127.0.0.1/a", "http:/a", "file:///etc/passwd"]
)
def test_other_addresses_are_refused(name):
    assert fetch(name)["error"] == "FERRY_ERR_NET_URL"


def test_plain_http_needs_permission(server):
    n_before = len(server.requests)
    assert fetch(server.url("ok/app.bin"), http="no")["error"] == "FERRY_ERR_NET_INSECURE"
    assert len(server.requests) == n_before


# Who gets secrets.

SECRETS = {"user": USER, "password": PASSWORD, "header": f"{TOKEN_HEADER}: {TOKEN}"}


@pytest.mark.parametrize("fault", ["basic", "needs-header", "hops/2/basic"])
def test_secrets_open_the_door(server, fault):
    assert fetch(server.url(f"{fault}/app.bin"), **SECRETS)["sha256"] == SHA


def test_wrong_password_stays_outside(server):
    got = fetch(server.url("basic/app.bin"), user=USER, password="wrong")
    assert (got["error"], got["value"]) == ("FERRY_ERR_NET_STATUS", 401)


def test_other_origin_gets_no_secrets(server):
    with FaultServer({"app.bin": DATA}) as other:
        server.other_origin = other.origin
        got = fetch(server.url("cross/ok/app.bin"), **SECRETS)
        assert got["sha256"] == SHA
        assert "Authorization" in server.requests[-1][1]
        _, headers = other.requests[-1]
        assert "Authorization" not in headers and TOKEN_HEADER not in headers


def test_secrets_of_a_manifest_stay_with_its_origin(server):
    with FaultServer({"app.bin": DATA}) as other:
        got = fetch(other.url("ok/app.bin"), secrets_for=server.url("m.json"), **SECRETS)
        assert got["sha256"] == SHA
        assert "Authorization" not in other.requests[-1][1]


def test_request_says_who_asks_and_wants_no_encoding(server):
    fetch(server.url("ok/app.bin"))
    _, headers = server.requests[-1]
    assert headers["User-Agent"].startswith("ferry/")
    assert "Accept-Encoding" not in headers and "Range" not in headers


# TLS.


def test_https_with_the_right_ca_is_authenticated(tls, tls_server):
    got = fetch(tls_server.url("ok/app.bin"), http="no", ca=tls.ca)
    assert got["sha256"] == SHA and got["authenticated"] is True


@pytest.mark.parametrize("ca", ["other_ca", None])
def test_https_with_an_unknown_ca_is_refused(tls, tls_server, ca):
    got = fetch(tls_server.url("ok/app.bin"), **({"ca": tls.other_ca} if ca else {}))
    assert got["error"] == "FERRY_ERR_NET_TLS" and "certificate" in got["detail"]


def test_https_with_a_missing_ca_file_is_refused(tls_server, tmp_path):
    got = fetch(tls_server.url("ok/app.bin"), ca=tmp_path / "none.pem")
    assert got["error"] == "FERRY_ERR_NET_TLS" and "none.pem" in got["detail"]


def test_certificate_of_another_host_is_refused(tls):
    cert = (tls.wrong_host_cert, tls.wrong_host_key)
    with FaultServer({"app.bin": DATA}, tls=tls, cert=cert) as s:
        got = fetch(s.url("ok/app.bin"), ca=tls.ca)
    assert got["error"] == "FERRY_ERR_NET_TLS"


def test_https_against_a_plain_server_is_a_tls_error(server):
    got = fetch(server.url("ok/app.bin").replace("http:", "https:"))
    assert got["error"] == "FERRY_ERR_NET_TLS"


def test_client_certificate_is_shown_to_its_origin_only(tls, tls_server):
    with FaultServer({"app.bin": DATA}, tls=tls, needs_client_cert=True) as s:
        door = {"ca": tls.ca, "cert": tls.client_cert, "key": tls.client_key}
        assert fetch(s.url("ok/app.bin"), **door)["sha256"] == SHA
        got = fetch(s.url("ok/app.bin"), ca=tls.ca)
        assert got["error"] == "FERRY_ERR_NET_TLS" and got["detail"]
        tls_server.other_origin = s.origin
        got = fetch(tls_server.url("cross/ok/app.bin"), **door)
        assert got["error"] == "FERRY_ERR_NET_TLS"


def test_redirect_from_https_to_http_is_refused(tls, tls_server, server):
    tls_server.other_origin = server.origin
    n_before = len(server.requests)
    got = fetch(tls_server.url("cross/ok/app.bin"), ca=tls.ca)
    assert got["error"] == "FERRY_ERR_NET_REDIRECT" and "https to http" in got["detail"]
    assert len(server.requests) == n_before


def test_redirect_from_http_to_https_is_not_authenticated(tls, tls_server, server):
    server.other_origin = tls_server.origin
    got = fetch(server.url("cross/ok/app.bin"), ca=tls.ca)
    assert got["sha256"] == SHA and got["authenticated"] is False


# Manifests.


def test_manifest_is_read_over_http():
    manifest = {"firmware": "app.bin", "sha": SHA, "length": len(DATA)}
    with FaultServer({"m.json": json.dumps(manifest).encode()}) as s:
        got = fetch(s.url("ok/m.json"), manifest="yes")
        assert got == {"firmware": s.url("ok/app.bin"), "length": len(DATA)}
        assert fetch(s.url("404/m.json"), manifest="yes")["value"] == 404
        got = fetch(s.url("closes-early/m.json"), manifest="yes")
        assert got["error"] == "FERRY_ERR_NET_CLOSED"
        got = fetch(s.url("endless/m.json"), manifest="yes")
        assert got["error"] == "FERRY_ERR_MANIFEST_SIZE" and got["limit"] == 8192


def test_manifest_is_read_from_a_file(tmp_path):
    manifest = {"firmware": "app.bin", "sha": SHA, "length": len(DATA)}
    path = tmp_path / "m.json"
    path.write_text(json.dumps(manifest))
    assert fetch(path, manifest="yes")["firmware"] == str(tmp_path / "app.bin")
    del manifest["sha"]
    path.write_text(json.dumps(manifest))
    got = fetch(path, manifest="yes")
    assert got["error"] == "FERRY_ERR_MANIFEST" and '"sha" is missing' in got["detail"]


# Files and pipes.


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "app.bin"
    path.write_bytes(DATA)
    return path


def test_file_is_read(file):
    got = fetch(file)
    assert (got["sha256"], got["length"], got["authenticated"]) == (SHA, len(DATA), True)


def test_file_is_read_from_an_offset(file):
    got = fetch(file, offset=300_000)
    assert got["bytes"] == 1 and got["length"] == len(DATA)
    got = fetch(file, offset=300_002)
    assert (got["error"], got["value"], got["limit"]) == ("FERRY_ERR_RANGE", 300_002, len(DATA))


def test_standard_input_is_read_from_file_and_pipe(file):
    with open(file, "rb") as f:
        f.seek(1000)
        got = fetch("-", stdin=f)
        assert (got["sha256"], got["length"]) == (SHA, len(DATA))
    with subprocess.Popen(["cat", str(file)], stdout=subprocess.PIPE) as cat:
        got = fetch("-", stdin=cat.stdout)
        assert (got["sha256"], got["length"]) == (SHA, 0)


def test_pipe_has_no_middle(file):
    with subprocess.Popen(["cat", str(file)], stdout=subprocess.PIPE) as cat:
        got = fetch("-", stdin=cat.stdout, offset=5)
        cat.stdout.close()
    assert got["error"] == "FERRY_ERR_FILE_READ" and got["detail"] == "Illegal seek"


def test_silent_pipe_can_be_cancelled():
    begin = time.monotonic()
    with subprocess.Popen(["sleep", "20"], stdout=subprocess.PIPE) as sleeper:
        got = fetch("-", stdin=sleeper.stdout, cancel_ms=300)
        sleeper.kill()
    assert got["error"] == "FERRY_ERR_CANCELLED"
    assert time.monotonic() - begin < 1.5


def test_fifo_without_a_writer_can_be_cancelled(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    assert fetch(tmp_path / "fifo", cancel_ms=300)["error"] == "FERRY_ERR_CANCELLED"


def test_missing_file_and_folder_are_named(tmp_path):
    got = fetch(tmp_path / "none.bin")
    assert (got["error"], got["detail"]) == ("FERRY_ERR_FILE_OPEN", "No such file or directory")
    got = fetch(tmp_path)
    assert (got["error"], got["detail"]) == ("FERRY_ERR_FILE_OPEN", "Is a directory")


def test_unreadable_file_is_named(file):
    file.chmod(0)
    # root reads everything by a capability; without it, permissions count for root too
    humble = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
    got = fetch(file, through=humble if os.geteuid() == 0 else [])
    assert (got["error"], got["detail"]) == ("FERRY_ERR_FILE_OPEN", "Permission denied")


def test_file_that_cannot_be_read_is_named():
    got = fetch("/proc/self/mem")
    assert got["error"] == "FERRY_ERR_FILE_READ" and got["detail"] == "Input/output error"


@pytest.mark.parametrize("source, words", [
    (None, "file too short"),
    ("int ferry_test_only;", "libcurl.so.4 has no curl_version_info"),
], ids=["no library", "another library"])
def test_library_that_cannot_be_used_is_named(server, tmp_path, source, words):
    """libcurl is loaded when an address is opened, so its absence shows only then."""
    library = tmp_path / "libcurl.so.4"
    if source is None:
        library.touch()
    else:
        subprocess.run(["cc", "-shared", "-x", "c", "-", "-o", library], input=source, text=True,
                       check=True, timeout=30)
    env = dict(ENV, LD_LIBRARY_PATH=str(tmp_path))
    got = fetch(server.url("ok/app.bin"), env=env)
    assert got["error"] == "FERRY_ERR_NET_LIBRARY" and words in got["detail"]
    (tmp_path / "plain.bin").write_bytes(DATA)
    assert fetch(tmp_path / "plain.bin", env=env)["sha256"] == SHA
