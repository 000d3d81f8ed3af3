"""A program written for esp_https_ota, compiled unchanged against compat/esp-idf: it updates a
virtual device over http(s) from servers that are honest, redirect, stop short or know no ranges.
What came of it is what `ferry` then finds. COMPAT names the folder of the programs."""

import os
import subprocess
from pathlib import Path

import images
import pytest
from fault_server import PASSWORD, USER, FaultServer, Tls

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(os.environ.get("COMPAT", ROOT / "build" / "release" / "tests"))
SIZE = 120000
HTTP = {"CONFIG_ESP_HTTPS_OTA_ALLOW_HTTP": "y"}


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return Tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def app(device, tmp_path):
    """app(url, **environment) runs the program and gives its CompletedProcess."""
    def run(url, **environment):
        names = {"FERRY_DEVICE": str(device.path), "FIRMWARE_URL": url, **environment}
        clean = {k: v for k, v in os.environ.items()
                 if not k.startswith("FERRY_") and not k.endswith("_proxy")}
        return subprocess.run([PROGRAMS / "idf_https_ota_app"], cwd=tmp_path,
                              env={**clean, **names}, check=False, capture_output=True, text=True,
                              timeout=60)
    return run


def image(**knobs):
    return images.app(**{"version": "2.0.0", "size": SIZE, "seed": 2, **knobs})


def serve(data=None, **how):
    return FaultServer({"app.bin": image() if data is None else data}, **how)


def is_updated(device, done, data=None):
    assert done.returncode == 0, done.stderr
    assert "running from ota_1, version 2.0.0" in done.stderr
    assert device.part("ota_1").startswith(image() if data is None else data)
    assert device.slot("ota_1")["state"] == "valid"
    assert device.boot()["booted"] == "ota_1"


def is_not_updated(device, done, word):
    assert done.returncode == 0, done.stderr
    assert f"ota: {word}" in done.stderr, done.stderr
    assert "version 2.0.0" not in done.stderr
    assert device.boot()["booted"] == "ota_0"


# The ways of an update.

@pytest.mark.parametrize("how", [{"ONE_CALL": "1"}, {}, {"BULK_ERASE": "1"}, {"SKIP_DESC": "1"}])
@pytest.mark.parametrize("path", ["ok", "chunked", "hops/3/ok"])
def test_update(app, device, how, path):
    with serve() as server:
        is_updated(device, app(server.url(f"{path}/app.bin"), **HTTP, **how))


def test_slow_server_is_waited_for(app, device):
    with serve() as server:
        is_updated(device, app(server.url("slow/app.bin"), **HTTP))


def test_events_come_in_espressifs_order(app):
    with serve() as server:
        done = app(server.url("ok/app.bin"), NO_RESTART="1", **HTTP)
    told = [line.split("event ")[1] for line in done.stderr.splitlines() if "event " in line]
    assert told == ["START", "CONNECTED", "GET_IMG_DESC", "VERIFY_CHIP_ID 5",
                    "VERIFY_CHIP_REVISION 0", "WRITE_FLASH 1024", "UPDATE_BOOT_PARTITION 17",
                    "FINISH"]
    assert f"status 200, {len(image())} bytes" in done.stderr


@pytest.mark.parametrize("path, extra", [("parts", 1), ("parts-no-head", 2)])
def test_update_in_parts(app, device, path, extra):
    with serve() as server:
        is_updated(device, app(server.url(f"{path}/app.bin"), PART_BYTES="32768", **HTTP))
        ranges = [headers.get("Range") for _, headers in server.requests]
    n = len(image())
    parts = ["bytes=0-32767", "bytes=32768-65535", "bytes=65536-98303", "bytes=98304-"]
    assert ranges[extra:extra + 4] == parts
    assert ranges[:extra] == [None, "bytes=0-0"][:extra]
    assert 98304 < n < 131072


def test_one_part_that_is_the_image_needs_no_range(app, device):
    with serve() as server:
        is_updated(device, app(server.url("parts/app.bin"), PART_BYTES="1000000", **HTTP))
        assert all("Range" not in headers for _, headers in server.requests)


