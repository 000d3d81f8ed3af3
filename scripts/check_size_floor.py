#!/usr/bin/env python3
"""What an update client and an NVS client would weigh without this and that: parts of the core are
taken out of a copy, one after another, and the rest is linked again for rv32. The tables stand in
docs/design/size.md and may be off by 2 %; --update rewrites them.

They show where the bytes of the clients are, and that the goal of 6 KB lies below what is left
when everything has gone that one can do without and still be called an updater or a store."""

import re
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import check_size
import checks

PAGE = Path("docs/design/size.md")
TARGET = "rv32"
END = "<!-- check_size_floor: end -->\n"

NO_DETAIL = """static inline ferry_err {name}({first}, ferry_err err, uint32_t value,
    uint32_t limit, uint32_t off_bytes)
{{
    (void)value, (void)limit, (void)off_bytes;
    {body}
    return err;
}}
"""

# What is taken out, each on top of those before: (file, what stands there, what comes instead).
# A text that is not there any more is an error.
UPDATE_CUTS = [
    ("errors that name the value, the limit and the place", [
        ("include/ferry/err.h", r"ferry_err ferry_fail\([^;]*;",
         NO_DETAIL.format(name="ferry_fail", first="struct ferry_fault *fault",
                          body="fault->err = err;")),
        ("core/err.c", r"ferry_err ferry_fail\(.*?\n}\n", ""),
        ("core/update_private.h", r"ferry_err ferry__update_fail\([^;]*;",
         NO_DETAIL.format(name="ferry__update_fail", first="struct ferry_update *u",
                          body="u->phase = UPDATE_FAILED, u->fault.err = err;")),
        ("core/update.c", r"ferry_err ferry__update_fail\(.*?\n}\n", ""),
    ]),
    ("project, version and minimum version", [
        ("core/update_accept.c", r"    ferry_err err = find_desc.*?\n}\n",
         "    (void)desc;\n    return FERRY_OK;\n}\n"),
    ]),
    ("gentle mode, skip_equal and 64 KB erases", [
        ("core/update.c", r"u->cfg\.flags & FERRY_UPDATE_GENTLE", "0"),
        ("core/update.c", r"\(u->cfg\.flags & FERRY_UPDATE_SKIP_EQUAL\)[^;]*;", "0;"),
        ("core/update.c", r"const bool block = [^;]*;", "const bool block = false;"),
    ]),
    ("signatures", [
        ("core/update.c", r"u->dev->policy->gate\)\n", "0)\n"),
        ("core/update.c", r"= u->dev->policy->gate;", "= NULL;"),
    ]),
    ("otadata that survives a power cut", [
        ("core/slots.c", r"&ferry_slots_safe", "&ferry_slots_idf"),
    ]),
    ("chip, revisions, page alignment and secure version of the image", [
        ("core/image.c", r"if \(!r->chip \|\| r->metadata_only\)", "if (r)"),
        ("core/image.c", r"if \(!r->chip \|\| !r->chip->has_blk_rev \|\| r->metadata_only\)",
         "if (r)"),
        ("core/image.c", r"const bool big = [^;]*;", "const bool big = false;"),
        ("core/image.c", r"const bool page_varies = [^;]*;", "const bool page_varies = false;"),
        ("core/image.c", r"    if \(!c \|\| ", "    if (c || !c || "),
        ("core/image.c", r"if \(r->min_secure_version\) {", "if (0) {"),
    ]),
]

NVS_CUTS = [
    ("errors that name the value, the limit and the place", UPDATE_CUTS[0][1][:2]),
    ("encryption", [
        ("core/nvs_raw.c", r"return err \|\| !s->xts \? err : [^;]*;", "return err;"),
        ("core/nvs_raw.c", r"    if \(!s->xts\)\n    (    return write_bytes[^;]*;).*?\n}\n",
         "    return write_bytes(s, page, unit_off(first), units, n * UNIT);\n}\n"),
    ]),
    ("opening for reading only", [
        ("core/nvs_mount.c", r"s->read_only", "false"),
        ("core/nvs.c", r"(s|config)->read_only(?= \?|\))", "false"),
    ]),
    ("zeros over what is erased", [
        ("core/nvs_raw.c", r"return purge \? [^;]*;", "(void)purge;\n    return FERRY_OK;"),
    ]),
    ("blobs", [
        ("core/nvs.c", r" +if \(!err\)\n            err = ferry__nvs_clean_blobs\(s\);\n", ""),
        ("core/nvs_blob.c",
         r"return err \|\| c->entry\.type != FERRY_NVS_BLOB_INDEX [^;]*;", "return err;"),
    ]),
]


