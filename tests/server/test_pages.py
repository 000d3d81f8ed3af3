"""The web page: who sees it, what its headers forbid, and that a device's words stay words."""

import html
import json
import re
import time

import pytest
from operators import Browser, Operator

PAGES = ["/", "/devices/seen", "/releases"]
POLICY = ("default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
          "frame-ancestors 'none'")
NASTY = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='x",
         "</td></table><h1>x", "&lt;b&gt;&amp;", "javascript:alert(1)", "\u202e\u2028\x7f\x1b[31m",
         "é中🚢", "{{7*7}}${7*7}%s%n"]


@pytest.fixture(scope="module")
def server(new_server):
    one = new_server(settings={"login_per_minute": "10000"}).start()
    yield one
    assert one.stop() == 0, one.log.read_text()[-2000:]


@pytest.fixture(scope="module")
def nasty(server):
    return server.enrol("nasty")


@pytest.fixture(scope="module")
def operator(server):
    one = Operator(server)
    one.release(project="page", version="1")
    server.request("POST", "/api/v1/report", device=server.enrol("seen"),
                   body='{"state":"confirmed","version":"1","project":"page"}')
    return one


@pytest.fixture
def browser(server, operator):
    one = Browser(server)
    assert one.log_in(operator.token).status == 303
    return one


@pytest.mark.parametrize("path", PAGES)
def test_without_a_session_there_is_a_login(server, operator, path):
    for cookie in (None, "x" * 32, "x", "a=b"):
        stranger = Browser(server)
        stranger.cookie = cookie
        reply = stranger.ask("GET", path)
        assert (reply.status, reply.headers["Location"], reply.body) == (303, "/login", b"")
    assert server.request("GET", path, "devices").status == 404


@pytest.mark.parametrize("path", [*PAGES, "/login"])
def test_headers_of_a_page(browser, path):
    reply = browser.ask("GET", path)
    assert reply.status == 200 and reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert reply.headers["Content-Security-Policy"] == POLICY
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Referrer-Policy"] == "no-referrer"
    assert reply.headers["Cache-Control"] == "no-store"
    text = reply.body.decode()
    assert not re.search(r"<script|\son\w+=|style=|javascript:|https?://", text)


def test_login_and_cookie(server, operator):
    browser = Browser(server)
    reply = browser.log_in(operator.token)
    assert reply.headers["Location"] == "/"
    assert re.fullmatch(r"ferryd=[\w-]{32}; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200",
                        reply.headers["Set-Cookie"])
    assert operator.token not in reply.headers["Set-Cookie"]
    assert browser.cookie not in server.log.read_text()
    assert operator.token not in server.log.read_text()
    # Neither is in the database.
    if (server.folder / "ferryd.db").exists():
        stored = b"".join(path.read_bytes() for path in server.folder.glob("ferryd.db*"))
        assert browser.cookie.encode() not in stored and operator.token.encode() not in stored


@pytest.mark.parametrize("form", [{"token": "x" * 32}, {"token": ""}, {}, {"other": "x"},
                                  {"token": "' OR '1'='1"}, {"token": "x" * 900}])
def test_wrong_token_is_told_so(server, form):
    browser = Browser(server)
    reply = browser.ask("POST", "/login", form)
    assert reply.status == 403 and b"This is no operator" in reply.body and not browser.cookie


def test_logins_are_counted(new_server):
    server = new_server(settings={"login_per_minute": "3"}).start()
    token = Operator(server).token
    browser = Browser(server)
    assert [browser.log_in("x" * 32).status for _ in range(3)] == [403] * 3
    reply = browser.log_in(token)
    assert reply.status == 429 and int(reply.headers["Retry-After"]) > 0
    until = time.monotonic() + 5
    while server.metrics()["ferryd_shed_total"] != 1:  # counted when the answer is out
        assert time.monotonic() < until


