#!/usr/bin/env python3
"""Docs against code. docs/errors.md is made from include/ferry/err.h and host/sentence.c,
docs/cli.md and docs/ferryd.md from what `ferry help --format=json` and ferryd's say; all must be
current (--update writes them).
Relative links, and pointers from comments into docs/, lead somewhere; a file that a page shows
whole is shown as it is. In docs/coverage.md every test named exists, and every row that is done
names one."""

import json
import re
import subprocess
from pathlib import Path

import checks

ERRORS = Path("docs/errors.md")
CLI = Path("docs/cli.md")
COVERAGE = Path("docs/coverage.md")
FERRYD = Path("docs/ferryd.md")
BUILD = Path("build/release")

ERRORS_INTRO = """# Errors

Every error of the system, made from `include/ferry/err.h` and `host/sentence.c` by
`scripts/check_docs.py --update`. The numbers are pinned: they travel in reports and in JSON.

A job that fails leaves a `struct ferry_fault`: the error, the offending value, the limit it broke
and the position. The sentence shows what the three mean: `{value}`, `{limit}` and `{offset}`
stand in it, with the form they are shown in behind a colon (`x` hexadecimal, `chip` a chip's name,
`rev` a revision, `slot` a slot's name, otherwise decimal). What stands in brackets is said only
where it is known; `{file}`, `{slot}` and `{detail}` come from whoever reports it.

| number | name | short text | sentence |
|---|---|---|---|
"""

PROGRAMS = {
    "ferry": (CLI, "The command line"),
    "ferryd": (FERRYD, "The server's command line"),
}
PROGRAM_INTRO = """# {title}

Made from the table of commands by `scripts/check_docs.py --update`; `{program} help` says the same.
Exit codes: 0 done; 1 refused or failed, with the reason; 2 wrong usage.
"""


def joined(text):
    """C source with its continued lines joined."""
    return re.sub(r"\\\n\s*", "", text)


def macro_body(text, name):
    match = re.search(rf"#define {name}(?:\(X\))? (.*)", joined(text))
    if not match:
        raise SystemExit(f"docs: cannot find the macro {name}")
    return match[1]


def c_string(pieces, macros):
    """The value of adjacent string literals and of macros that stand for one."""
    out = []
    for literal, word in re.findall(r'"((?:[^"\\]|\\.)*)"|(\w+)', pieces):
        out.append(c_string(macros[word], macros) if word else literal.replace('\\"', '"'))
    return "".join(out)


def sentence_words(template):
    """A template of host/sentence.c for a reader who has no fault in hand."""
    names = {"v": "value", "l": "limit", "o": "offset"}
    text = re.sub(r"\{(\w+)\|([^}]*)\}", r"\2", template)
    text = re.sub(r"\{([vlo])\d?(:\w+)?\}",
                  lambda m: "{" + names[m[1]] + (m[2] or "") + "}", text)
    return text.replace("|", "\\|")


def errors_page(root):
    listing = macro_body((root / "include/ferry/err.h").read_text(), r"FERRY_ERR_LIST")
    source = (root / "host/sentence.c").read_text()
    macros = {name: macro_body(source, name) for name in ("AT_OFFSET", "WHY")}
    entry = r'X\((\w+),\s*((?:"(?:[^"\\]|\\.)*"|\w+|\s)+)\)'
    sentences = {name: c_string(pieces, macros)
                 for name, pieces in re.findall(entry, macro_body(source, "SENTENCES"))}
    rows = []
    for name, number, text in re.findall(r'X\((\w+), (-?\d+), "([^"]*)"\)', listing):
        if name not in sentences:
            raise SystemExit(f"docs: host/sentence.c has no sentence for {name}")
        rows.append(f"| {number} | `{name}` | {text} | {sentence_words(sentences[name])} |\n")
    return ERRORS_INTRO + "".join(rows)


def program_page(root, program, title):
    done = subprocess.run([root / BUILD / program, "help", "--format=json"], check=True,
                          stdout=subprocess.PIPE, text=True)
    parts = [PROGRAM_INTRO.format(title=title, program=program)]
    for command in json.loads(done.stdout)["commands"]:
        summary = command["summary"][0].upper() + command["summary"][1:]
        name = f"{program} {command['name']}"
        parts.append(f"\n## {name}\n\n{summary}.\n")
        parts.append(f"\n    {name} [OPTION...] {command['args']}".rstrip() + "\n")
        if command["about"]:
            parts.append(f"\n{command['about'].strip()}\n")
        options = [o for o in command["options"] if o["name"] not in ("help", "version")]
        if options:
            parts.append("\n| option | meaning |\n|---|---|\n")
        for option in options:
            value = f"={option['arg']}" if "arg" in option else ""
            words = " ".join(option["doc"].split()).replace("|", "\\|")
            flag = f"--{option['name']}{value}".replace("|", "\\|")
            parts.append(f"| `{flag}` | {words} |\n")
        if command["examples"]:
            parts.append("\n")
        parts += [f"    {e['line']}\n        {e['what']}\n" for e in command["examples"]]
    return "".join(parts)


