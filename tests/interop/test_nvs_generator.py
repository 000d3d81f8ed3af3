"""Espressif's NVS generator and ferry make the same bytes of the same CSV, encrypted ones too, read
each other's files and keys; and what ferry writes into a store is read by other eyes."""

import base64
import csv
import io
import random
import struct
from types import SimpleNamespace

import nvs_reader
import pytest
from esp_idf_nvs_partition_gen import nvs_partition_gen as generator

SEED = 20260105
RANDOM_CSVS = 60
SIZE = 0x10000
INTEGERS = {f"{sign}{8 * n}": (n, sign == "i") for sign in "ui" for n in (1, 2, 4, 8)}


class Generator:
    """Its commands in this process: one start of Python for all the files."""

    def __init__(self, folder):
        self.folder = folder

    def _args(self, source, out, version, **more):
        return SimpleNamespace(input=[str(source)], output=str(out), size=hex(SIZE),
                               version=version, outdir=str(self.folder), **more)

    def build(self, source, version=2):
        out = self.folder / "theirs.bin"
        generator.generate(self._args(source, out, version))
        return out.read_bytes()

    def encrypt(self, source, keys, version=2):
        out = self.folder / "theirs-encrypted.bin"
        generator.encrypt(self._args(source, out, version, keygen=False, keyfile=None,
                                     inputkey=str(keys)))
        return out.read_bytes()

    def decrypt(self, source, keys):
        out = self.folder / "theirs-plain.bin"
        generator.decrypt(SimpleNamespace(input=str(source), key=str(keys), output=str(out),
                                          outdir=str(self.folder)))
        return out.read_bytes()

    def keys(self, name="keys.bin", hmac_key=None):
        generator.generate_key(SimpleNamespace(
            keyfile=name, outdir=str(self.folder), key_protect_hmac=hmac_key is not None,
            kp_hmac_keygen=False, kp_hmac_keyfile=None, kp_hmac_inputkey=hmac_key))
        return self.folder / "keys" / name


@pytest.fixture
def theirs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # files in rows count from the current folder
    return Generator(tmp_path)


@pytest.fixture
def ours(ferry, tmp_path):
    def build(source, *options):
        out = tmp_path / "ours.bin"
        ferry.ok("nvs", "build", source, out, "--size", hex(SIZE), *options, cwd=tmp_path)
        return out.read_bytes()
    return build


def text(rng, n):
    return "".join(rng.choice('abc,"é\n #=世\t') for _ in range(n))