def test_empty_parts_end(app, device):
    with serve() as server:
        done = app(server.url("empty-parts/app.bin"), PART_BYTES="32768", SKIP_DESC="1", **HTTP)
    is_not_updated(device, done, "ESP_FAIL")


def test_partition_that_is_no_app(app, device):
    """With another final partition than a slot nothing is made to boot."""
    data = os.urandom(3000)
    with serve(data) as server:
        done = app(server.url("ok/app.bin"), FINAL="vfs", SKIP_DESC="1", NO_RESTART="1", **HTTP)
    assert "ota: ESP_OK" in done.stderr
    assert "UPDATE_BOOT" not in done.stderr
    assert device.part("ota_1").startswith(data)
    assert device.boot()["booted"] == "ota_0"


def test_final_partition_gets_a_copy(app, device):
    data = os.urandom(3000)
    with serve(data) as server:
        app(server.url("ok/app.bin"), FINAL="vfs", FINAL_COPY="1", SKIP_DESC="1", NO_RESTART="1",
            **HTTP)
    assert device.part("vfs").startswith(data)


# Resumption.

def cut(app, server, path, at, **how):
    done = app(server.url(path), OTA_RESUMPTION="1", CUT_AT=str(at), **HTTP, **how)
    assert done.returncode == 3, done.stderr
    return [headers.get("Range") for _, headers in server.requests]


@pytest.mark.parametrize("how", [{}, {"PART_BYTES": "32768"}])
def test_cut_update_goes_on(app, device, how):
    path = "parts/app.bin"
    with serve() as server:
        cut(app, server, path, 70000, **how)
        n = len(server.requests)
        done = app(server.url(path), OTA_RESUMPTION="1", **HTTP, **how)
        ranges = [headers.get("Range") for _, headers in server.requests][n:]
    is_updated(device, done)
    first = next(r for r in ranges if r)
    assert int(first[len("bytes="):].split("-")[0]) >= 70000, ranges


def test_fresh_resumable_update_asks_for_a_range(app):
    with serve() as server:
        assert cut(app, server, "ok/app.bin", 2000) == ["bytes=0-"]


def test_server_without_ranges_is_asked_again_from_the_start(app, device):
    with serve() as server:
        cut(app, server, "ignores-range/app.bin", 50000)
        n = len(server.requests)
        done = app(server.url("ignores-range/app.bin"), OTA_RESUMPTION="1", **HTTP)
        ranges = [headers.get("Range") for _, headers in server.requests][n:n + 2]
    is_updated(device, done)
    assert ranges[0].startswith("bytes=5") and ranges[1] is None


def test_range_behind_the_image_is_asked_again_from_the_start(app, device):
    """416: the server's image is shorter than what had been received of another."""
    short = image(size=30000)
    with serve() as server:
        cut(app, server, "ok/app.bin", 90000)
        server.files["app.bin"] = short
        done = app(server.url("ok/app.bin"), OTA_RESUMPTION="1", **HTTP)
    is_updated(device, done, short)


def test_one_call_does_not_resume(app, device):
    with serve() as server:
        done = app(server.url("ok/app.bin"), OTA_RESUMPTION="1", ONE_CALL="1", **HTTP)
    is_not_updated(device, done, "ESP_ERR_NOT_SUPPORTED")


# What fails.

@pytest.mark.parametrize("path, word", [
    ("404", "ESP_FAIL"), ("403", "ESP_FAIL"), ("500", "ESP_FAIL"), ("basic", "ESP_FAIL"),
    ("closes-early", "ESP_FAIL"), ("resets", "ESP_FAIL"), ("chunked-cut", "ESP_FAIL"),
    ("promises-more", "ESP_FAIL"), ("no-length", "ESP_FAIL"), ("html", "ESP_FAIL"),
    ("garbage", "ESP_FAIL"), ("bad-length", "ESP_FAIL"), ("endless-head", "ESP_FAIL"),
    ("loop", "ESP_ERR_HTTP_MAX_REDIRECT"), ("hops/11/ok", "ESP_ERR_HTTP_MAX_REDIRECT"),
    ("to-file", "ESP_ERR_INVALID_ARG"), ("to-nowhere", "ESP_ERR_INVALID_ARG"),
])
@pytest.mark.parametrize("how", [{"ONE_CALL": "1"}, {}])
def test_bad_server(app, device, path, word, how):
    with serve() as server:
        is_not_updated(device, app(server.url(f"{path}/app.bin"), **HTTP, **how), word)


