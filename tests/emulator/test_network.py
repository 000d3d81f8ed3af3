"""Updates over the network, on QEMU's virt: the sample app fetches a release by TFTP, from QEMU's
own server and from tftpd-hpa, and trusts neither: bootloader and app take only what the key has
signed that they were built with. Before each boot ferry's tools say what the machine will do."""

import hashlib
import random
import struct
import subprocess
import sys
import time
import zlib

import pytest
from board import OTADATA, OTADATA_BYTES, SLOTS, Board
from costs import Costs
from machine import FLASH_BYTES, ROOT, Machine, run_script, virt
from tftp_servers import Tftpd, Wire

sys.path.insert(0, str(ROOT / "tests/e2e"))
import reflash_bench  # noqa: E402  (journals made by code that shares nothing with ferry)

BOOTLOADER_MOST = 32 * 1024
SECTOR = 4096
SIGNATURE_IN_BLOCK = 101  # of the signature's numbers, in the block at the sector's start
N_CUTS = 15
SILENCE_S = 15  # no failure may take longer than that


def openssl(*words, data=None):
    return subprocess.run(["openssl", *map(str, words)], check=True, input=data, timeout=60,
                          stdout=subprocess.PIPE).stdout


def new_key(path):
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)
    return path


class NetBoard(Board):
    """A virt that trusts one key, and the folder that its network's TFTP server serves."""

    def __init__(self, ferry, programs, folder):
        super().__init__(ferry, programs, folder)
        self.public = folder / "key.pub"
        openssl("pkey", "-in", programs / "key.pem", "-pubout", "-out", self.public)
        self.facts = (*self.facts, "--trusted-key", self.public, "--secure-boot", "on")
        self.server = folder / "server"
        self.server.mkdir()

    def power_on(self):
        return Machine(self.programs / "rom.elf", self.flash,
                       lambda flash: virt(flash, f"tftp={self.server}"))

    def serve(self, image, name="app.bin"):
        """Puts an image, or a release, where the server finds it."""
        data = self.genuine[image] if isinstance(image, str) else image
        (self.server / name).write_bytes(data)
        (self.server / name).chmod(0o644)
        return data

    def parts(self, version):
        """A release as its image, without padding, and its signature sector."""
        data = self.genuine[version]
        length = self.ferry.ok("image", "info", self.release(version), "--json").json["image_len"]
        assert len(data) == (length + SECTOR - 1) // SECTOR * SECTOR + SECTOR
        return data[:length], data[-SECTOR:]


@pytest.fixture(scope="session")
def signed_programs(ferry, tmp_path_factory):
    folder = tmp_path_factory.mktemp("virt")
    key = new_key(folder / "key.pem")
    run_script(ROOT, "firmware/bare/build.sh", folder, "virt", key, env={"FERRY": str(ferry.path)})
    return folder


@pytest.fixture
def net(ferry, signed_programs, tmp_path):
    return NetBoard(ferry, signed_programs, tmp_path)


def fetch(machine, *words, wait_s=30):
    """Has the app update itself; what it said in the end, and the bytes it told of on the way."""
    machine.send(" ".join(["tftp", *map(str, words)]))
    said = machine.expect(rb"(?s)(.*?)(?:^|\n)(ok|error [^\r]*)\r\n> ", wait_s)
    told = [line.split() for line in said[1].split(b"\r\n") if line.startswith(b"got ")]
    return said[2].decode(), [(int(words[1]), int(words[3])) for words in told]


def flipped(data, offset, bit=1):
    return data[:offset] + bytes([data[offset] ^ bit]) + data[offset + 1:]


