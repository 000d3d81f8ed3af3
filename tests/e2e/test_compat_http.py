"""A program written for Espressif's HTTP client, compiled unchanged against compat/esp-idf, against
servers good and bad. COMPAT names the folder of the programs."""

import os
import subprocess
from pathlib import Path

import pytest
from fault_server import PASSWORD, USER, FaultServer, Tls

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(os.environ.get("COMPAT", ROOT / "build" / "release" / "tests"))
DATA = os.urandom(100000)
SECRETS = {"HTTP_USER": USER, "HTTP_PASSWORD": PASSWORD}


def sum_of(data):
    total = 0
    for byte in data:
        total = (total * 31 + byte) & 0xFFFFFFFF
    return total


SUM = sum_of(DATA)


@pytest.fixture
def get(device):
    def run(address, **environment):
        names = {"FERRY_DEVICE": str(device.path), "ADDRESS": address, **environment}
        clean = {k: v for k, v in os.environ.items()
                 if not k.startswith("FERRY_") and not k.endswith("_proxy")}
        done = subprocess.run([PROGRAMS / "idf_http_client_app"], env={**clean, **names},
                              check=False, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stderr
    return run


def serve(**how):
    return FaultServer({"a.bin": DATA}, **how)


@pytest.mark.parametrize("how", [{}, {"STREAM": "1"}])
@pytest.mark.parametrize("path, length", [("ok", 100000), ("chunked", -1), ("needs-header", 100000),
                                          ("interim", 100000)])
def test_all_of_it_comes(get, how, path, length):
    with serve() as server:
        said = get(server.url(f"{path}/a.bin"), **how)
        assert server.requests[0][1]["User-Agent"] == "an app"
    assert (f"ESP_OK, status 200, 100000 bytes, sum {SUM}, headers seen, length {length}\n"
            in said)


def test_events_of_perform(get):
    with serve() as server:
        said = get(server.url("hops/1/ok/a.bin"))
    told = [line.split("event ")[1] for line in said.splitlines() if "event " in line]
    assert told == ["CONNECTED", "DISCONNECTED", "REDIRECT", "CONNECTED", "FINISH", "DISCONNECTED"]


def test_one_handle_again_and_again(get):
    with serve() as server:
        said = get(server.url("ok/a.bin"), TIMES="3")
    assert said.count(f"ESP_OK, status 200, 100000 bytes, sum {SUM}") == 3


@pytest.mark.parametrize("path, word", [
    ("404", "ESP_OK, status 404"), ("403", "ESP_OK, status 403"),
    ("closes-early", "ESP_ERR_HTTP_INCOMPLETE_DATA, status 200"),
    ("chunked-cut", "ESP_ERR_HTTP_INCOMPLETE_DATA, status 200"),
    ("resets", "ESP_ERR_HTTP_INCOMPLETE_DATA, status 200"),
    ("stalls", "ESP_ERR_HTTP_EAGAIN, status 200"), ("silent", "ESP_ERR_HTTP_EAGAIN"),
    ("garbage", "ESP_ERR_HTTP_FETCH_HEADER"), ("two-lengths", "ESP_ERR_HTTP_FETCH_HEADER"),
    ("endless-head", "ESP_ERR_HTTP_FETCH_HEADER"), ("loop", "ESP_ERR_HTTP_MAX_REDIRECT"),
    ("to-file", "ESP_ERR_INVALID_ARG"),
])
def test_bad_server(get, path, word):
    with serve() as server:
        assert f": {word}" in get(server.url(f"{path}/a.bin"))


def test_redirect_can_be_left_alone(get):
    with serve() as server:
        assert "ESP_OK, status 302" in get(server.url("hops/1/ok/a.bin"), STAY="1")
        assert len(server.requests) == 1


@pytest.mark.parametrize("how", ["basic", "digest"])
def test_password(get, how):
    with serve() as server:
        url = server.url(f"{how}/a.bin")
        assert "ESP_OK, status 401" in get(url)
        assert "ESP_OK, status 200, 100000 bytes" in get(url, **SECRETS)
        n = len(server.requests)
        assert "ESP_OK, status 200, 100000 bytes" in get(url, AUTH=how, **SECRETS)
        assert len(server.requests) - n == (1 if how == "basic" else 2)
        wrong = {**SECRETS, "HTTP_PASSWORD": "guess"}
        assert "ESP_OK, status 401" in get(url, AUTH=how, **wrong)
        assert "ESP_OK, status 401" in get(url, **wrong)


@pytest.mark.parametrize("address", ["", "ftp://localhost/x", "no address"])
def test_no_address(get, address):
    assert "no client" in get(address)


def test_global_store(get, tmp_path):
    tls = Tls(tmp_path)
    with serve(tls=tls) as server:
        url = server.url("ok/a.bin")
        assert "ESP_OK, status 200" in get(url, GLOBAL_CA=str(tls.ca))
        assert "ESP_ERR_HTTP_CONNECT" in get(url, GLOBAL_CA=str(tls.other_ca))
        assert "ESP_ERR_HTTP_CONNECT" in get(url)