def page_complaint(root, name, content, update):
    if update:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(content)
        return []
    if not (root / name).is_file() or (root / name).read_text() != content:
        return [f"{name} is not what the code says; run scripts/check_docs.py --update"]
    return []


def heading_anchors(text):
    """The anchors that a reader's web page makes of the headings."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", text, re.M)}


def link_complaints(root):
    for name in checks.files(root, ".md"):
        text = (root / name).read_text()
        prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.S)
        for target in re.findall(r"\]\(([^)\s]+)\)", prose):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            file = (root / name).parent / path if path else root / name
            if not file.exists():
                yield f"{name}: link to {target}, which does not exist"
            elif anchor and anchor not in heading_anchors(file.read_text()):
                yield f"{name}: link to {target}: no such heading"


def pointer_complaints(root):
    """Comments that point into docs/, as a file or as a file and a "Heading"."""
    for name in checks.files(root, ".c", ".h", ".cmake", "CMakeLists.txt"):
        # A pointer may run over the end of a comment's line.
        text = re.sub(r"\n\s*(?:\*|//|#)? *", " ", (root / name).read_text())
        for path, heading in re.findall(r'(?<![\w/])(docs/[\w/-]+\.md)(?: "([^"]{3,60})")?', text):
            if not (root / path).is_file():
                yield f"{name}: points to {path}, which does not exist"
            elif heading and not re.search(rf"^#+ {re.escape(heading)}$",
                                           (root / path).read_text(), re.M):
                yield f'{name}: points to {path} "{heading}"; there is no such heading'


def quote_complaints(root):
    """A page that shows "the whole of" a file shows it as it is."""
    for name in checks.files(root, ".md"):
        text = (root / name).read_text()
        for path, block in re.findall(r"The whole of `([^`]+)`.*?```\w*\n(.*?)```", text, re.S):
            if not (root / path).is_file():
                yield f"{name}: shows {path}, which does not exist"
            elif (root / path).read_text().rstrip() != block.rstrip():
                yield f"{name}: shows {path} otherwise than it is"


def test_exists(root, test):
    """`path:name` or `path::name`, or a path alone."""
    path, _, name = test.partition(":")
    name = name.lstrip(":")
    file = root / path
    return file.is_file() and (not name or re.search(rf"\b{re.escape(name)}\b", file.read_text()))


def coverage_complaints(root):
    """Rows: | id | what | status | tests |; status done, partly or later."""
    seen = set()
    for number, line in enumerate((root / COVERAGE).read_text().splitlines(), 1):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]
        if not cells or not re.match(r"S\d-D?\d+$", cells[0]):
            continue
        where = f"{COVERAGE}:{number}: {cells[0]}"
        if cells[0] in seen:
            yield f"{where} stands twice"
        seen.add(cells[0])
        status, tests = cells[-2], re.findall(r"`([^`]+)`", cells[-1])
        if status not in ("done", "partly", "later"):
            yield f"{where} has the status '{status}'; known are done, partly and later"
        if status in ("done", "partly") and not tests:
            yield f"{where} is {status}, but no test shows it"
        yield from (f"{where} names {test}, which does not exist" for test in tests
                    if not test_exists(root, test))
    if not seen:
        yield f"{COVERAGE} has no rows"


def main():
    args = checks.arguments(__doc__, update="write the pages that are made")
    found = page_complaint(args.root, ERRORS, errors_page(args.root), args.update)
    for program, (page, title) in PROGRAMS.items():
        if (args.root / BUILD / program).is_file():
            found += page_complaint(args.root, page, program_page(args.root, program, title),
                                    args.update)
        else:
            found.append(f"{BUILD / program} is not built, so {page} cannot be checked")
    found += link_complaints(args.root)
    found += pointer_complaints(args.root)
    found += quote_complaints(args.root)
    found += coverage_complaints(args.root)
    checks.finish("docs", found)


main()