def test_update_confirm_and_reject(net):
    machine, version, slot = net.boot_as_predicted()
    assert (version, slot) == ("1.0.0", "ota_0")
    image = net.serve("1.1.0")
    said, told = fetch(machine, "app.bin")
    assert said == "ok"
    # It shows how far it is, and knows from the start how far it is to go.
    assert len(told) == 4 and told[-1] == (len(image), len(image)) and told == sorted(told)
    machine, version, slot = net.reboot(machine)
    assert (version, slot) == ("1.1.0", "ota_1")
    assert machine.ask("confirm").strip() == "ok"
    machine, version, _ = net.reboot(machine)
    assert version == "1.1.0"
    net.serve("1.5.0")
    assert fetch(machine, "app.bin")[0] == "ok"
    machine, version, slot = net.reboot(machine)
    assert (version, slot) == ("1.5.0", "ota_0")
    assert machine.ask("reject").split() == "ota_1 boots next ok".split()
    machine, version, slot = net.reboot(machine)
    assert (version, slot) == ("1.1.0", "ota_1")
    machine.kill()


def test_crash_before_confirm_goes_back(net):
    machine, _, _ = net.boot_as_predicted()
    net.serve("1.2.0")
    assert fetch(machine, "app.bin")[0] == "ok"
    machine.send("reboot")
    assert machine.end() == 0
    assert net.predict().release == "1.2.0"
    with net.power_on() as crashing:
        assert crashing.end() == 0
        assert b"ferry-bare 1.2.0\r\napp: trap 2 at 0x" in crashing.said
    machine, version, slot = net.boot_as_predicted()
    assert (version, slot) == ("1.0.0", "ota_0")
    machine.kill()


def test_server_of_debian_over_a_wire_that_loses(net):
    net.serve("1.1.0")
    machine, _, _ = net.boot_as_predicted()
    with Tftpd(net.server) as server:
        assert fetch(machine, "app.bin", server.port)[0] == "ok"
        machine, version, _ = net.reboot(machine)
        assert version == "1.1.0" and machine.ask("confirm").strip() == "ok"
        net.serve("1.5.0")
        with Wire(server.port, lambda n: n % 15) as wire:
            assert fetch(machine, "app.bin", wire.port)[0] == "ok"
            assert wire.n_lost >= 5
        machine, version, _ = net.reboot(machine)
        assert version == "1.5.0"
    machine.kill()


def test_server_that_is_lost_leaves_the_old_release(net):
    net.serve("1.1.0")
    machine, _, _ = net.boot_as_predicted()
    before = net.read(OTADATA, OTADATA_BYTES)
    with Tftpd(net.server) as server:
        with Wire(server.port, lambda n: n < 150) as wire:
            said, told = fetch(machine, "app.bin", wire.port, wait_s=SILENCE_S)
        assert "error -903, server stopped answering: 5, 5" in said and told
        assert net.read(OTADATA, OTADATA_BYTES) == before and net.holds("ota_1") is None
        machine, version, slot = net.reboot(machine)
        assert (version, slot) == ("1.0.0", "ota_0")
        # It comes back.
        assert fetch(machine, "app.bin", server.port)[0] == "ok"
    machine, version, _ = net.reboot(machine)
    assert version == "1.1.0"
    machine.kill()


def test_power_cut_starts_again(net):
    net.serve("1.1.0")
    machine, _, _ = net.boot_as_predicted()
    machine.send("tftp app.bin")
    machine.expect(rb"got \d+ of")
    machine.kill()
    machine, version, slot = net.boot_as_predicted()
    assert (version, slot) == ("1.0.0", "ota_0")
    assert fetch(machine, "app.bin")[0] == "ok"
    machine, version, _ = net.reboot(machine)
    assert version == "1.1.0"
    machine.kill()


def test_power_cuts_at_random_leave_a_whole_release(net):
    """Each life confirms what runs, begins an update, and ends somewhere in it or behind it."""
    chance = random.Random(11)
    n_old = 0
    for _ in range(N_CUTS):
        machine, version, _ = net.boot_as_predicted()
        assert machine.ask("confirm").strip() == "ok"
        other = "1.1.0" if version == "1.5.0" else "1.5.0"
        net.serve(other)
        machine.send("tftp app.bin older")
        time.sleep(chance.uniform(0, 0.25))
        machine.kill()
        release = net.predict().release
        assert release in (version, other)
        n_old += release == version
    assert n_old
    print(f"{N_CUTS} cuts, {n_old} of them before the other release was armed")


