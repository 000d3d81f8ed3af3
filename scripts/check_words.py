#!/usr/bin/env python3
"""Words that must not get into the repository: paths and hosts of the machine it was written on,
addresses of package registries, and marks of unfinished work."""

import re

import checks

# Spelt in pieces, so that this file does not accuse itself.
PATTERNS = [
    ("a path of somebody's machine", r"(?<![\w.])/(?:wo" r"rk|ho" r"me/\w+|ro" r"ot/\.)(?:/|\b)"),
    ("a path outside the repository", r"\.\./sha" r"red\b"),
    ("the address of a package registry",
     r"https?://[^\s\"'>]*(?:debian|py" r"pi|python" r"hosted|npmjs|crates\.io|proxy\.golang"
     r"|maven)"),
    ("unfinished work", r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b"),
    ("unfinished work", r"(?i)\bnot (?:yet )?imple" r"mented\b"),
    ("a failure thrown away", r"\|\| tr" r"ue\b"),
    ("a tool that is no part of the project",
     r"(?i)\b(?:cla" r"ude|chat" r"gpt|cop" r"ilot|anthr" r"opic|language mo" r"del)\b"),
]
BINARY = (".gz", ".bin", ".png", ".gif", ".elf", ".webp")


def complaints(root, name):
    text = (root / name).read_bytes()
    if b"\0" in text:
        return
    for number, line in enumerate(text.decode(errors="replace").splitlines(), 1):
        for what, pattern in PATTERNS:
            match = re.search(pattern, line)
            if match:
                yield f"{name}:{number}: {what}: {match[0].strip()}"


def main():
    args = checks.arguments(__doc__)
    names = [name for name in checks.files(args.root)
             if name.suffix not in BINARY and "corpus" not in name.parts]
    found = [said for name in names for said in complaints(args.root, name)]
    checks.finish("words", found, f"{len(names)} files")


main()
