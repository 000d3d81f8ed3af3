"""What an authority does over the years. A later date is libfaketime's, in the server alone; that
does not go together with a sanitizer, so the sanitizers' run leaves this file out."""

from pathlib import Path

import applicant
import pytest
from applicant import Applicant, counts, enrolled, ok
from cryptography import x509
from cut_link import Link
from test_updater import Unit, join_of, release, says

SHORT = {**applicant.ASKS_MUCH, "certificate_days": "30", "renew_expired_days": "10"}


def days_later(server, days):
    """Starts the server again, so many days from now."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    server.stop()
    server.env = {"LD_PRELOAD": str(library), "FAKETIME": f"+{days}d",
                  "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
    server.start()


def test_a_certificate_that_ran_out_may_renew_itself_for_some_time(new_server, tmp_path):
    server = new_server(settings=SHORT).start()
    drawer, forgotten, stolen = (enrolled(server, tmp_path, n) for n in ("a", "b", "c"))
    ok(server, "device revoke", "c")
    assert counts(drawer) and "Ferry-Renew" not in drawer.poll().headers
    days_later(server, 21)  # two thirds of thirty, and a day that it began earlier
    assert counts(drawer) and drawer.poll().headers["Ferry-Renew"] == "1"
    days_later(server, 39)
    assert drawer.poll().status == 403  # for renewal only
    assert stolen.renew().status == 403
    assert drawer.renew().status == 200 and counts(drawer)
    assert "Ferry-Renew" not in drawer.poll().headers
    days_later(server, 41)
    assert counts(drawer)
    assert forgotten.renew().status == 403
    assert len(ok(server, "device show", "a")["device"]["certificates"]) == 2


class Drawer:
    """A device enrolled at a server that is at one address for it, and at any date."""

    def __init__(self, server, ferry, path):
        self.server, self.link = server, Link(server.address("devices"))
        self.unit = Unit(ferry, path / "dev")
        self.enroll()

    def enroll(self, *words):
        join = join_of(self.server, self.link.url, "drawer", expires="90d")
        return self.unit.enroll(join, *words)["id"]

    def days_later(self, days):
        days_later(self.server, days)
        self.link.address = self.server.address("devices")

    def live(self, *options, **how):
        return self.unit.live("--power-cycle", *options, **how)


@pytest.fixture
def drawer(new_server, ferry, tmp_path):
    it = Drawer(new_server(settings=SHORT).start(), ferry, tmp_path)
    yield it
    it.link.close()


@pytest.mark.parametrize("days", [21, 39])
def test_a_device_from_the_drawer_renews_and_updates_in_one_start(drawer, tmp_path, days):
    """It has no clock: that its certificate grows old, or has run out, is the server's to say."""
    drawer.live("--once", ok=False)  # there is nothing to start yet
    drawer.days_later(days)
    release(drawer.server, tmp_path, "1.0.0")
    end = drawer.live("--once")
    assert sum("has a new certificate" in line for line in end["log"]) == 1, end["log"]
    assert end["running"] == "app" and end["installed"]["version"] == "1.0.0", end["log"]
    assert says(end["log"], '"state":"installed"'), end["log"]
    again = drawer.live("--once")
    assert says(again["log"], "the server has nothing newer"), again["log"]
    assert not says(again["log"], "has a new certificate"), again["log"]


def test_a_device_that_lay_too_long_keeps_its_application(drawer, tmp_path):
    release(drawer.server, tmp_path, "1.0.0")
    assert drawer.live("--once")["running"] == "app"
    drawer.days_later(41)
    end = drawer.live("--starts=2")
    assert end["starts"] == 2 and not says(end["log"], "has a new certificate"), end["log"]
    assert says(end["log"], "ran out too long ago to be renewed"), end["log"]
    assert drawer.enroll("--again") == "drawer"  # by a new token; its key is known
    assert says(drawer.live("--once")["log"], "the server has nothing newer")


def test_a_certificate_never_outlives_its_authority(new_server, tmp_path):
    server = new_server(settings={**SHORT, "certificate_days": "3650"}).start()
    device = enrolled(server, tmp_path, "d")
    issuing = x509.load_pem_x509_certificate((server.folder / "ca" / "issuing.pem").read_bytes())
    assert device.certificate.not_valid_after_utc == issuing.not_valid_after_utc
    days_later(server, 3651)
    late = Applicant(server, tmp_path / "late").enrol("A" * 32)
    assert late.status == 401


def test_the_server_renews_its_own_certificate(new_server):
    server = new_server(settings=applicant.ASKS_MUCH).start()

    def until():
        pem = (server.folder / "ca" / "server.pem").read_bytes()
        return x509.load_pem_x509_certificate(pem).not_valid_after_utc

    first = until()
    days_later(server, 480)
    assert until() == first
    days_later(server, 490)  # less than a third of two years is left
    assert abs((until() - first).days - 490) <= 1
    assert "event=certificate state=renewed" in server.log.read_text()
    assert abs(ok(server, "ca show")["server_expires"] - until().timestamp()) < 1
