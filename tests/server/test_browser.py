"""The pages in a real browser: nothing overflows, nothing is complained of, no script is needed.
What the pages say is test_pages.py's."""

import re

import fleet_of_states
import pytest
from chromium import Chromium
from operators import Operator

WIDTHS = [1280, 390]
LONG = "W" * 64  # the longest id, without a place to break it


@pytest.fixture(scope="module")
def server(new_server):
    one = new_server(settings={"login_per_minute": "1000", "enrol_per_minute": "1000"}).start()
    yield one
    assert one.stop() == 0, one.log.read_text()[-2000:]


@pytest.fixture(scope="module")
def operator(server):
    one = Operator(server)
    fleet_of_states.fill(server, one, 12)
    long = server.enrol(LONG)
    fleet_of_states.report(server, long, {"state": "failed", "version": "v" * 128,
                                          "project": "P" * 128, "chip": "c" * 128,
                                          "reason": "<b>" + "r" * 125, "sha": "ab" * 32})
    return one


@pytest.fixture(scope="module", params=["scripts", "no scripts"])
def window(request, server, operator, tmp_path_factory):
    """A window that has logged in as a person does: by typing and clicking."""
    one = Chromium(tmp_path_factory.mktemp("profile"), request.param == "scripts")
    try:
        one.go(server.doors["admin"] + "/")
        assert one.url.endswith("/login")
        one.type("#token", operator.token)
        one.click(".login button")
        assert one.arrives(server.doors["admin"] + "/")
        yield one
    finally:
        one.close()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", ["/", "/?state=attention", "/?q=nobody", "/devices/pump-01",
                                  f"/devices/{LONG}", "/devices/nobody", "/releases", "/login"])
def test_page_fits_and_nothing_is_complained_of(server, window, width, path):
    window.look(width)
    address = server.doors["admin"] + path
    window.go(address)
    assert window.run("innerWidth") == width
    assert window.run("document.documentElement.scrollWidth") <= width
    # Not by cutting something off: every text lies within the window.
    outside = window.run("""Array.from(document.querySelectorAll('main *, header *'))
        .filter(e => { const r = e.getBoundingClientRect();
                       return r.width > 1 && (r.right > innerWidth + 1 || r.left < -1) })
        .map(e => e.outerHTML.slice(0, 100))""")
    assert not outside
    is_missing = f"{address} - Failed to load resource: the server responded with a status of 404"
    assert [one for one in window.complaints() if not one.startswith(is_missing)] == []


def test_filter_and_links_are_followed(server, window):
    window.look(1280)
    window.go(server.doors["admin"] + "/")
    window.click("a.tile.bad")
    assert window.arrives("/?state=attention")
    ids = window.texts("tbody td:first-child a")
    assert LONG in ids and "pump-01" not in ids
    window.click("tbody td a")
    assert window.arrives("/devices/" + ids[0].replace(":", "%3A"))
    assert window.texts("h1") == [ids[0]]
    window.go(server.doors["admin"] + "/")
    window.type("input[name=q]", "pump-0")
    window.click(".search button")
    assert window.arrives("/?q=pump-0&group=&state=")
    ids = window.texts("tbody td:first-child a")
    assert ids and all(one.startswith("pump-0") for one in ids)


def test_words_of_a_device_are_seen_as_they_are(server, window):
    window.go(server.doors["admin"] + f"/devices/{LONG}")
    assert any(text.startswith("<b>rrr") for text in window.texts("dd small"))
    assert not re.search("<b>rrr", window.source)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(server, window, scheme):
    """Contrast of at least 4.5 to 1 for text and badges, as WCAG asks, in both schemes."""
    window.look(1280, scheme=scheme)
    window.go(server.doors["admin"] + "/")
    found = window.run("""(() => {
        const light = c => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(x => x / 255)
            .map(x => x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4);
            return .2126 * v[0] + .7152 * v[1] + .0722 * v[2] };
        const ground = e => { for (; e; e = e.parentElement) {
            const c = getComputedStyle(e).backgroundColor;
            if (!/, 0\\)$|transparent/.test(c)) return c } return 'rgb(255, 255, 255)' };
        return Array.from(document.querySelectorAll('h1, .badge, small, td, th, td a, .tile b,' +
                                                    '.tile span, nav a, label')).map(e => {
            const a = light(getComputedStyle(e).color), b = light(ground(e));
            return [(Math.max(a, b) + .05) / (Math.min(a, b) + .05), e.outerHTML.slice(0, 80)] })
    })()""")
    assert len(found) > 50
    assert [one for one in found if one[0] < 4.5] == []


def test_log_out(server, operator, tmp_path):
    one = Chromium(tmp_path / "profile")
    try:
        one.go(server.doors["admin"] + "/login")
        one.type("#token", "x" * 32)
        one.click(".login button")
        assert one.arrives("/login") and one.texts("p.bad") == ["This is no operator's token."]
        one.type("#token", operator.token)
        one.click(".login button")
        assert one.arrives("/")
        one.click("header button")
        assert one.arrives("/login")
        one.go(server.doors["admin"] + "/releases")
        assert one.url.endswith("/login")
    finally:
        one.close()


def test_faults_would_be_seen(server, window):
    """What the tests above look for, planted: a style that the policy forbids, and a wide thing."""
    window.look(390)
    window.go(server.doors["admin"] + "/releases")
    window.run("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>')")
    assert any("Content Security Policy" in one for one in window.complaints())
    window.run("document.querySelector('h1').style.width = '500px'")
    assert window.run("document.documentElement.scrollWidth") > 390