# What both stand on.
GROUND = {"err", "bytes", "crc32", "flash"}


class Client(NamedTuple):
    """An app of check_size.CLIENTS, what is taken out of it, and where the table stands."""
    name: str
    is_nvs: bool  # links core/nvs*.c and the ground floor; or else all but NVS
    begin: str
    cuts: list
    dropped: dict  # calls that go with a part


CLIENTS = [
    Client("An update client", False, "<!-- check_size_floor: begin -->\n", UPDATE_CUTS, {}),
    Client("An NVS client", True, "<!-- check_size_floor: begin nvs -->\n", NVS_CUTS,
           {"blobs": {"ferry_nvs_set_blob", "ferry_nvs_get_blob"}}),
]

SOURCES = check_size.LIBRARIES["core"]


def linked(tree, client, calls):
    """Compiles the tree's core as the preset does; what an app with these calls links of it."""
    tools, flags = check_size.TARGETS[TARGET]
    out = tree / "build" / TARGET
    out.mkdir(parents=True, exist_ok=True)
    objects = []
    for source in sorted((tree / "core").glob("*.c")):
        if client.is_nvs != (source.stem.split("_")[0] == "nvs") and source.stem not in GROUND:
            continue
        objects.append(out / (source.stem + ".o"))
        checks.run(tools + "gcc", *flags, *check_size.OPTIMISE, "-std=c11", "-ffreestanding",
                   "-ffunction-sections", "-fdata-sections", "-I", tree, "-I", tree / "include",
                   "-c", source, "-o", objects[-1])
    archive = out / SOURCES
    archive.unlink(missing_ok=True)
    checks.run(tools + "ar", "rcs", archive, *objects)
    return check_size.client(tree, TARGET, calls)


def cut(tree, changes):
    for name, pattern, instead in changes:
        path = tree / name
        text, n = re.subn(pattern, lambda _: instead, path.read_text(), flags=re.DOTALL)
        if not n:
            raise SystemExit(f"size_floor: {name} has nothing like {pattern!r} any more")
        path.write_text(text)


def measure(root, client):
    """[(what is gone, bytes left)], the whole client first."""
    calls = check_size.CLIENTS[client.name]
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for room in ("core", "include"):
            shutil.copytree(root / room, tree / room)
        rows = [("nothing", linked(tree, client, calls))]
        for what, changes in client.cuts:
            cut(tree, changes)
            calls = [call for call in calls if call not in client.dropped.get(what, ())]
            rows.append((what, linked(tree, client, calls)))
    return rows


def table(rows):
    lines = ["| gone as well | bytes | left |\n|---|---|---|\n"]
    before = rows[0][1]
    for what, left in rows:
        lines.append(f"| {what} | {before - left or '-'} | {left} |\n")
        before = left
    return "".join(lines)


def compare(path, marks, rows, goal, update):
    """Complaints about the table between the marks of this page, which --update rewrites."""
    page = path.read_text()
    head, rest = page.split(marks[0])
    old, tail = rest.split(marks[1], 1)
    if update:
        path.write_text(head + marks[0] + table(rows) + marks[1] + tail)
        old = table(rows)
    was = [int(line.split("|")[3]) for line in old.splitlines()[2:]]
    found = [f"without {what}: {left} bytes, the page says {old_left}"
             for (what, left), old_left in zip(rows, was) if abs(left - old_left) > 0.02 * left]
    if len(was) != len(rows):
        found.append(f"the page has {len(was)} rows, the script {len(rows)}")
    if rows[-1][1] <= goal:
        found.append(f"what is left, {rows[-1][1]} bytes, reaches the goal: it argues in vain")
    return found


def check(root, client, update):
    """Complaints about the client's table, and a line that sums it up."""
    rows = measure(root, client)
    goal = check_size.GOALS[client.name]
    found = compare(root / PAGE, (client.begin, END), rows, goal, update)
    name = client.name[0].lower() + client.name[1:]
    return found, f"{name} from {rows[0][1]} down to {rows[-1][1]} bytes (goal {goal})"


def main():
    args = checks.arguments(__doc__, update="rewrite the tables in docs/design/size.md")
    told = [check(args.root, client, args.update) for client in CLIENTS]
    checks.finish("size floor", sum((found for found, _ in told), []),
                  "; ".join(line for _, line in told))


if __name__ == "__main__":
    main()
