"""ferry nvs build: the generator's own images byte for byte, and what is refused with which words.
"""
import base64
import gzip
import json
from pathlib import Path

import pytest

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
HEAD = "key,type,encoding,value\n"

# Where the generator does not do what the CSV says, and what ferry does instead.
BETTER = {
    "bad_type": "a type that is none is refused, not taken for data",
    "no_namespace": "a key without namespace is refused, not made a namespace",
    "multi_ns": "a namespace that goes on gets its rows, not the latest new one",
}
# What the generator fails on, though the format has it.
ALSO = {"hexvals", "str3998", "str3999"}


def records():
    with gzip.open(VECTORS / "D_csv_images.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def images():
    with gzip.open(VECTORS / "D_csv_images.images.bin.gz") as file:
        return file.read()


@pytest.fixture
def build(ferry, tmp_path):
    """build(csv, *options) -> how it ended; the image is then in tmp_path/nvs.bin."""
    def run(text, *options, size="0x4000"):
        (tmp_path / "in.csv").write_bytes(text.encode())
        return ferry("nvs", "build", "in.csv", "nvs.bin", "--size", size, *options, cwd=tmp_path)
    return run


def built(build, record, folder, *options):
    """The image of a record, or None if it is refused, and then nothing is written."""
    for name, content in record.get("files", {}).items():
        (folder / name).write_bytes(base64.b64decode(content))
    out = folder / "nvs.bin"
    out.unlink(missing_ok=True)
    done = build(record["csv"], "--version", record["version"], *options, size=record["size"])
    assert done.code == 0 or (done.err.strip() and not out.exists()), done
    return out.read_bytes() if done.code == 0 else None


@pytest.mark.parametrize("exact", [True, False])
def test_every_image_of_the_generator_is_made_again(build, images, tmp_path, exact):
    counts = {"same": 0, "refused": 0, "better": 0, "also": 0}
    for record in records():
        options = ["--exact"] if exact else []
        image = built(build, record, tmp_path, *options)
        if not record["ok"]:
            assert (image is not None) == (record["name"] in ALSO and record["version"] == 2)
            counts["refused" if image is None else "also"] += 1
            continue
        at, size = record["image"]
        same = image == images[at:at + size]
        assert same != (not exact and record["name"] in BETTER), record["id"]
        counts["same" if same else "better"] += 1
    better = 0 if exact else 4
    assert counts == {"same": 82 - better, "refused": 31, "better": better, "also": 3}


REFUSALS = [
    ("", "line 1, column 1: the file is empty"),
    ("key,type,encoding\n", "line 1, column 1: the first row has no column 'value'"),
    ('a,namespace,,\nk,data,string,"x\n', "line 3, column 15: the quote that begins here is never"),
    ("a,namespace,,\nk,data,u8,256\n", "line 3, column 11: key 'k': 256 is out of range for u8; "
                                       "the limit is 255"),
    ("a,namespace,,\nk,data,i8,-129\n", "-129 is out of range for i8; the limit is -128"),
    ("a,namespace,,\nk,data,u64,18446744073709551616\n", "the limit is 18446744073709551615"),
    ("a,namespace,,\nk,data,u8,1.5\n", "'1.5' is not a whole number"),
    ("a,namespace,,\nk,data,hex2bin,0x1f\n", "character 2 of the value is no hex digit"),
    ("a,namespace,,\nk,data,base64,AAA\n", "are incomplete"),
    ("a,namespace,,\nk,data,base64,AA=A\n", "character 4 of the value is no base64 after its end"),
    ("a,namespace,,\nk,dta,u8,1\n", "line 3, column 3: type 'dta' is not known"),
    ("a,namespace,,\nk,data,u12,1\n", "line 3, column 8: encoding 'u12' is not known"),
    ("a,namespace,,\nk,data,blob_fill(3;0xff),four\n", "the value is 4 bytes; the limit is the 3"),
    ("a,namespace,,\nk,data,u8\n", "the row of key 'k' ends before its value"),
    ("k,data,u8,1\n", "line 2, column 1: key 'k' stands before any namespace"),
    ("a,namespace,,\né123456789012345,data,u8,1\n", "is 17 bytes long; the limit is 15"),
    (",namespace,,\n", "the namespace has no name"),
    ("a,namespace,,\nk,file,string,missing.txt\n", "'missing.txt' cannot be read: No such file"),
    ("a,namespace,,\nk,data,string," + "x" * 4000 + "\n", "is 4001 bytes; the limit is 4000"),
]


@pytest.mark.parametrize("rows,words", REFUSALS, ids=[words[:40] for _, words in REFUSALS])
def test_a_refusal_names_line_and_column(build, tmp_path, rows, words):
    done = build(rows if not rows or rows.startswith("key,") else HEAD + rows)
    assert done.code == 1 and words in done.err, done
    assert not (tmp_path / "nvs.bin").exists()


def test_namespaces_have_a_limit(build):
    rows = "".join(f"n{i},namespace,,\n" for i in range(255))
    done = build(HEAD + rows)
    assert done.code == 1 and "'n254' is one namespace too many; the limit is 254" in done.err


def test_too_small_a_size_says_which_would_do(build):
    rows = "a,namespace,,\n" + "".join(f"k{i},data,blob_fill(3900;0x00),\n" for i in range(4))
    done = build(HEAD + rows, size="0x3000")
    assert done.code == 1 and "--size 0x5000 would do" in done.err, done
    assert build(HEAD + rows, size="0x5000").code == 0


@pytest.mark.parametrize("options", [
    ["--size", "5000"], ["--size", "0"], ["--version", "3"], ["--encrypt"],
    ["--keys", "a", "--new-keys", "b"]])
def test_wrong_usage(ferry, tmp_path, options):
    (tmp_path / "in.csv").write_text(HEAD)
    size = [] if options[0] == "--size" else ["--size", "0x4000"]
    done = ferry("nvs", "build", "in.csv", "nvs.bin", *size, *options, cwd=tmp_path)
    assert done.code == 2, done


def test_the_size_is_asked_for(ferry, tmp_path):
    (tmp_path / "in.csv").write_text(HEAD)
    done = ferry("nvs", "build", "in.csv", "nvs.bin", cwd=tmp_path)
    assert done.code == 2 and "--size is missing" in done.err


def test_a_key_given_twice_is_warned_of(build):
    done = build(HEAD + "a,namespace,,\nk,data,u8,1\nk,data,u8,2\n", "--json")
    assert done.json["warnings"] == ["line 4: key 'k' was given before, on line 3; a mount keeps "
                                     "one of the two"]


def test_new_keys_are_written_and_never_replaced(build, ferry, tmp_path):
    rows = HEAD + "a,namespace,,\nk,data,string,hello\n"
    assert build(rows, "--encrypt", "--new-keys", "keys.bin").code == 0
    keys, image = (tmp_path / "keys.bin").read_bytes(), (tmp_path / "nvs.bin").read_bytes()
    assert len(keys) == 4096 and b"hello" not in image
    assert (tmp_path / "keys.bin").stat().st_mode & 0o077 == 0
    said = ferry.ok("nvs", "get", tmp_path / "nvs.bin", "a", "k", "--keys", tmp_path / "keys.bin")
    assert said.out == "hello\n"
    again = build(rows, "--encrypt", "--new-keys", "keys.bin")
    assert again.code == 1 and "keys.bin" in again.err
    assert (tmp_path / "keys.bin").read_bytes() == keys
    assert (tmp_path / "nvs.bin").read_bytes() == image
