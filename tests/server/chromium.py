"""A browser without a screen: Debian's Chromium, driven over W3C's WebDriver protocol, which is
JSON over HTTP and needs no library."""

import base64
import http.client
import json
import re
import subprocess
import time

TIME_LIMIT_S = 30
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key that WebDriver gives to elements


class Chromium:
    """A window. Its settings are those of a first start, but for what is asked for."""

    def __init__(self, folder, has_scripts=True):
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True)
        self.session = ""
        self.port = None
        for line in self.driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                self.port = int(found[1])
                break
        assert self.port, "chromedriver does not start"
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu",
                            "--disable-dev-shm-usage", "--hide-scrollbars",
                            f"--user-data-dir={folder}"]}
        if not has_scripts:
            options["prefs"] = {"profile.managed_default_content_settings.javascript": 2}
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}})
        self.session = f"/session/{made['sessionId']}"

    def _ask(self, method, path, said=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIME_LIMIT_S)
        connection.request(method, self.session + path,
                           None if said is None else json.dumps(said))
        answer = json.loads(connection.getresponse().read())["value"]
        connection.close()
        assert not (isinstance(answer, dict) and "error" in answer), answer
        return answer

    def close(self):
        if self.session:
            self._ask("DELETE", "")
        self.driver.terminate()
        self.driver.wait(TIME_LIMIT_S)
        self.driver.stdout.close()

    def command(self, name, **parameters):
        """One of the DevTools protocol."""
        return self._ask("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def look(self, width, height=900, scheme="light"):
        """The window's size, and whether its owner likes it dark."""
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height,
                     deviceScaleFactor=1, mobile=width < 600)
        self.command("Emulation.setEmulatedMedia",
                     features=[{"name": "prefers-color-scheme", "value": scheme}])

    def go(self, url):
        self._ask("POST", "/url", {"url": url})

    @property
    def url(self):
        return self._ask("GET", "/url")

    @property
    def source(self):
        return self._ask("GET", "/source")

    def run(self, script):
        """The value of an expression in the page."""
        return self.command("Runtime.evaluate", expression=script,
                            returnByValue=True)["result"].get("value")

    def find(self, selector):
        return self._ask("POST", "/element", {"using": "css selector",
                                              "value": selector})[ELEMENT]

    def texts(self, selector):
        found = self._ask("POST", "/elements", {"using": "css selector", "value": selector})
        return [self._ask("GET", f"/element/{one[ELEMENT]}/text") for one in found]

    def type(self, selector, text):
        self._ask("POST", f"/element/{self.find(selector)}/value", {"text": text})

    def click(self, selector):
        self._ask("POST", f"/element/{self.find(selector)}/click", {})

    def arrives(self, end):
        """Whether a page whose address ends so comes; without scripts a click does not wait."""
        until = time.monotonic() + TIME_LIMIT_S
        while not self.url.endswith(end) and time.monotonic() < until:
            time.sleep(0.02)
        return self.url.endswith(end)

    def complaints(self):
        """What the console got since it was last asked, violations of the policy among it."""
        return [one["message"] for one in self._ask("POST", "/se/log", {"type": "browser"})]

    def picture(self, path):
        """The whole page; its kind is the file's: png, or webp, which is a third as large."""
        size = self.command("Page.getLayoutMetrics")["cssContentSize"]
        shot = self.command("Page.captureScreenshot", captureBeyondViewport=True,
                            format=path.suffix[1:], quality=85, clip={
                                "x": 0, "y": 0, "width": size["width"],
                                "height": size["height"], "scale": 1})
        path.write_bytes(base64.b64decode(shot["data"]))