def test_nobody_listens(app, device):
    with serve() as server:
        url = server.url("ok/app.bin")
    is_not_updated(device, app(url, **HTTP), "ESP_ERR_HTTP_CONNECT")


def test_silent_server_does_not_hang(app, device):
    with serve() as server:
        is_not_updated(device, app(server.url("silent/app.bin"), **HTTP), "ESP_FAIL")


@pytest.mark.parametrize("knobs, word", [
    ({"chip": "esp32s3"}, "ESP_ERR_INVALID_VERSION"),
    ({"min_rev": 12000}, "ESP_ERR_INVALID_VERSION"),
    ({"magic": 0xE8}, "ESP_ERR_OTA_VALIDATE_FAILED"),
    ({"bad_hash": True}, "ESP_ERR_OTA_VALIDATE_FAILED"),
    ({"bad_checksum": True}, "ESP_ERR_OTA_VALIDATE_FAILED"),
    ({"truncate": 80000}, "ESP_ERR_OTA_VALIDATE_FAILED"),
    ({"truncate": 1000}, "ESP_FAIL"), ({"size": 0x60000}, "ESP_ERR_INVALID_SIZE"),
])
@pytest.mark.parametrize("how", [{"ONE_CALL": "1"}, {"SKIP_DESC": "1"}])
def test_bad_image(app, device, knobs, word, how):
    with serve(image(**knobs)) as server:
        is_not_updated(device, app(server.url("ok/app.bin"), **HTTP, **how), word)


def test_image_below_1024_bytes_fails_though_it_is_whole(app, device):
    data = image(size=300)
    assert len(data) < 1024
    with serve(data) as server:
        is_not_updated(device, app(server.url("ok/app.bin"), ONE_CALL="1", **HTTP), "ESP_FAIL")


def test_given_up(app, device):
    with serve() as server:
        done = app(server.url("ok/app.bin"), GIVE_UP_AT="50000", **HTTP)
    assert "event ABORT" in done.stderr
    is_not_updated(device, done, "ESP_ERR_NOT_FINISHED")
    with serve() as server:
        is_updated(device, app(server.url("ok/app.bin"), **HTTP))


def test_finished_too_early_it_does_not_boot(app, device):
    with serve() as server:
        done = app(server.url("ok/app.bin"), FINISH_AT="50000", **HTTP)
    is_not_updated(device, done, "ESP_ERR_OTA_VALIDATE_FAILED")


def test_descriptor_asked_for_twice_is_that_of_the_slot(app, device):
    with serve() as server:
        done = app(server.url("ok/app.bin"), DESC_TWICE="1", **HTTP)
        is_not_updated(device, done, "ESP_FAIL")
        device.put("ota_1", image(version="3.0.0"))
        done = app(server.url("ok/app.bin"), DESC_TWICE="1", NO_RESTART="1", **HTTP)
    assert "server has demo 3.0.0" in done.stderr


def test_session_that_could_not_be_erased_stays_open(app, device):
    with serve(image(size=0x60000)) as server:
        done = app(server.url("ok/app.bin"), BULK_ERASE="1", TWICE="1", **HTTP)
    assert "first: ESP_ERR_INVALID_SIZE" in done.stderr
    is_not_updated(device, done, "ESP_ERR_OTA_ALREADY_IN_PROGRESS")


def test_same_version_is_left_alone(app, device):
    before = device.part("ota_1")
    with serve(image(version="1.0.0")) as server:
        done = app(server.url("ok/app.bin"), **HTTP)
    assert "same version, no update" in done.stderr
    assert device.part("ota_1") == before


