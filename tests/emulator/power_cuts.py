"""Lives of a board whose power fails: each life boots, does what a device in the field does, and is
killed at a random moment. After every cut the flash file is judged, and the next boot too.

Moments are drawn near the deeds that matter, because a random one would nearly always fall into the
transfer: the flip of otadata takes a fraction of a millisecond.
"""

import random
import signal
import threading
import time
from collections import Counter

from board import (BANNER, OTADATA, OTADATA_BYTES, STORAGE, WANT, announce, send_update,
                   stage)
from machine import Silence

# When the cut is due, in seconds after the deed began. The machine boots in about 0.15 s and
# receives 4 KB in about 0.06 s; from which of these on is drawn too, so that a slow host is cut as
# late in a file as a fast one.
WINDOWS = {"boot": 0.25, "set": 0.01, "receiving": 0.06, "checking": 0.06, "confirm": 0.005,
           "reject": 0.005, "force": 0.005, "staging": 0.3, "planning": 0.12,
           "reflash": 0.03}
WEIGHTS = {"boot": 2, "set": 1, "receiving": 3, "checking": 5, "confirm": 5, "reject": 3,
           "force": 1, "staging": 1, "planning": 1, "reflash": 3}
ASIDE = ("boot", "set", "reboot")  # cut as well, and counted apart from what changes the firmware
GOALS = ["1.0.0", "1.5.0", "1.0.0", "1.5.0", "1.1.0"]  # the large one now and then
DATA_BYTES, DATA_SIZE = 10000, 0x4000  # what a reflash brings, into the storage partition
LIFE_S = 30
KILLED = -signal.SIGKILL


class Broken(AssertionError):
    """A promise was not kept."""


class Story:
    """What the board must do, by all that was said so far."""

    def __init__(self, stable):
        self.stable = stable     # the release that was confirmed
        self.candidate = None    # the one that is on its way
        self.asked = False       # it was asked to confirm; a cut may have taken its answer
        self.may = {stable}      # what the next boot may start
        self.goal = None         # file that is being sent
        self.setting = {""}      # values that NVS may hold
        self.data = {b"\xff" * DATA_SIZE}  # contents that a reflash may have left in storage
        self.before = []  # (moment of an answer in the record, what was possible until then)

    def answered(self, machine, may, setting=None, data=None):
        """An answer came that leaves only this."""
        self.before.append((machine.moment(), self.may, self.setting, self.data))
        self.may, self.setting, self.data = may, setting or self.setting, data or self.data

    def cut(self, machine):
        """The power failed. What the emulator had in hand then of the writes before an answer is
        lost, as if the cut had come before it; every other answer binds. How many did not."""
        lost = [then for moment, *then in self.before if machine.in_hand(moment)]
        for may, setting, data in lost:
            self.may, self.setting, self.data = (self.may | may, self.setting | setting,
                                                 self.data | data)
        return len(lost)


