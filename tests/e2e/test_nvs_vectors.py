"""ferry nvs list shows what Espressif's own code reads from the same partitions: the images of the
generator, and stores that their code wrote, overwrote, erased and collected."""
import gzip
import json
import zlib
from pathlib import Path

import pytest

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
NAMES = {"str": "string"}


def records(name):
    with gzip.open(VECTORS / f"{name}.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def images(name):
    with gzip.open(VECTORS / f"{name}.images.bin.gz") as file:
        return file.read()


def as_listed(entry):
    """An entry of ferry's listing in the words of the vectors."""
    value, kind = entry["value"], entry["type"]
    facts = {"ns": entry["namespace"], "key": entry["key"], "type": kind}
    if kind in ("string", "blob"):
        data = bytes.fromhex(value) if entry.get("encoding") else value.encode() + b"\0"
        return facts | {"len": len(data), "crc32": f"{zlib.crc32(data):08x}"}
    return facts | {"value": str(value)}


def as_dumped(entry):
    """The same of an entry that Espressif's iterator shows."""
    facts = {name: entry[name] for name in ("ns", "key", "type")}
    facts["type"] = NAMES.get(entry["type"], entry["type"])
    return facts | {name: entry[name] for name in ("len", "crc32", "value") if name in entry}


def by_key(entries):
    return sorted(entries, key=lambda e: (e["ns"], e["key"]))


@pytest.mark.parametrize("name,least", [("D_csv_images", 70), ("D_ops", 50)])
def test_list_agrees_with_espressif(ferry, tmp_path, name, least):
    flash, path, n = images(name), tmp_path / "nvs.bin", 0
    for record in records(name):
        dumps = [record.get("dump")] + [r for _, r in record.get("steps", [])[-1:]]
        dump = next((d for d in dumps if d and d.get("op", "dump") == "dump" and "entries" in d),
                    None)
        if not dump or record.get("mount") or any(e["err"] for e in dump["entries"]):
            continue
        at, size = record["image"]
        path.write_bytes(flash[at:at + size])
        said = ferry.ok("nvs", "list", path, "--image", "--show-secrets", "--json").json
        # Their iterator passes over blobs of version 1, though their nvs_get_blob reads them.
        listed = [as_listed(e) for e in said["entries"]
                  if record.get("version") != 1 or e["type"] != "blob"]
        assert by_key(listed) == by_key(as_dumped(e) for e in dump["entries"]), record["id"]
        n += 1
    assert n >= least, n
