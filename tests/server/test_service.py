"""The process: settings, numbers, log, reload and the way it ends."""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import images
import pytest
import raw
import test_firmware
from ferryd import FERRYD, ROOT, run
from prometheus_client.parser import text_string_to_metric_families
from operators import Browser, Operator

DOC = ROOT / "docs/server.md"


# Settings.

def conf(folder, text):
    folder.mkdir(exist_ok=True)
    (folder / "ferryd.conf").write_text(text)
    return folder


def test_check_prints_every_setting(tmp_path):
    done = run("serve", conf(tmp_path / "s", "threads = 3 \r\n# x = y\n\n  idle_seconds=7"),
               "--check", "--json")
    settings = json.loads(done.stdout)["settings"]
    assert settings["threads"] == "3" and settings["idle_seconds"] == "7"
    assert settings["devices_listen"] == "0.0.0.0:8443" and settings["admin_tls"] == "off"


def test_file_that_init_writes_documents_every_setting_with_its_default(tmp_path):
    state = tmp_path / "state"
    run("init", state, "--host", "localhost")
    text = (state / "ferryd.conf").read_text()
    assert (state / "ferryd.conf").stat().st_mode & 0o777 == 0o600
    documented = dict(line.lstrip("#").split(" =", 1) for line in text.splitlines()
                      if re.match(r"#?[a-z_]+ =", line))
    documented["devices_url"] = ""  # which init has set
    bare = conf(tmp_path / "bare", "")
    settings = json.loads(run("serve", bare, "--check", "--json").stdout)["settings"]
    settings["database"] = settings["database"].replace(f"{bare}/", "")
    assert {k: v.strip() for k, v in documented.items()} == settings


