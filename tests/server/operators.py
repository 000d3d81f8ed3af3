"""An operator at the admin door: a token, or a browser's session."""

import json
import re
from urllib.parse import urlencode

import images
from ferryd import FERRYD, run

FERRY = FERRYD.parent / "ferry"


class Operator:
    """Asks with a token of its own."""

    def __init__(self, server, name="tester", *options):
        self.server, self.name = server, name
        made = json.loads(run("user", "add", server.folder, name, "--json", *options).stdout)
        assert made["read_only"] == ("--read-only" in options)
        self.token = made["token"]

    def ask(self, method, path, said=None, body=None, headers=None):
        """said: a JSON body; body: any other."""
        if said is not None:
            body = json.dumps(said)
        return self.server.request(method, path, "admin", body=body, headers={
            "Authorization": f"Bearer {self.token}", **(headers or {})})

    def get(self, path):
        reply = self.ask("GET", path)
        assert reply.status == 200, reply
        return reply.json

    def post(self, path, said=None):
        reply = self.ask("POST", path, said)
        assert reply.status == 200, reply
        return reply.json

    def upload(self, image, **arguments):
        return self.ask("POST", "/api/v1/releases?" + urlencode(arguments), body=image)

    def release(self, **image):
        """A release of an image that images.app makes; its row."""
        arguments = {key: image.pop(key) for key in ("channel", "public") if key in image}
        reply = self.upload(images.app(**image), **arguments)
        assert reply.status == 200, reply
        return reply.json


class Browser:
    """Keeps cookies as a browser does, and follows nothing."""

    def __init__(self, server):
        self.server, self.cookie = server, None

    def ask(self, method, path, form=None, headers=None):
        headers = dict(headers or {})
        if self.cookie:
            headers["Cookie"] = f"ferryd={self.cookie}"
        body = urlencode(form) if form is not None else None
        reply = self.server.request(method, path, "admin", body=body, headers=headers)
        said = re.match("ferryd=([^;]*)", reply.headers.get("Set-Cookie", ""))
        if said:
            self.cookie = said[1] or None
        return reply

    def log_in(self, token):
        return self.ask("POST", "/login", {"token": token})

    @property
    def csrf(self):
        """As the page's own form has it."""
        page = self.ask("GET", "/").body.decode()
        return re.search('name="csrf" value="([0-9a-f]{64})"', page)[1]