def with_crc(sector):
    """The sector with its first block's CRC32 made right, so that the signature is looked at."""
    return sector[:1196] + zlib.crc32(sector[:1196]).to_bytes(4, "little") + sector[1200:]


def put(board, offset, data):
    with open(board.flash, "r+b") as file:
        file.seek(offset)
        file.write(data)


def same_sums(image, offset):
    """The image with one bit of two bytes changed, so that its checksum holds, and its SHA-256 made
    right: only the signature can tell."""
    body = flipped(flipped(image[:-32], offset), offset + 100)
    return body + hashlib.sha256(body).digest()


def test_only_what_the_key_signed_is_taken(net, tmp_path):
    machine, _, _ = net.boot_as_predicted()
    before = net.read(OTADATA, OTADATA_BYTES)
    data = net.genuine["1.5.0"]
    image, sector = net.parts("1.5.0")
    padding = data[len(image):-SECTOR]
    assert padding
    r, s = len(data) - SECTOR + SIGNATURE_IN_BLOCK, len(data) - SECTOR + SIGNATURE_IN_BLOCK + 32
    foreign, plain = tmp_path / "foreign.bin", tmp_path / "plain.bin"
    plain.write_bytes(image)
    net.ferry.ok("image", "sign", plain, "--key", new_key(tmp_path / "other.pem"), "-o", foreign)
    cases = {
        "a bit of the image": ("-611", flipped(data, 3000)),
        "a bit of the image's hash": ("-612", flipped(data, len(image) - 1)),
        "bits that no sum shows": ("-622", same_sums(image, 3000) + padding + sector),
        "a bit of the padding": ("-622", flipped(data, len(image))),
        "a bit of the block": ("-620", flipped(data, r)),  # its own CRC tells
        "no signature": ("-620", image),
        "padding only": ("-620", image + padding),
        "signed by another": ("-621", foreign.read_bytes()),
        "another release's signature": ("-622", image + padding + net.parts("1.1.0")[1]),
    }
    for bit in (r, s, s + 31):  # with the block's CRC made right
        cases[f"bit at {bit}"] = ("-622", data[:-SECTOR] + with_crc(flipped(data, bit)[-SECTOR:]))
    for name, case in cases.items():
        net.serve(case[1])
        said, _ = fetch(machine, "app.bin")
        assert f"error {case[0]}," in said, (name, said)
        assert net.read(OTADATA, OTADATA_BYTES)[:32] == before[:32], name
        assert net.holds("ota_1") is None, name
    machine, version, slot = net.reboot(machine)
    assert (version, slot) == ("1.0.0", "ota_0")
    # And what is right still is.
    net.serve("1.5.0")
    assert fetch(machine, "app.bin")[0] == "ok"
    machine.kill()


def test_bootloader_passes_over_what_the_key_did_not_sign(net):
    """What came past the app: written into the slot by a cable, or changed there afterwards. The
    app does not go back to it either."""
    net.serve("1.5.0")
    machine, _, _ = net.boot_as_predicted()
    assert fetch(machine, "app.bin")[0] == "ok"
    machine, _, _ = net.reboot(machine)
    assert machine.ask("confirm").strip() == "ok"
    machine.kill()
    data = net.genuine["1.5.0"]
    image, sector = net.parts("1.5.0")
    bad = flipped(sector, SIGNATURE_IN_BLOCK + 40)
    for what, number in ((data[:-SECTOR] + with_crc(bad), 622), (data[:-SECTOR] + bad, 620),
                         (same_sums(image, 3000) + data[len(image):], 622),
                         (image + b"\xff" * (len(data) - len(image)), 620)):
        put(net, SLOTS["ota_1"], what)
        machine, version, slot = net.boot_as_predicted()
        assert (version, slot) == ("1.0.0", "ota_0")
        assert b"boot: slot refused -%d\r\n" % number in machine.said
        assert "error -806" in machine.ask("force")
        machine.kill()
    put(net, SLOTS["ota_1"], data)
    machine, version, slot = net.boot_as_predicted()
    assert (version, slot) == ("1.5.0", "ota_1")
    machine.kill()