def test_docs_name_every_setting_with_its_default(tmp_path):
    page = DOC.read_text()
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| `?([^|`]*)`? \|", page, re.M))
    bare = conf(tmp_path / "s", "")
    settings = json.loads(run("serve", bare, "--check", "--json").stdout)["settings"]
    settings["database"] = settings["database"].replace(f"{bare}/", "")
    assert {key: value.strip() for key, value in rows.items()} == settings


def refusal(folder, key, value):
    """The sentence about a value."""
    done = run("serve", conf(folder, f"{key} = {value}\n"), "--check", check=False)
    assert done.returncode == 1 and f"{key} " in done.stderr, done.stderr
    assert f"not '{value}'" in done.stderr, done.stderr
    return done.stderr


def test_every_number_has_the_limits_that_are_documented(tmp_path):
    """On the page, in the file that init writes, and by what is refused."""
    rows = re.findall(r"^\| `([a-z_]+)` \| `\d+` \| (\d+), (\d+) \|", DOC.read_text(), re.M)
    run("init", tmp_path / "state", "--host", "localhost")
    written = re.findall(r"^# From (\d+) to (\d+)\.\n#([a-z_]+) = ",
                         (tmp_path / "state/ferryd.conf").read_text(), re.M)
    assert rows == [(key, least, most) for least, most, key in written]
    assert len(rows) == 18
    for column in (1, 2):
        text = "".join(f"{row[0]} = {row[column]}\n" for row in rows)
        run("serve", conf(tmp_path / "s", text), "--check")
    for key, least, most in rows:
        for value in (int(least) - 1, int(most) + 1):
            assert f"from {least} to {most}" in refusal(tmp_path / "s", key, value)


def test_every_other_setting_refuses_what_it_cannot_take(tmp_path):
    """A value for each, so that a new key cannot be forgotten here."""
    wrong = {"devices_listen": "unix:x", "admin_listen": "localhost:1", "public_listen": "on",
             "tcp_listen": "unix:x", "proxy_listen": "nginx", "devices_url": "http://x",
             "admin_tls": "yes", "log_requests": "1", "tcp_channel": "a/b", "proxy_from": "all",
             "proxy_accel": "blobs", "database": "sqlite:"}
    numbers = {key for key, _, _ in re.findall(r"^\| `([a-z_]+)` \| `\d+` \| (\d+), (\d+) \|",
                                               DOC.read_text(), re.M)}
    bare = conf(tmp_path / "bare", "")
    settings = json.loads(run("serve", bare, "--check", "--json").stdout)["settings"]
    assert settings.keys() - numbers == wrong.keys()
    for key, value in wrong.items():
        refusal(tmp_path / "s", key, value)


def test_password_of_the_database_is_not_printed(tmp_path):
    folder = conf(tmp_path / "s", "database = postgres:host=db password=hunter2\n")
    done = run("serve", folder, "--check", "--json")
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize("text, words", [
    ("threads", "line 1: is not 'key = value'"),
    ("\nthread = 3", "line 2: there is no key 'thread'"),
    ("threads = 3\nthreads = 3", "line 2: threads was set before"),
    ("threads = three", "threads takes a number from 0 to 256, not 'three'"),
    ("threads = 257", "threads takes a number from 0 to 256, not '257'"),
    ("threads = -1", "not '-1'"), ("threads =", "not ''"), ("threads = 0x10", "not '0x10'"),
    ("threads = 99999999999999999999", "not '99999999999999999999'"),
    ("admin_tls = yes", "admin_tls takes on or off, not 'yes'"),
    ("devices_listen = 8443", "devices_listen takes off or HOST:PORT"),
    ("devices_listen = localhost:1", "numeric host"), ("devices_listen = 1.2.3.4:65536", "not '1"),
    ("devices_listen = ::1:80", "not '::1:80'"), ("devices_listen = unix:", "not 'unix:'"),
    ("proxy_listen = 127.0.0.1:0", "needs proxy_from"),
    ("proxy_from = 10.0.0.0/33", "takes networks"), ("proxy_from = 10.0.0.0", "takes networks"),
    ("proxy_accel = blobs", "begins and ends with /"),
    ("database = mysql:x", "sqlite:PATH or postgres:WORDS"),
    ("devices_url = http://x", "begins with https://"),
    ("tcp_listen = 127.0.0.1:0", "tcp_channel"),
    ("database = sqlite:" + "a" * 300, "longer than 255 bytes"),
    ("tcp_channel = a\x01b", "control character"), ("threads = 3\0", "is not 'key = value'"),
])
def test_wrong_setting_is_named_with_its_limit(tmp_path, text, words):
    done = run("serve", conf(tmp_path / "s", text), "--check", check=False)
    assert done.returncode == 1
    assert words in done.stderr, done.stderr


def test_folder_that_is_none_is_refused(tmp_path):
    done = run("serve", tmp_path / "nothing", check=False)
    assert done.returncode == 1 and "ferryd init" in done.stderr + done.stdout


def test_taken_port_is_named(server, new_server):
    port = server.address("admin")[1]
    other = new_server(settings={"admin_listen": f"127.0.0.1:{port}"})
    done = run("serve", other.folder, check=False)
    assert done.returncode == 1
    assert f"admin_listen = 127.0.0.1:{port}: Address already in use" in done.stderr


# Numbers and log.

LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="[^"\\\n]*"'
SAMPLE = re.compile(rf"^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{{{LABEL}(?:,{LABEL})*\}})? (-?[0-9.e+]+)$")


def complaints(text):
    """What a strict reader of Prometheus' format 0.0.4 has against a text."""
    typed, seen, current = {}, set(), None
    if not text.endswith("\n"):
        yield "no newline at the end"
    for line in text.splitlines():
        words = line.split(" ", 3)
        if line.startswith("# HELP "):
            current = words[2]
            if current in typed:
                yield f"{current}: its samples are not together"
        elif line.startswith("# TYPE "):
            typed[words[2]] = words[3]
            if words[2] != current or words[3] not in ("counter", "gauge"):
                yield f"{line}: no HELP before it, or no type"
        elif not (match := SAMPLE.match(line)):
            yield f"{line}: no sample"
        elif match[1] != current or current not in typed:
            yield f"{line}: not below its TYPE"
        elif line.rsplit(" ", 1)[0] in seen:
            yield f"{line}: twice"
        elif typed[current] == "counter" and not match[1].endswith("_total"):
            yield f"{line}: a counter without _total"
        elif re.search("_(milli|micro|nano)seconds|_(kilo|mega)bytes|_(minutes|hours)", match[1]):
            yield f"{line}: seconds and bytes are the units"
        else:
            seen.add(line.rsplit(" ", 1)[0])


@pytest.mark.parametrize("text", [
    "a 1", "# HELP a x\n# TYPE a gauge\na{b=c} 1\n", "# HELP a x\na 1\n", "a 1\n",
    "# HELP a x\n# TYPE a gauge\na 1\na 2\n", "# HELP a x\n# TYPE a counter\na 1\n",
    "# HELP a x\n# TYPE a gauge\nb 1\n",
    "# HELP a_microseconds x\n# TYPE a_microseconds gauge\na_microseconds 1\n",
])
def test_strict_reader_finds_what_is_planted(text):
    assert list(complaints(text))


def test_metrics_are_what_prometheus_reads(server):
    reply = Operator(server, "prometheus", "--read-only").ask("GET", "/metrics")
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    text = reply.body.decode()
    assert list(complaints(text)) == []
    families = {family.name: family for family in text_string_to_metric_families(text)}
    requests = families["ferryd_requests"]
    assert requests.type == "counter" and requests.documentation == "Requests answered."
    assert [s.labels["code"] for s in requests.samples] == [f"{n}xx" for n in range(1, 6)]
    begin = families["process_start_time_seconds"].samples[0].value
    assert 0 <= time.time() - begin < 3600
    worked = families["ferryd_handler_seconds"].samples[0].value
    assert 0 <= worked < time.time() - begin + 1


def test_metrics_count(server):
    before = server.metrics()
    server.request("GET", "/nothing", "admin")
    after = server.metrics()
    name = 'ferryd_requests_total{code="4xx"}'
    assert after[name] == before[name] + 1
    until = time.monotonic() + 5
    while server.metrics()["ferryd_connections"] > 1:  # those before this question's are closing
        assert time.monotonic() < until


def test_metrics_are_the_admin_door_s(server):
    assert server.request("GET", "/metrics").status == 404
    assert server.request("GET", "/metrics", headers={
        "Authorization": f"Bearer {server.token}"}).status == 404


def test_metrics_are_for_operators(server):
    for said in (None, "Bearer", "Bearer " + "x" * 32, "Basic YWRtaW46YWRtaW4="):
        for method in ("GET", "HEAD"):
            reply = server.request(method, "/metrics", "admin",
                                   headers={"Authorization": said} if said else {})
            assert reply.status == 401 and b"ferryd_" not in reply.body
    watcher = Operator(server, "watcher", "--read-only")
    browser = Browser(server)
    browser.log_in(watcher.token)
    for one in (Operator(server, "full"), watcher, browser):
        assert b"ferryd_requests_total" in one.ask("GET", "/metrics").body
        assert one.ask("HEAD", "/metrics").status == 200
    run("user", "remove", server.folder, "watcher")
    assert watcher.ask("GET", "/metrics").status == browser.ask("GET", "/metrics").status == 401
    assert server.request("GET", "/healthz", "admin").status == 200  # is for everybody


def test_log_holds_no_secrets_and_strangers_add_no_lines(server):
    server.request("POST", "/api/v1/enroll", body=b"SECRET-BODY", headers={
        "Authorization": "Bearer SECRET-TOKEN", "Cookie": "session=SECRET-COOKIE"})
    with server.connect("admin") as sock:
        raw.exchange(sock, b'GE"T /x%20event=forged%22 HTTP/1.1\r\nHost: x\r\n\r\n')
    server.enrol("logged")
    assert server.logs('target="/x%20event=forged%22"') or server.logs("GE\\x22T")
    text = server.log.read_text()
    assert "SECRET" not in text and "ferry1:" not in text and "BEGIN" not in text
    for line in text.splitlines():
        assert re.match(r"^time=\S+Z level=(info|warning|error) event=[a-z_]+ ", line), line


def test_manager_hears_of_a_long_stop(new_server, tmp_path):
    """A watchdog does not end what is only waiting for an answer to end."""
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.settimeout(10)
    one = new_server(settings={"stop_seconds": 2}, env={"NOTIFY_SOCKET": str(tmp_path / "notify")})
    one.start()
    with one.connect("admin") as sock:
        sock.sendall(upload(Operator(one).token, 100_000))
        until = time.monotonic() + 10  # the server has taken it up
        while not list((one.folder / "blobs").glob(".upload*")):
            assert time.monotonic() < until
            time.sleep(0.02)
        assert one.stop() == 0
    manager.settimeout(0.5)
    assert manager.recv(1000) == b"READY=1"
    assert manager.recv(1000).startswith(b"STOPPING=1")
    assert manager.recv(1000) == manager.recv(1000) == b"WATCHDOG=1"
    manager.close()


def test_under_systemd_lines_have_the_journal_s_level(new_server):
    one = new_server(env={"JOURNAL_STREAM": "8:1"}).start()
    one.stop()
    assert all(re.match(r"^<[346]>event=", line) for line in one.log.read_text().splitlines())


# Refusals.

def test_wrong_method_names_the_right_ones(server):
    reply = server.request("DELETE", "/healthz", "admin")
    assert (reply.status, reply.headers["Allow"]) == (405, "GET, HEAD")


def test_paths_of_one_door_are_not_at_another(server):
    assert server.request("GET", "/api/v1/cacerts", "admin").status == 404
    assert server.request("GET", "/healthz").status == 404


@pytest.mark.parametrize("size", [100_000, 900_000, 16_000_000])
def test_large_body_is_a_clear_413(server, size):
    """Up to a megabyte is read and thrown away, so that the answer arrives."""
    with server.connect("devices") as sock:
        sock.sendall(f"POST /api/v1/enroll HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n"
                     "Authorization: Bearer x\r\n\r\n".encode())
        got = b""
        try:
            for _ in range(0, size, 100_000):
                sock.sendall(b"x" * 100_000)
            got = raw.exchange(sock, b"")
        except OSError:
            assert size > 1_000_000
    if size < 1_000_000 or got:
        assert raw.statuses(got) == [413] and f"not {size}".encode() in got
    assert server.request("GET", "/healthz", "admin").status == 200


def test_large_body_is_refused_before_it_is_sent_if_the_client_asks(server, tmp_path):
    (tmp_path / "big").write_bytes(bytes(16_000_000))
    host, port = server.address("devices")
    done = subprocess.run(
        ["curl", "-s", "-o", tmp_path / "out", "-w", "%{http_code} %{size_upload}",
         "-H", "Expect: 100-continue",
         "--cacert", server.folder / "ca/root.pem", "-H", "Authorization: Bearer x",
         "--data-binary", f"@{tmp_path / 'big'}", f"https://{host}:{port}/api/v1/enroll"],
        capture_output=True, text=True, timeout=20, check=False)
    assert done.stdout == "413 0", done
    assert json.loads((tmp_path / "out").read_text())["error"] == "too_large"


def test_ipv6(new_server):
    one = new_server("--host", "::1", settings={"devices_listen": "[::1]:0"})
    one.start()
    try:
        assert one.request("GET", "/api/v1/cacerts").status == 200
        assert one.logs("door=devices client=::1 ")
    finally:
        assert one.stop() == 0


# Reload and stop.

def test_reload_takes_new_settings(server):
    server.configure(log_requests="off")
    server.reload()
    try:
        n = server.log.read_text().count("event=request")
        server.request("GET", "/healthz", "admin")
        time.sleep(0.1)
        assert server.log.read_text().count("event=request") == n
    finally:
        server.configure(log_requests="on")
        server.reload()


def test_reload_with_a_wrong_setting_keeps_the_old_ones(server):
    path = server.folder / "ferryd.conf"
    good = path.read_text()
    path.write_text(good + "nonsense = 1\n")
    server.reload()
    path.write_text(good)
    assert server.logs("event=reload what=settings state=failed")
    assert server.request("GET", "/healthz", "admin").status == 200


def test_reload_says_what_waits_for_the_next_start(server):
    server.configure(threads=5)
    server.reload()
    assert server.logs("settings_for_next_start=1")


def takes(server):
    """Whether it answers who is new."""
    try:
        return server.request("GET", "/healthz", "admin").status == 200
    except OSError:
        return False


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGINT])
def test_stop_finishes_a_running_answer(new_server, signal_):
    image = os.urandom(16_000_000)
    one = new_server(settings={"stop_seconds": 600})
    path = f"/api/v1/firmware/{test_firmware.add_release(one, image)}.bin"
    one.start()
    device = one.enrol("stop")
    with one.connect("devices", device) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        got = bytearray(sock.recv(1000))  # of bytes, each piece would be a copy of all
        ended = []
        stopper = threading.Thread(target=lambda: ended.append(one.stop(signal_)))
        stopper.start()
        until = time.monotonic() + 20
        while takes(one):  # nobody new, soon
            assert time.monotonic() < until
        assert not ended
        while piece := sock.recv(1 << 20):
            got += piece
    stopper.join(20)
    assert ended == [0]
    is_whole = got.split(b"\r\n\r\n", 1)[1] == image
    assert is_whole
    # One of them is this answer; others may be to who has asked whether it takes somebody new.
    assert re.search("event=stop answers_finished=[1-9][0-9]* answers_cut=0", one.log.read_text())


def test_stop_waits_no_longer_than_it_may(new_server):
    one = new_server(settings={"stop_seconds": 1})
    path = f"/api/v1/firmware/{test_firmware.add_release(one, bytes(16_000_000))}.bin"
    one.start()
    with one.connect("devices", one.enrol("stop")) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        sock.recv(1000)
        begin = time.monotonic()
        assert one.stop() == 0
        assert 0.8 < time.monotonic() - begin < 4
    assert "answers_cut=1" in one.log.read_text()


# Clients that leave. Nothing but their leaving can end their requests here: times are long.

@pytest.fixture(scope="module")
def patient(new_server):
    one = new_server(settings={"idle_seconds": 600, "header_seconds": 600, "stop_seconds": 600})
    return one.start()


def upload(operator, n, sent=b""):
    return (f"POST /api/v1/releases HTTP/1.1\r\nHost: x\r\nContent-Length: {n}\r\n"
            f"Connection: close\r\nAuthorization: Bearer {operator}\r\n\r\n").encode() + sent


@pytest.mark.parametrize("sent", [b"", b"x" * 1000], ids=["head alone", "some of the body"])
@pytest.mark.parametrize("known", [True, False], ids=["operator", "stranger"])
def test_client_that_leaves_in_its_body_is_gone_at_once(patient, sent, known):
    token = Operator(patient, f"leaver-{known}-{len(sent)}").token if known else "x" * 32
    with patient.connect("admin") as sock:  # its end is in the same event as its bytes
        sock.sendall(upload(token, 100_000, sent))
    until = time.monotonic() + 30
    while patient.metrics()["ferryd_connections"] > 1:
        assert time.monotonic() < until, "the connection stays"
        time.sleep(0.05)
    assert not list((patient.folder / "blobs").glob(".upload*"))
    assert patient.metrics()['ferryd_deadlines_total{phase="body"}'] == 0


def test_stop_does_not_wait_for_who_has_left(patient):
    with patient.connect("admin") as sock:
        sock.sendall(upload(Operator(patient).token, 100_000, b"x" * 1000))
    assert patient.stop() == 0  # within its limit of 30 seconds, not of 600
    patient.start()


def test_client_that_says_it_is_done_hears_its_answer(patient):
    """Half closed, as by `nc -N`: at the end of a body that came whole, in pieces and late."""
    token, image = Operator(patient, "half").token, images.app(project="half", size=50_000)
    for pause in (0, 0, 0, 1):
        with patient.connect("admin") as sock:
            sock.sendall(upload(token, len(image), image[:20_000]))
            time.sleep(pause)
            sock.sendall(image[20_000:])
            sock.shutdown(socket.SHUT_WR)
            assert raw.statuses(sock.makefile("rb").read()) == [200]


def test_service_manager_is_told(new_server, tmp_path):
    path = tmp_path / "notify"
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(path))
    manager.settimeout(10)
    one = new_server(env={"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "400000"}).start()
    assert manager.recv(1000) == b"READY=1"
    assert manager.recv(1000) == b"WATCHDOG=1"
    one.reload()
    seen = [manager.recv(1000) for _ in range(4)]
    assert any(word.startswith(b"RELOADING=1\nMONOTONIC_USEC=") for word in seen)
    assert b"READY=1" in seen
    assert one.stop() == 0
    manager.settimeout(0.5)
    # Its own limit and the manager's: ten seconds for answers, ten more.
    while (word := manager.recv(1000)) != b"STOPPING=1\nEXTEND_TIMEOUT_USEC=20000000":
        assert word == b"WATCHDOG=1"
    manager.close()


def test_program_of_the_tests_is_there():
    assert FERRYD.is_file(), f"{FERRYD} is not built; run `make build`"