def test_session_ends_with_logout(server, operator, browser):
    kept = browser.cookie
    for form in ({}, {"csrf": ""}, {"csrf": "0" * 64}):
        assert browser.ask("POST", "/logout", form).status == 403
    assert browser.ask("GET", "/").status == 200
    reply = browser.ask("POST", "/logout", {"csrf": browser.csrf})
    assert reply.status == 303 and "Max-Age=0" in reply.headers["Set-Cookie"]
    # The cookie that somebody copied before is nobody's any more.
    browser.cookie = kept
    assert browser.ask("GET", "/").status == 303
    assert browser.ask("GET", "/api/v1/summary").status == 401


def test_read_only_operator_sees_the_pages_and_what_it_is(server, operator, browser):
    reader = Browser(server)
    assert reader.log_in(Operator(server, "reader", "--read-only").token).status == 303
    for path in PAGES:
        seen, full = (one.ask("GET", path).body.decode() for one in (reader, browser))
        assert '<span class="who">reader (read-only)</span>' in seen
        assert '<span class="who">tester</span>' in full
        # There is one form that does something, and it is for everybody.
        assert re.findall('method="post" action="([^"]*)"', seen) == ["/logout"]
    assert reader.ask("POST", "/logout", {"csrf": reader.csrf}).status == 303


def test_login_makes_another_session_each_time(server, operator, browser):
    """A cookie that was planted before the login is not the session afterwards."""
    planted = browser.cookie
    browser.log_in(operator.token)
    assert browser.cookie != planted


@pytest.mark.parametrize("text", NASTY)
def test_words_of_a_device_stay_words(server, browser, nasty, text):
    said = {"state": "failed", "version": text, "project": text, "reason": text, "chip": text}
    reply = server.request("POST", "/api/v1/report", device=nasty,
                           body=json.dumps(said, ensure_ascii=False).encode())
    if reply.status == 400:  # control characters do not even get in
        assert re.search(r"[\x00-\x1f]", text)
        return
    assert reply.status == 204
    escaped = html.escape(text).replace("&#x27;", "&#39;")
    escaped = re.sub(r"[\x00-\x1f\x7f-\x9f]", "?", escaped)
    for path in ("/", "/devices/nasty"):
        page = browser.ask("GET", path).body.decode()
        assert escaped in page
        assert not re.search(r"<(script|img|h1>x)|<[^>]*\son\w+=", page)


@pytest.mark.parametrize("query", ["q=%22%3E%3Cscript%3E", "group=%3Cblink%3E", "after=%27%22%3E",
                                   "state=%22%3E%3Cx", "q=%FF%FE", "q=" + "x" * 500,
                                   "q=%25&group=_"])
def test_words_of_an_address_stay_words(browser, query):
    page = browser.ask("GET", f"/?{query}")
    assert page.status == 200
    assert not re.search("<script>|<blink>|<x", page.body.decode())


@pytest.mark.parametrize("path", ["/devices/nobody", "/devices/%3Cscript%3E", "/devices/%FF",
                                  "/devices/", "/devices/..%2f..%2fferryd.conf", "/style.css/x",
                                  "/..%2fferryd.conf", "/ferryd.conf", "/ca/root.pem"])
def test_what_is_not_there(browser, path):
    reply = browser.ask("GET", path)
    assert reply.status in (400, 404) and b"<script>" not in reply.body


def test_device_that_is_not_there_is_a_page(browser):
    reply = browser.ask("GET", "/devices/nobody")
    assert reply.status == 404 and reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert reply.headers["Content-Security-Policy"] == POLICY
    page = reply.body.decode()
    assert "<h1>No such device</h1>" in page and "Log out" in page and page.count("<html") == 1


def test_style_sheet(browser):
    reply = browser.ask("GET", "/style.css")
    assert reply.status == 200 and reply.headers["Content-Type"].startswith("text/css")
    assert "url(" not in reply.body.decode() and "@import" not in reply.body.decode()


def test_cookie_is_secure_over_tls(new_server):
    server = new_server(settings={"admin_tls": "on"}).start()
    try:
        reply = Browser(server).log_in(Operator(server).token)
        assert reply.status == 303 and reply.headers["Set-Cookie"].endswith("; Secure")
    finally:
        assert server.stop() == 0