class Lives:
    """Runs one board until `n_cuts` cuts have fallen into updates, confirm, reject and reflash."""

    def __init__(self, board, seed):
        self.board, self.random, self.story = board, random.Random(seed), Story("1.0.0")
        self.cuts, self.facts, self.deed, self.seed = Counter(), Counter(), "", seed
        self.aim, self.timer, self.machine, self.n_set = None, None, None, 0

    def insist(self, holds, what):
        if not holds:
            said = self.machine.said[-1500:].decode(errors="replace") if self.machine else ""
            raise Broken(f"seed {self.seed}, cut {sum(self.cuts.values())} in {self.deed}: {what}\n"
                         f"may boot {self.story.may}, stable {self.story.stable}\n{said}")

    def begin(self, deed):
        """A deed begins; if the cut is aimed at it, it is due soon."""
        self.deed = deed
        if deed == self.aim and not self.timer:
            self.timer = threading.Timer(self.random.uniform(0, WINDOWS[deed]),
                                         self.machine.process.kill)
            self.timer.start()

    def judge(self):
        """What the flash says between two lives."""
        told = self.board.predict()
        self.insist(told.selected == told.slot,
                    f"{told.selected} is selected and does not boot, {told.slot} would")
        self.insist(told.release, f"{told.slot} would boot and is no genuine release")
        self.insist(told.release in self.story.may, f"release {told.release} would boot")
        # A reflash that is not finished will be before anything boots.
        data = told.storage[:DATA_SIZE] or self.board.read(STORAGE, DATA_SIZE)
        self.insist(data in self.story.data, "storage holds neither the old nor the new content")
        self.story.data = {data}
        return told

    def ask(self, deed, line):
        self.begin(deed)
        return self.machine.ask(line)

    def boot(self, told):
        self.begin("boot")
        said = self.machine.expect(BANNER, LIFE_S)
        release, slot = said[1].decode(), said[2].decode()
        self.machine.settle()
        self.insist((release, slot) == (told.release, told.slot),
                    f"{release} in {slot} boots, {told.release} in {told.slot} was predicted")
        self.insist(self.board.read(OTADATA, OTADATA_BYTES) == told.otadata,
                    "otadata after the boot is not what was predicted")
        self.insist(self.board.read(STORAGE, DATA_SIZE) in self.story.data,
                    "storage after the boot is not what was predicted")
        self.facts["reflashes finished by the bootloader"] += \
            b"boot: reflash wrote" in self.machine.said
        return release

    def settings(self):
        """A setting is the last that was acknowledged, or the one that was under way."""
        answer = self.ask("get", "get n").split()
        self.insist((answer[0] if answer[-1] == "ok" else "") in self.story.setting,
                    f"the setting is {answer}, not one of {self.story.setting}")
        now = answer[0] if answer[-1] == "ok" else ""
        self.n_set += 1
        self.story.setting = {now, str(self.n_set)}
        self.insist(self.ask("set", f"set n {self.n_set}").strip() == "ok", "a setting is refused")
        self.story.answered(self.machine, self.story.may, {str(self.n_set)})

    def decide(self):
        """The new release runs for the first time."""
        story = self.story
        if self.random.random() < 0.25:
            self.insist("ok" in self.ask("reject", "reject"), "reject is refused")
            return
        story.may, story.asked = {story.stable, story.candidate}, True
        self.insist(self.ask("confirm", "confirm").strip() == "ok", "confirm is refused")
        story.stable, story.candidate = story.candidate, None
        story.answered(self.machine, {story.stable})
        self.facts["confirmed"] += 1

    def update(self):
        story = self.story
        if story.goal in (None, story.stable):
            story.goal = self.random.choice([v for v in GOALS if v != story.stable])
        image = self.board.genuine[story.goal]
        cut_from, self.deed = self.random.uniform(0, len(image)), "receiving"
        self.machine.send(announce(image, "older"))
        first = True
        while True:
            said = self.machine.expect(WANT + rb"|checking|(?:^|\n)(ok|error [^\r]*)\r\n> ")
            if said[0] == b"checking":
                story.candidate, story.asked = story.goal, False
                story.may = {story.stable, story.candidate}
                self.begin("checking")
            elif said[3]:
                break
            else:
                offset, n = int(said[1]), int(said[2])
                self.facts["resumed"] += first and offset > 0
                first = False
                if offset + n >= cut_from:
                    self.begin("receiving")
                self.machine.send(image[offset:offset + n])
        self.insist(said[3] == b"ok", f"the update is refused: {said[3].decode()}")
        story.goal = None
        story.answered(self.machine, {story.candidate})
        self.facts["updated"] += 1

    def reflash(self):
        """New content for a data partition: staged, written as a plan."""
        story, content = self.story, self.random.randbytes(DATA_BYTES)
        self.begin("staging")
        said, _ = send_update(self.machine, content,
                              line=stage("data", STORAGE, DATA_SIZE, content))
        self.insist(said == "ok", f"staging is refused: {said}")
        new = content.ljust(DATA_SIZE, b"\xff")
        story.data = story.data | {new}
        self.begin("planning")
        self.machine.send("reflash")
        said = self.machine.expect(rb"begun\r\n|error [^\r]*\r\n")[0]
        self.insist(b"begun" in said, f"the reflash is refused: {said}")
        self.begin("reflash")
        said = self.machine.expect(rb"(ok|error [^\r]*)\r\n> ")[1]
        self.insist(said == b"ok", f"the reflash fails: {said}")
        story.answered(self.machine, story.may, data={new})
        self.facts["reflashed"] += 1

    def force_and_back(self):
        """Force writes the entry of the other slot; cancel takes it back."""
        story = self.story
        other = {self.board.holds(slot) for slot in ("ota_0", "ota_1")} - {None}
        before = story.may
        story.may = before | other
        forced = self.ask("force", "force")
        if "error" not in forced:
            self.insist(self.ask("force", "cancel").strip() == "ok", "cancel is refused")
        story.answered(self.machine, before)

    def live(self, told):
        """One power-on, up to its own end or the cut."""
        story = self.story
        story.before = []
        # A boot that is cut may have used up the one try of a new release.
        expected = set(story.may)
        story.may = {story.stable} | expected
        release = self.boot(told)
        confirmed = release == story.candidate and told.confirmed
        self.insist(story.asked or not confirmed, f"{release} is confirmed, and never was asked to")
        if release == story.candidate and not confirmed:
            # Whatever comes now, unless it is confirmed: back to the old one.
            story.may = {story.stable}
            self.facts["tried"] += 1
            if self.random.random() < 0.9:
                self.decide()
        else:
            self.facts["went back"] += story.candidate is not None and not confirmed
            story.stable, story.candidate, story.may = release, None, {release}
            self.settings()
            if self.random.random() < 0.2:
                self.force_and_back()
            if self.aim in ("staging", "planning", "reflash") or self.random.random() < 0.1:
                self.reflash()
            self.update()
        self.deed = "reboot"
        self.machine.send("reboot")
        code = self.machine.end(LIFE_S)
        if code == KILLED and self.timer:
            raise Silence("cut at the very end")
        self.insist(code == 0, f"the machine ended with {code}")

    @property
    def n_cuts(self):
        return sum(n for deed, n in self.cuts.items() if deed not in ASIDE)

    def run(self, n_cuts):
        told, story = self.judge(), self.story
        while self.n_cuts < n_cuts:
            self.aim = self.random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            self.timer = None
            with self.board.power_on() as self.machine:
                try:
                    self.live(told)
                except (Silence, BrokenPipeError):
                    # Without a cut there is no reason to be silent, nor to end by itself.
                    self.insist(self.timer, "the machine fell silent")
                    code = self.machine.process.wait(LIFE_S)
                    self.insist(code == KILLED, f"the machine ended with {code}")
                    self.cuts[self.deed] += 1
                    n_lost = story.cut(self.machine)
                    self.facts["writes in hand"] += self.machine.in_hand() > 0
                    self.facts["answers taken back"] += n_lost
                finally:
                    if self.timer:
                        self.timer.cancel()
            told = self.judge()
        return self