def number(der, at):
    """The INTEGER at an offset of some DER, 32 bytes with the least significant first; its end."""
    end = at + 2 + der[at + 1]
    return int.from_bytes(der[at + 2:end], "big").to_bytes(32, "little"), end


def signature_block(key, signed):
    """A Secure Boot v2 block over these bytes, made by openssl and docs/formats.md alone."""
    point = openssl("pkey", "-in", key, "-pubout", "-outform", "DER")[-64:]
    der = openssl("dgst", "-sha256", "-sign", key, data=signed)
    r, end = number(der, 2)
    s, _ = number(der, end)
    block = (bytes([0xE7, 3, 0, 0]) + hashlib.sha256(signed).digest() + bytes([2])
             + point[:32][::-1] + point[32:][::-1] + r + s).ljust(1196, b"\0")
    return block + struct.pack("<I", zlib.crc32(block)) + bytes(16)


def test_bootloader_carries_out_signed_plans_only(net):
    """A reflash that waits in the journal: by docs/design/reflash.md a signature is of the plan
    without what only concerns where the content is staged."""
    content, place, staged = reflash_bench.noise(8192, 5), 0x210000, SLOTS["ota_1"]
    journal_at = FLASH_BYTES - SECTOR
    step = (1, 1, 0, place, len(content), len(content), staged, hashlib.sha256(content).digest())
    sector = reflash_bench.journal([step], journal_at=journal_at, flash=FLASH_BYTES)
    signed = bytearray(sector[:0x20] + sector[0x40:0x80])
    for start, n in ((0x06, 2), (0x14, 1), (0x21, 1), (0x30, 4)):
        signed[start:start + n] = bytes(n)
    ours = signature_block(net.programs / "key.pem", bytes(signed))
    other = signature_block(new_key(net.folder / "other.pem"), bytes(signed))
    bad = with_crc(flipped(ours, SIGNATURE_IN_BLOCK))[:len(ours)]
    for block, refusal in ((b"\xff" * len(ours), 620), (other, 621), (bad, 622), (ours, None)):
        put(net, staged, content)
        put(net, journal_at, sector[:0x440] + block + sector[0x440 + len(block):])
        machine, version, _ = net.boot()
        assert version == "1.0.0"
        assert (net.read(place, len(content)) == content) == (refusal is None)
        said = b"wrote 2 sectors" if refusal is None else b"-%d\r\n" % refusal
        assert b"boot: reflash " + said in machine.said, machine.said
        machine.kill()


def test_what_cannot_be_fetched_is_told(net):
    machine, _, _ = net.boot_as_predicted()
    assert fetch(machine, "nothing.bin")[0].startswith("error -905, ")
    assert b"server says: File not found\r\n" in machine.said
    assert fetch(machine)[0].startswith("error -900, ")
    assert fetch(machine, "x" * 128)[0].startswith("error -900, ")
    for port in ("0", "65536", "12x"):
        assert fetch(machine, "app.bin", port)[0].startswith("error -100, "), port
    net.serve(b"")
    assert fetch(machine, "app.bin")[0].startswith("error -709, ")
    net.serve(b"x" * (2 << 20))
    assert fetch(machine, "app.bin")[0].startswith("error -610, ")
    net.serve("1.0.0")
    assert fetch(machine, "app.bin", "older")[0] == "ok"
    machine.kill()


def test_sizes_and_stack(net):
    """With keys; without them: test_costs.py."""
    costs = Costs()
    bootloader = (net.programs / "bootloader.bin").stat().st_size
    assert bootloader <= BOOTLOADER_MOST
    net.serve("1.5.0")
    machine, _, _ = net.boot_as_predicted()
    assert fetch(machine, "app.bin")[0] == "ok"
    costs.check("sample app with keys, takes an update", stack=int(machine.ask("stack").split()[1]))
    costs.check("bootloader with keys, starts an app", image=bootloader,
                stack=int(machine.said.split(b"boot: stack ")[1].split()[0]))
    machine.kill()
