#!/usr/bin/env python3
"""What an update client would weigh without this and that: parts of the core are taken out of a
copy, one after another, and the rest is linked again for rv32. The table stands in
docs/design/size.md and may be off by 2 %; --update rewrites it.

It shows where the bytes of the client are, and that the goal of 6 KB lies below what is left when
everything has gone that an updater can do without and still be called one."""

import re
import shutil
import tempfile
from pathlib import Path

import check_size
import checks

PAGE = Path("docs/design/size.md")
TARGET = "rv32"
BEGIN, END = "<!-- check_size_floor: begin -->\n", "<!-- check_size_floor: end -->\n"

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
CUTS = [
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
         "    (void)desc, (void)check_minimum, (void)check_running, (void)find_desc;\n"
         "    return FERRY_OK;\n}\n"),
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

SOURCES = check_size.LIBRARIES["core"]


def compile_core(tree):
    """An archive of the tree's core, as the preset compiles it."""
    tools, flags = check_size.TARGETS[TARGET]
    out = tree / "build" / TARGET
    out.mkdir(parents=True, exist_ok=True)
    objects = []
    for source in sorted((tree / "core").glob("*.c")):
        objects.append(out / (source.stem + ".o"))
        checks.run(tools + "gcc", *flags, *check_size.OPTIMISE, "-std=c11", "-ffreestanding",
                   "-ffunction-sections", "-fdata-sections", "-I", tree, "-I", tree / "include",
                   "-c", source, "-o", objects[-1])
    archive = out / SOURCES
    archive.unlink(missing_ok=True)
    checks.run(tools + "ar", "rcs", archive, *objects)
    return check_size.client(tree, TARGET)


def cut(tree, changes):
    for name, pattern, instead in changes:
        path = tree / name
        text, n = re.subn(pattern, lambda _: instead, path.read_text(), flags=re.DOTALL)
        if not n:
            raise SystemExit(f"size_floor: {name} has nothing like {pattern!r} any more")
        path.write_text(text)


def measure(root):
    """[(what is gone, bytes left)], the whole client first."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for room in ("core", "include"):
            shutil.copytree(root / room, tree / room)
        rows = [("nothing", compile_core(tree))]
        for what, changes in CUTS:
            cut(tree, changes)
            rows.append((what, compile_core(tree)))
    return rows


def table(rows):
    lines = ["| gone as well | bytes | left |\n|---|---|---|\n"]
    before = rows[0][1]
    for what, left in rows:
        lines.append(f"| {what} | {before - left or '-'} | {left} |\n")
        before = left
    return "".join(lines)


def main():
    args = checks.arguments(__doc__, update="rewrite the table in docs/design/size.md")
    rows = measure(args.root)
    page = (args.root / PAGE).read_text()
    head, old, tail = page.split(BEGIN)[0], page.split(BEGIN)[1].split(END)[0], page.split(END)[1]
    if args.update:
        (args.root / PAGE).write_text(head + BEGIN + table(rows) + END + tail)
    was = [int(line.split("|")[3]) for line in old.splitlines()[2:]]
    found = []
    if not args.update:
        found = [f"without {what}: {left} bytes, the page says {old_left}"
                 for (what, left), old_left in zip(rows, was) if abs(left - old_left) > 0.02 * left]
        if len(was) != len(rows):
            found.append(f"the page has {len(was)} rows, the script {len(rows)}")
    least = rows[-1][1]
    if least <= check_size.CLIENT_GOAL:
        found.append(f"what is left, {least} bytes, reaches the goal: the page argues in vain")
    checks.finish("size floor", found,
                  f"from {rows[0][1]} down to {least} bytes (goal {check_size.CLIENT_GOAL})")


if __name__ == "__main__":
    main()
