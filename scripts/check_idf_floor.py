#!/usr/bin/env python3
"""What `ferry_esp_update` would weigh without this and that: parts of core, agent and port are
taken out of a copy, one after another, and the rest is linked again for riscv32. Two tables stand
in docs/design/esp-idf.md and may be off by 2 %: what goes, and what the rest consists of; --update
rewrites them.

They show where the bytes are, and that the goal of 10 KB lies below what is left when everything
has gone that one can do without and still be called an updater over http."""

import re
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import check_idf
import check_size_floor
import checks

BEGIN, END = "<!-- check_idf_floor: begin -->\n", "<!-- check_idf_floor: end -->\n"
REST = ("<!-- check_idf_floor: rest begin -->\n", "<!-- check_idf_floor: rest end -->\n")
GOAL = 10 * 1024
ROOMS = ["core", "include", "agent", "crypto", "ports/esp-idf", "cmake", "tests/idf"]

SENTENCE = r'"[A-Za-z][^"\\\n]* [^"\\\n]*"'

# As in check_size_floor: (file, what stands there, what comes instead), each on top of those above.
CUTS = [
    ("SHA-256, which PSA and the chip have as well", [
        ("crypto/portable.c", r"\A.*\Z", ""),
    ]),
    ("what [size.md](size.md) takes out of the core", [
        *(change for _, changes in check_size_floor.UPDATE_CUTS for change in changes),
        ("ports/esp-idf/settings_esp.h", r"&ferry_slots_safe", "&ferry_slots_idf"),
    ]),
    ("errors in words", [
        ("agent/source.c", SENTENCE, '""'),
        ("agent/source_http.c", SENTENCE, '""'),
        ("agent/source_http.c", r"    ferry_text_add\(detail, sizeof s->source[^;]*;\n", ""),
        ("agent/update_run.c", SENTENCE, '""'),
        ("ports/esp-idf/http_esp.c", SENTENCE, '""'),
        ("ports/esp-idf/http_esp.c", r"ferry_text_add\(h->http.detail[^;]*;", "(void)h;"),
        ("ports/esp-idf/http_esp.c", r"ferry_text_add\(digits[^;]*;", "(void)digit;"),
        ("ports/esp-idf/http_esp.c", r"    ferry_text_add_number\(h->http.detail[^;]*;", ""),
    ]),
    ("redirects", [
        ("agent/source_http.c", r"return status == 301[^;]*;", "return false;"),
    ]),
    ("credentials, extra headers, client certificates", [
        ("agent/source_http.c", r"if \(gets_secrets\) {", "if (0) {"),
        ("agent/source_http.c", r"\*gets_secrets = [^;]*;", "*gets_secrets = false;"),
        ("agent/source_http.c", r"err = check_options\(s\);", "err = FERRY_OK;"),
        ("ports/esp-idf/http_esp.c", r"i < req->n_headers", "i < 0"),
    ]),
    ("going on after a lost connection", [
        ("agent/update_run.c", r"static bool goes_on\(.*?\n}\n",
         "static bool goes_on(struct ferry__run *r, ferry_err *err)\n{\n    return false;\n}\n"),
        ("agent/update_run.c", r"err = join\(r\);", "err = FERRY_ERR_STATE;"),
        ("agent/update_run.c", r"if \(!wants_middle\(r\)\)", "if (1)"),
        ("agent/update_run.c", r"r->keeping \? [^;]*;", "FERRY_ERR_NOT_FOUND;"),
        ("agent/update_run.c", r"if \(!err && r->keeps\)\n[^;]*;", ""),
        ("ports/esp-idf/http_esp.c", r"if \(!req->off_bytes\)", "if (1)"),
    ]),
    ("judging what the server sends: type, coding, ranges, validators", [
        ("agent/http_head.c",
         r'    else if \(ferry_text_is_word\(name, n_name, "content-range"\)\).*?\n}\n', "}\n"),
        ("agent/source_http.c", r"if \(is_web_page\([^;]*;", ""),
        ("agent/source_http.c", r"    if \(h->content_encoding\[0\].*?;\n", ""),
        ("agent/source_http.c", r"static ferry_err check_offset\(.*?\n}\n",
         "static ferry_err check_offset(struct ferry_source_http *s, uint32_t off_bytes)\n"
         "{\n    return FERRY_OK;\n}\n"),
        ("agent/source_http.c", r"if \(off_bytes == 0 \|\| h->range_total == 0\)", "if (1)"),
    ]),
    ("flash encryption", [
        ("ports/esp-idf/flash_esp.c", r"encrypts \? &crypt : &plain", "&plain"),
    ]),
    ("progress, cancelling and gentle waits", [
        ("agent/source.c", r"return c && c->asked[^;]*;", "return false;"),
        ("agent/cancel.h", r"bool ferry_cancel_asked\(const struct ferry_cancel \*c\);",
         "#define ferry_cancel_asked(c) false"),
        ("agent/source.c", r"bool ferry_cancel_asked\(.*?\n}\n", ""),
        ("agent/update_run.c", r"if \(e->(stage|progress|remark)\)", "if (0)"),
        ("ports/esp-idf/update_esp.c", r"if \(u->is_gentle\)", "if (0)"),
    ]),
]