def row(rng, key, folder):
    """A random row, and a file for it where it is of that type."""
    kind = rng.choice([*INTEGERS, "string", "hex2bin", "base64", "binary", "fill", "sized"])
    size = rng.choice([0, 1, 31, 32, 33, rng.randrange(400), rng.randrange(4200)])
    data = rng.randbytes(size)
    if kind in INTEGERS:
        n, signed = INTEGERS[kind]
        low, high = (-1 << 8 * n - 1, (1 << 8 * n - 1) - 1) if signed else (0, (1 << 8 * n) - 1)
        value = str(rng.choice([low, high, 0, rng.randint(low, high)]))
    elif kind == "string":
        # A line that begins with # is dropped by both, wherever it stands.
        value = text(rng, size // 8)
    elif kind == "hex2bin":
        value = rng.choice(["", " "]) + rng.choice([data.hex(), data.hex().upper()])
    elif kind == "base64":
        value = base64.b64encode(data).decode()
    elif kind == "binary":
        value = "".join(rng.choice("xyz") for _ in range(size))
    else:
        value = "".join(rng.choice("xyz") for _ in range(size // 4))
        name = "blob_fill" if kind == "fill" else "blob_sz_fill"
        return [key, "data", f"{name}({size};0x{rng.randrange(256):02x})", value]
    if rng.random() < 0.2 and "\r" not in value:
        path = folder / f"{key}.value"
        path.write_bytes(data if kind == "binary" else value.encode())
        return [key, "file", kind, path.name]
    return [key, "data", kind, value]


def random_csv(rng, folder):
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator=rng.choice(["\n", "\r\n"]))
    writer.writerow(["key", "type", "encoding", "value"])
    n = 0
    for space in range(rng.randrange(1, 4)):
        writer.writerow([f"space{space}", "namespace", "", ""])
        for _ in range(rng.randrange(12)):
            n += 1
            writer.writerow(row(rng, f"key{n}", folder))
        if rng.random() < 0.3:
            lines.write("# a comment, with \"quotes\n\n")
    path = folder / "random.csv"
    path.write_bytes(lines.getvalue().encode())
    return path


def test_random_csvs_give_the_same_bytes(theirs, ours, tmp_path):
    rng = random.Random(SEED)
    for i in range(RANDOM_CSVS):
        source = random_csv(rng, tmp_path)
        want = theirs.build(source)
        assert ours(source) == want, (i, source.read_text())


def test_random_csvs_give_the_same_encrypted_bytes(ferry, theirs, ours, tmp_path):
    rng = random.Random(SEED + 1)
    for i in range(RANDOM_CSVS // 6):
        source, keys = random_csv(rng, tmp_path), theirs.keys(f"keys{i}.bin")
        want = theirs.encrypt(source, keys)
        assert ours(source, "--encrypt", "--keys", keys) == want, (i, source.read_text())
        plain = tmp_path / "plain.bin"
        ferry.ok("nvs", "decrypt", tmp_path / "ours.bin", plain, "--keys", keys)
        assert plain.read_bytes() == theirs.build(source)
        assert theirs.decrypt(tmp_path / "ours.bin", keys)[:len(want)] == plain.read_bytes()


SMALL = ["first,namespace,,", "count,data,u32,7", 'text,data,string,"a ""quoted"", thing"',
         "blob,data,hex2bin,00ff"]
WIFI = ["nvs.net80211,namespace,,", "ap.ssid,data,blob_sz_fill(36;0x00),net",
        "ap.passwd,data,blob_fill(65;0x00),secret99", "ap.authmode,data,u8,3",
        "ap.chan,data,u8,6", "sta.ssid,data,blob_sz_fill(36;0x00),home",
        "sta.pswd,data,blob_fill(65;0x00),hidden"]
OPEN_AP = [line.replace("authmode,data,u8,3", "authmode,data,u8,0") for line in WIFI]
SHAPES = {
    "small": SMALL,
    "wifi": WIFI,
    "wifi-open": OPEN_AP,
    "wifi-twice": [*WIFI, "ap.authmode,data,u8,4"],
    "short-rows": ["first,namespace", "count,data,u8,1"],
    "long-rows": ["first,namespace,,,,", "count,data,u8,1,more,and more"],
    "capital-integers": ["first,namespace,,", "count,data,U8,1", "more,data,I16,-1"],
    "numbers": ["first,namespace,,", "a,data,u8, 12 ", "b,data,i16,+5", "c,data,u16,0012",
                "d,data,u32,1_000"],
    "quotes-inside": ["first,namespace,,", 'a,data,string,x"y"z', 'b,data,string,"x"y"z',
                      'c,data,string,"two\nlines"', 'd,data,string,"with\n# dropped\nline"'],
}


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_of_rows_give_the_same_bytes(theirs, ours, tmp_path, shape, version):
    source = tmp_path / "shape.csv"
    source.write_text("\n".join(["key,type,encoding,value", *SHAPES[shape], ""]))
    assert ours(source, "--version", version) == theirs.build(source, version)


def test_columns_may_stand_in_any_order(theirs, ours, tmp_path):
    source = tmp_path / "order.csv"
    source.write_text("value,note,encoding,type,key\n,,,namespace,first\n7,x,u8,data,count\n")
    assert ours(source) == theirs.build(source)


def test_where_the_generator_misreads_only_exact_agrees(theirs, ours, ferry, tmp_path):
    source = tmp_path / "again.csv"
    source.write_text("key,type,encoding,value\na,namespace,,\nx,data,u8,1\nb,namespace,,\n"
                      "a,namespace,,\ny,data,u8,2\n")
    want = theirs.build(source)
    assert ours(source, "--exact") == want != ours(source)
    assert nvs_reader.read(want) == {("a", "x"): 1, ("b", "y"): 2}
    assert nvs_reader.read(ours(source)) == {("a", "x"): 1, ("a", "y"): 2}
    out = tmp_path / "ours.bin"
    warned = ferry.ok("nvs", "build", source, out, "--size", "0x3000", "--json").json["warnings"]
    assert len(warned) == 1 and "namespace 'a' goes on" in warned[0]


def test_several_files_are_one_build(theirs, ferry, tmp_path):
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("key,type,encoding,value\na,namespace,,\nx,data,u8,1\n")
    second.write_text("key,type,encoding,value\ny,data,u8,2\n")
    out = tmp_path / "both.bin"
    generator.generate(SimpleNamespace(input=[str(first), str(second)], output=str(out),
                                       size="0x3000", version=2, outdir=str(tmp_path)))
    ferry.ok("nvs", "build", first, second, tmp_path / "ours.bin", "--size", "0x3000")
    assert (tmp_path / "ours.bin").read_bytes() == out.read_bytes()


def test_key_files_are_the_same_both_ways(ferry, theirs, tmp_path):
    hmac_key = tmp_path / "hmac.bin"
    hmac_key.write_bytes(bytes(range(32)))
    want = theirs.keys(hmac_key=str(hmac_key))
    ferry.ok("nvs", "keys", "new", tmp_path / "ours.bin", "--hmac-key", hmac_key)
    assert (tmp_path / "ours.bin").read_bytes() == want.read_bytes()
    shown = ferry.ok("nvs", "keys", "show", want, "--json", "--show-secrets").json
    assert bytes.fromhex(shown["keys"]) == want.read_bytes()[:64]
    made = tmp_path / "made.bin"
    ferry.ok("nvs", "keys", "new", made)
    source = tmp_path / "small.csv"
    source.write_text("\n".join(["key,type,encoding,value", *SMALL, ""]))
    image = theirs.encrypt(source, made)
    assert nvs_reader.read(image, made.read_bytes()[:64])["first", "count"] == 7


class Store:
    """A store in a file that ferry changes, and what should be in it."""

    def __init__(self, ferry, path, keys=None):
        self.ferry, self.path, self.wanted = ferry, path, {}
        self.key = keys.read_bytes()[:64] if keys else None
        self.options = ["--keys", keys] if keys else []

    def set(self, space, key, kind, word, value):
        self.ferry.ok("nvs", "set", *self.options, self.path, space, key, kind, "--", word)
        self.wanted[space, key] = value

    def erase(self, space, key):
        self.ferry.ok("nvs", "erase", *self.options, self.path, space, key)
        del self.wanted[space, key]

    def check(self):
        assert nvs_reader.read(self.path.read_bytes(), self.key) == self.wanted
        assert not self.ferry.ok("nvs", "check", *self.options, self.path,
                                 "--json").json["findings"]


def change(rng, store):
    space, key = f"space{rng.randrange(2)}", f"key{rng.randrange(6)}"
    kind = rng.choice(["u8", "i64", "float", "double", "string", "blob", "erase"])
    if kind == "erase":
        if (space, key) in store.wanted:
            store.erase(space, key)
    elif kind == "blob":
        data = rng.randbytes(rng.choice([0, 5, 32, 700, 6000]))
        store.set(space, key, kind, data.hex(), data)
    elif kind == "string":
        value = "".join(rng.choice("abé ") for _ in range(rng.randrange(90)))
        store.set(space, key, kind, f"text:{value}", value)
    elif kind in INTEGERS:
        n, signed = INTEGERS[kind]
        value = rng.randrange(1 << 8 * n) - (1 << 8 * n - 1 if signed else 0)
        store.set(space, key, kind, str(value), value)
    else:
        value = struct.unpack("<f", struct.pack("<f", rng.uniform(-1e6, 1e6)))[0]
        store.set(space, key, kind, repr(value), value)


@pytest.mark.parametrize("encrypted", [False, True])
def test_stores_that_ferry_writes_are_read_by_others(ferry, theirs, tmp_path, encrypted):
    rng = random.Random(SEED + 2)
    source, path = tmp_path / "small.csv", tmp_path / "store.bin"
    source.write_text("\n".join(["key,type,encoding,value", *SMALL, ""]))
    keys = theirs.keys() if encrypted else None
    path.write_bytes(theirs.encrypt(source, keys) if encrypted else theirs.build(source))
    store = Store(ferry, path, keys)
    store.wanted = {("first", "count"): 7, ("first", "text"): 'a "quoted", thing',
                    ("first", "blob"): b"\x00\xff"}
    for i in range(60):
        change(rng, store)
        if i % 6 == 5:
            store.check()
    store.check()