def test_redirects_can_be_fewer(app, device):
    with serve() as server:
        done = app(server.url("hops/2/ok/app.bin"), REDIRECTS="1", **HTTP)
        is_not_updated(device, done, "ESP_ERR_HTTP_MAX_REDIRECT")


# Whom to trust.

def test_config_without_a_certificate_is_refused(app, device):
    with serve() as server:
        is_not_updated(device, app(server.url("ok/app.bin")), "ESP_ERR_INVALID_ARG")
        assert not server.requests


def test_own_authority(app, device, tls):
    with serve(tls=tls) as server:
        is_updated(device, app(server.url("ok/app.bin"), SERVER_CERT=tls.ca))


def test_bundle_is_the_systems(app, device, tls):
    with serve(tls=tls) as server:
        done = app(server.url("ok/app.bin"), USE_BUNDLE="1")
        is_not_updated(device, done, "ESP_ERR_HTTP_CONNECT")
        is_updated(device, app(server.url("ok/app.bin"), USE_BUNDLE="1", SSL_CERT_FILE=tls.ca))


@pytest.mark.parametrize("how", [{}, HTTP])
def test_other_authority(app, device, tls, how):
    with serve(tls=tls) as server:
        done = app(server.url("ok/app.bin"), SERVER_CERT=tls.other_ca, **how)
        is_not_updated(device, done, "ESP_ERR_HTTP_CONNECT")
        assert not server.requests


def test_https_needs_an_authority_even_if_http_is_allowed(app, device, tls):
    with serve(tls=tls) as server:
        is_not_updated(device, app(server.url("ok/app.bin"), **HTTP), "ESP_ERR_HTTP_CONNECT")


def test_common_name(app, device, tls):
    with serve(tls=tls, cert=(tls.wrong_host_cert, tls.wrong_host_key)) as server:
        done = app(server.url("ok/app.bin"), SERVER_CERT=tls.ca)
        is_not_updated(device, done, "ESP_ERR_HTTP_CONNECT")
        is_updated(device, app(server.url("ok/app.bin"), SERVER_CERT=tls.ca, SKIP_COMMON_NAME="1"))


def test_skipped_name_still_needs_the_authority(app, device, tls):
    with serve(tls=tls, cert=(tls.wrong_host_cert, tls.wrong_host_key)) as server:
        done = app(server.url("ok/app.bin"), SERVER_CERT=tls.other_ca, SKIP_COMMON_NAME="1")
        is_not_updated(device, done, "ESP_ERR_HTTP_CONNECT")


def test_client_certificate(app, device, tls):
    with serve(tls=tls, needs_client_cert=True) as server:
        url = server.url("ok/app.bin")
        done = app(url, SERVER_CERT=tls.ca)
        assert done.returncode == 0
        assert "ota: ESP_OK" not in done.stderr and "version 2.0.0" not in done.stderr
        is_updated(device, app(url, SERVER_CERT=tls.ca, CLIENT_CERT=tls.client_cert,
                               CLIENT_KEY=tls.client_key))


def test_no_redirect_from_https_to_http(app, device, tls):
    with serve() as plain, serve(tls=tls) as server:
        server.other_origin = plain.origin
        done = app(server.url("cross/ok/app.bin"), SERVER_CERT=tls.ca)
        is_not_updated(device, done, "ESP_ERR_HTTP_REDIRECT_DOWNGRADE")
        assert not plain.requests


def test_password_goes_to_its_origin_only(app, device):
    with serve() as server, serve() as other:
        secrets = {"HTTP_USER": USER, "HTTP_PASSWORD": PASSWORD, **HTTP}
        server.other_origin = other.origin
        is_not_updated(device, app(server.url("cross/basic/app.bin"), **secrets), "ESP_FAIL")
        assert all("Authorization" not in headers for _, headers in other.requests)
        is_updated(device, app(server.url("basic/app.bin"), **secrets))