# What the rest consists of; a file that is linked and not here is an error.
PARTS = {
    "the table and the opened device": ["core/partition.c", "core/table.c", "core/device.c",
                                        "ports/esp-idf/md5_rom.c"],
    "otadata, read and written as esp_ota_ops does": [
        "core/otadata.c", "core/slots.c", "core/slots_idf.c", "core/crc32.c"],
    "the image: header, segments, checksum, hash": ["core/image.c", "core/update_accept.c"],
    "the session: erase, program, hold back the header, read back, flip": ["core/update.c"],
    "flash: ranges, regions, little-endian numbers, esp_flash": [
        "core/flash.c", "core/bytes.c", "ports/esp-idf/flash_esp.c"],
    "which chip, which slot runs": ["core/chip.c", "ports/esp-idf/device_esp.c"],
    "an address, split and judged; texts": ["agent/url.c", "agent/text.c"],
    "one request: head, status, length": ["agent/http_head.c", "agent/source_http.c",
                                          "agent/source.c"],
    "esp_http_client, driven": ["ports/esp-idf/http_esp.c"],
    "the loop, and the one call": ["agent/update_run.c", "ports/esp-idf/update_esp.c"],
}


def sources_of(tree):
    """The component's sources without Wi-Fi, as cmake/ferry_sources.cmake lists them."""
    lists = (tree / "cmake/ferry_sources.cmake").read_text()
    wanted = ["CORE", "AGENT", "CRYPTO_PORTABLE", "ESP_IDF"]
    return [word for name in wanted
            for word in re.search(rf"FERRY_{name}_SOURCES\s([^)]*)", lists)[1].split()]


def compile_some(tree, sources):
    with ThreadPoolExecutor(2) as pool:
        said = pool.map(lambda s: check_idf.compile_one(
            tree, s, check_idf.DIALECTS[0], check_idf.object_of(tree, s), "-w"), sources)
        for complaint in filter(None, said):
            raise SystemExit(f"idf floor: {complaint}")


def link(tree, sources):
    """(bytes, {source: bytes}); complete, but for the hash that is somebody else's."""
    linked = check_idf.text_bytes(tree, sources, [check_idf.ENTRY])
    missing = [name for name in checks.run(check_idf.TOOLS + "nm", "-u", tree / "row.elf").split()
               if name.startswith("ferry_") and not name.startswith("ferry_sha256_")]
    if missing:
        raise SystemExit(f"idf floor: what is left does not link: {', '.join(missing)}")
    return linked


def measure(root):
    """[(what is gone, bytes left)], all of it first; and [(part, bytes)] of the last."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for room in ROOMS:
            shutil.copytree(root / room, tree / room)
        sources = sources_of(tree)
        compile_some(tree, sources)
        whole, files = link(tree, sources)
        # What an update links, and the way to write otadata that takes the safe one's place.
        sources = [s for s in sources if s in files or s == "core/slots_idf.c"]
        rows = [("nothing", whole)]
        for what, changes in CUTS:
            check_size_floor.cut(tree, changes)
            changed = {name for name, *_ in changes}
            only_sources = all(name.endswith(".c") for name in changed)
            compile_some(tree, [s for s in sources if not only_sources or s in changed])
            left, files = link(tree, sources)
            rows.append((what, left))
    if strange := sorted(set(files) - {name for names in PARTS.values() for name in names}):
        raise SystemExit(f"idf floor: PARTS lacks {', '.join(strange)}")
    return rows, [(part, sum(files.get(name, 0) for name in names))
                  for part, names in PARTS.items()]


def compare_rest(path, parts, update):
    """Complaints about the table of what is left, which --update rewrites."""
    page = path.read_text()
    head, rest = page.split(REST[0])
    old, tail = rest.split(REST[1], 1)
    new = "| left | bytes |\n|---|---|\n" + "".join(f"| {part} | {n} |\n" for part, n in parts)
    if update:
        path.write_text(head + REST[0] + new + REST[1] + tail)
        return []
    was = dict(re.findall(r"^\| (.+) \| (\d+) \|$", old, re.M))
    return [f"{part}: {n} bytes, the page says {was.get(part, 'nothing')}" for part, n in parts
            if abs(n - int(was.get(part, 0))) > 0.02 * n + 8]


def main():
    args = checks.arguments(__doc__, update=f"rewrite the tables in {check_idf.PAGE}")
    rows, parts = measure(args.root)
    found = check_size_floor.compare(args.root / check_idf.PAGE, (BEGIN, END), rows, GOAL,
                                     args.update)
    found += compare_rest(args.root / check_idf.PAGE, parts, args.update)
    checks.finish("idf floor", found, f"{check_idf.ENTRY} from {rows[0][1]} down to "
                                      f"{rows[-1][1]} bytes (goal {GOAL})")


if __name__ == "__main__":
    main()
