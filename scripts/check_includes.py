#!/usr/bin/env python3
"""Who may include whom: the table of docs/design.md, and inside the core the floors.

A quoted include must be one of our files; its folder is its room. An angled one is libc, POSIX or
a library. A header named *_private.h stays in its room."""

import re
from pathlib import Path

import checks

EVERYWHERE = {"stdint.h", "stddef.h", "stdbool.h"}
LIBC = "libc and POSIX"

# Headers of libraries, by the start of their name; every other angled header is libc or POSIX.
LIBRARIES = {
    "openssl/": "OpenSSL", "curl/": "libcurl", "cJSON.h": "cJSON", "cjson/": "cJSON",
    "libelf.h": "libelf", "gelf.h": "libelf", "archive": "libarchive",
    "mbedtls/": "mbedTLS", "psa/": "mbedTLS", "esp_": "ESP-IDF", "freertos/": "ESP-IDF",
    "nvs": "ESP-IDF", "hal/": "ESP-IDF", "sdkconfig.h": "ESP-IDF",
    "microhttpd.h": "libmicrohttpd", "gnutls/": "GnuTLS",
    "sqlite3.h": "SQLite", "libpq-fe.h": "libpq", "lfs.h": "littlefs",
    "bearssl": "BearSSL",
}

HOST = {"include/ferry", "agent", "host", "ports/posix"}

# room: rooms it may include beside itself, libraries, single libc headers or all of LIBC.
RULES = {
    "include/ferry": (set(), set()),
    "core": ({"include/ferry"}, set()),
    "crypto": ({"include/ferry"}, {"string.h", "OpenSSL", "mbedTLS", "BearSSL"}),
    "agent": ({"include/ferry"}, {"string.h", "cJSON"}),
    "host": (HOST, {LIBC, "cJSON", "libelf", "OpenSSL", "littlefs"}),
    "ports/posix": ({"include/ferry", "agent"}, {LIBC, "libcurl", "OpenSSL"}),
    "ports/sim": ({"include/ferry", "agent"}, {LIBC}),
    "ports/esp-idf": ({"include/ferry", "agent"}, {LIBC, "ESP-IDF", "mbedTLS"}),
    "ports/template": ({"include/ferry", "agent"}, set()),
    "ports/bare": ({"include/ferry"}, set()),
    "ports/espressif": ({"include/ferry"}, set()),
    "ports/sifive-u": ({"include/ferry", "agent", "ports/bare"}, set()),
    "ports/virt": ({"include/ferry", "agent", "ports/bare"}, set()),
    "ports/esp32c3": ({"include/ferry", "agent", "ports/bare", "ports/espressif"}, set()),
    "compat": (HOST, {LIBC}),
    "cli": (HOST | {"compat", "ports/sim"},
            {LIBC, "cJSON", "OpenSSL", "libcurl", "libmicrohttpd"}),
    "server": ({"include/ferry", "crypto", "host"},
               {LIBC, "cJSON", "libmicrohttpd", "GnuTLS", "SQLite", "libpq", "libarchive"}),
    "firmware": ({"include/ferry", "agent", "crypto", "ports/bare", "ports/sifive-u", "ports/virt",
                  "ports/esp32c3"}, {"string.h"}),
    "arduino": ({"include/ferry", "ports/esp-idf"}, set()),
    "examples": ({"include/ferry", "compat", "agent", "ports/posix", "ports/esp-idf"},
                 {LIBC, "ESP-IDF"}),
}
ANYTHING = {"tests", "bench"}

# The core from the ground up. A noun includes itself and nouns of lower rows only; the first two
# rows are floor 0 of docs/design.md, the next two floor 1, then 2 and 2 again, then 3.
FLOORS = [
    {"err", "bytes", "mem"},
    {"crc32", "crypto", "chip", "flash"},
    {"partition", "image", "otadata", "signature", "version", "nvs_page"},
    {"table", "journal", "checkpoint"},
    {"device"},
    {"boot", "gate", "nvs", "slots", "plan_gate"},
    {"update", "reflash"},
]
ROW = {noun: row for row, nouns in enumerate(FLOORS) for noun in nouns}


def room_of(name):
    """core/boot.c -> core; ports/posix/flash.c -> ports/posix; None outside every room."""
    if name.parts[:2] == ("include", "ferry"):
        return "include/ferry"
    if name.parts[0] == "ports" and len(name.parts) > 2:
        return "/".join(name.parts[:2])
    return name.parts[0] if len(name.parts) > 1 else None


def library_of(header):
    for start, library in LIBRARIES.items():
        if header.startswith(start):
            return library
    return LIBC


def find(root, name, header):
    """The file of ours that an include means, or None."""
    for base in (name.parent, Path("."), Path("include"), Path("agent"), Path("host"),
                 Path("ports/posix"), Path("ports/sim"), Path("ports/template"), Path("cli"),
                 Path("ports/esp-idf"),
                 Path("ports/bare"), Path("ports/espressif"), Path("ports/esp32c3"),
                 Path("ports/sifive-u"), Path("ports/virt"), Path("tests/port"),
                 Path("compat/esp-idf"), Path("compat/esp-idf/include"),
                 Path("server"), Path("tests"), Path("tests/support"), Path("tests/agent")):
        if (root / base / header).is_file():
            return (root / base / header).resolve().relative_to(root)
    return None


def noun_of(name):
    """image_verify.c -> image: the longest known noun that the file's name begins with."""
    words = name.stem.split("_")
    for n in range(len(words), 0, -1):
        if "_".join(words[:n]) in ROW:
            return "_".join(words[:n])
    return None


def floor_complaint(name, target):
    mine, other = noun_of(name), noun_of(target)
    for noun, file in ((mine, name), (other, target)):
        if noun is None:
            return f"{file} has no place in FLOORS of scripts/check_includes.py"
    if mine != other and ROW[other] >= ROW[mine]:
        return f"{mine} includes {target}, which is not on a lower floor"
    return None


def our_complaint(room, name, target):
    other = room_of(target)
    if room in ANYTHING:
        if other == "core" and name.parts[:2] != ("tests", "unit"):
            return f"{target} is the core's own; only tests/unit may look at it"
        return None
    if other == room:
        return floor_complaint(name, target) if room in ("core", "include/ferry") else None
    if other not in RULES[room][0]:
        return f"{room} may not include {target}"
    if target.stem.endswith("_private"):
        return f"{target} is private to {other}"
    return floor_complaint(name, target) if room == "core" else None


def system_complaint(room, header):
    if room in ANYTHING or header in EVERYWHERE:
        return None
    allowed = RULES[room][1]
    library = library_of(header)
    if library in allowed or header in allowed:
        return None
    return f"{room} may not include <{header}> ({library})"


def complaints(root, name):
    room = room_of(name)
    if room in (None, "scripts", "cmake"):
        return
    if room not in RULES and room not in ANYTHING:
        yield f"{name}: {room} is not in the include table"
        return
    for number, line in enumerate((root / name).read_text().split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        header = match[2]
        target = find(root, name, header) if match[1] == '"' or header[:6] == "ferry/" else None
        if target:
            said = our_complaint(room, name, target)
        elif match[1] == '"':
            said = f'"{header}" is none of our files'
        else:
            said = system_complaint(room, header)
        if said:
            yield f"{name}:{number}: {said}"


def main():
    args = checks.arguments(__doc__)
    names = checks.files(args.root, ".c", ".h")
    found = [said for name in names for said in complaints(args.root, name)]
    checks.finish("includes", found, f"{len(names)} files")


main()
