"""What programs cost on a bare machine, as docs/bare-metal.md says in "What it costs", held against
what was measured."""

import re

from machine import ROOT

DOCUMENT = ROOT / "docs/bare-metal.md"
GROWTH, SLACK = 1.02, 1.10  # image bytes may grow by so much; a row may promise so much too much


class Costs:
    """The table: {what: (image bytes or None, stack bytes or None)}."""

    def __init__(self, text=None):
        text = DOCUMENT.read_text() if text is None else text
        part = text.split("## What it costs", 1)[1].split("\n## ", 1)[0]
        rows = re.findall(r"^\| ([^|]+?) \| *([\d,]*) *\| *([\d,]*) *\|$", part, re.M)
        self.rows = {what: tuple(int(n.replace(",", "")) if n else None for n in numbers)
                     for what, *numbers in rows}

    def check(self, what, image=None, stack=None):
        """What was measured is in the table, is not more, and not much less."""
        said_image, said_stack = self.rows[what]
        for name, is_now, said, most in (("image", image, said_image, GROWTH),
                                         ("stack", stack, said_stack, 1)):
            if is_now is None:
                continue
            assert said, f"{what}: {name} of {is_now} bytes is not in the table"
            assert is_now <= said * most, f"{what}: {name} grew from {said} to {is_now} bytes"
            assert said <= is_now * SLACK, f"{what}: {name} of {said} bytes shrank to {is_now}"
