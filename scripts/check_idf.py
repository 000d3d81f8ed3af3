#!/usr/bin/env python3
"""The component for ESP-IDF where there is no ESP-IDF: both doors in both of its CMake passes, each
source of the component and of the examples for riscv32 in both dialects against tests/idf/headers,
the manifests, and what https_update adds to an app against the table in docs/design/esp-idf.md."""

import json
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import checks

DOORS = {"root": Path("."), "fixed name": Path("esp-idf/ferry")}
EXAMPLES = Path("examples/esp-idf")
DIALECTS = ["gnu17", "gnu2x"]
TOOLS = "riscv64-unknown-elf-"
CHIP = ["-march=rv32imc", "-mabi=ilp32", "-misa-spec=2.2", "-Os", "-msave-restore",
        "-ffunction-sections", "-fdata-sections", "-ffreestanding"]
STRICT = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wstrict-prototypes", "-Werror"]
DEFINITIONS = ["FERRY_CFG_MD5_ELSEWHERE"]
HEADERS = ["tests/idf/headers", "tests/idf/libc"]
CJSON = "/usr/include/cjson"
PAGE = Path("docs/design/esp-idf.md")
MARKS = ("<!-- check_idf: begin -->", "<!-- check_idf: end -->")
GROWTH = 1.02
STACK_MOST = 2048

# What a row links, and what of it is the app's own choice and counted in the row below.
ROWS = {
    "https_update: `ferry_esp_update`": ["ferry_esp_update"],
    "the same and `ferry_slots_confirm`": ["ferry_esp_update", "ferry_slots_confirm"],
    "with checkpoints: `ferry_keeper_nvs_init`": ["ferry_esp_update", "ferry_keeper_nvs_init"],
    "with a manifest: `ferry_esp_update_manifest`": ["ferry_esp_update_manifest"],
}

# Where an indirect call may lead, by the file it stands in: the tables that update_esp.c sets up.
TABLES = {
    "agent/source.c": ["source_http.c"],
    "agent/source_http.c": ["http_esp.c"],
    "agent/update_kept.c": ["keeper_nvs.c"],
    "agent/update_run.c": ["update_kept.c"],
    "core/": ["flash_esp.c", "slots_safe.c"],
}


def replay(root, door, folder, major, *config):
    """Both passes of a door: ({key: [words]} of the first, the same of the second)."""
    fakes = root / "tests/idf/door"
    common = [f"-DDOOR={root / door}", f"-DMAJOR={major}"]
    first, second = folder / "first.txt", folder / "second.txt"
    checks.run("cmake", *common, f"-DOUT={first}", "-P", fakes / "requirements.cmake")
    checks.run("cmake", "-S", fakes, "-B", folder / "build", *common, f"-DOUT={second}",
               *(f"-D{name}=y" for name in config))
    return tuple({line.split(" ", 1)[0]: [w for w in line.split(" ", 1)[1].split(";") if w]
                  for line in path.read_text().splitlines()} for path in (first, second))


def door_complaints(root, folder):
    """The doors in each pass; the sources of the fixed one are what is compiled."""
    sources = None
    for name, door in DOORS.items():
        for major in (5, 6):
            here = folder / f"{name.split()[0]}{major}"
            here.mkdir()
            plain = replay(root, door, here, major)
            (here / "wifi").mkdir()
            wifi = replay(root, door, here / "wifi", major, "CONFIG_ESP_WIFI_ENABLED")
            for first, second in (plain, wifi):
                if first["REQUIRES"] != second["REQUIRES"]:
                    yield f"door {name}: the passes disagree about REQUIRES"
                for path in second["SRCS"] + first["KCONFIG"] + second["LDFRAGMENTS"]:
                    if not Path(path).is_file():
                        yield f"door {name}: {path} does not exist"
            if ("json" in plain[0]["REQUIRES"]) != (major < 6):
                yield f"door {name}: cJSON of ESP-IDF {major} is required wrongly"
            extra = set(wifi[1]["SRCS"]) - set(plain[1]["SRCS"])
            if [Path(p).name for p in extra] != ["wifi_station.c"]:
                yield f"door {name}: Wi-Fi brings {sorted(extra)}"
            fragment = Path(plain[1]["LDFRAGMENTS"][0]).read_text()
            component = (root / door).resolve().name
            if f"archive: lib{component}.a" not in fragment:
                yield f"door {name}: the linker fragment is not for lib{component}.a"
            if second["DEFINITIONS"] != DEFINITIONS:
                yield f"door {name}: definitions {second['DEFINITIONS']}, not {DEFINITIONS}"
            sources = [Path(p).resolve().relative_to(root) for p in wifi[1]["SRCS"]]
    yield sources


def compile_one(root, source, dialect, out, *flags):
    """What the compiler says first, or None."""
    includes = [f"-I{root / p}" for p in (".", "include", "ports/esp-idf")]
    includes += [word for p in HEADERS for word in ("-isystem", str(root / p))]
    done = subprocess.run(
        [TOOLS + "gcc", *CHIP, *STRICT, f"-std={dialect}", *(f"-D{d}" for d in DEFINITIONS), *includes, "-isystem", CJSON, *flags,
         "-c", str(root / source), "-o", str(out)],
        check=False, stderr=subprocess.PIPE, text=True)
    if done.returncode == 0:
        return None
    said = [line for line in done.stderr.splitlines() if "error" in line] or [done.stderr]
    return f"{source} as {dialect}: {said[0]}"


def compile_all(root, sources, folder):
    examples = [p.relative_to(root) for p in sorted((root / EXAMPLES).glob("*/main/*.c"))]
    jobs = []
    for dialect in DIALECTS:
        (folder / dialect).mkdir()
        for source in sources + examples:
            out = folder / dialect / (str(source).replace("/", "+") + ".o")
            jobs.append((root, source, dialect, out, "-fstack-usage", "-fcallgraph-info=su"))
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(lambda job: compile_one(*job), jobs))
    return [s for s in said if s], len(sources), len(examples)


def text_bytes(folder, sources, entries):
    """Text, read-only data included, of what the linker keeps for these entries; of ferry alone."""
    objects = [str(folder / (str(s).replace("/", "+") + ".o")) for s in sources]
    program = folder / "row.elf"
    done = subprocess.run(
        [TOOLS + "gcc", *CHIP, "-nostdlib", "-Wl,--gc-sections",
         "-Wl,--unresolved-symbols=ignore-all", f"-Wl,-e,{entries[0]}",
         *(f"-Wl,-u,{name}" for name in entries), *objects, "-o", str(program)],
        check=False, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"idf: cannot link {entries[0]}:\n{done.stderr}")
    return int(checks.run(TOOLS + "size", program).splitlines()[1].split()[0])


def call_graph(folder):
    """{function: (stack, [callees], file)}; a static function's name has its file in front."""
    graph = {}
    for path in folder.glob("*.ci"):
        file = path.stem.replace("+", "/").removesuffix(".c") + ".c"
        for line in path.read_text().splitlines():
            node = re.match(r'node: \{ title: "([^"]+)" label: "[^"]*?(\d+) bytes', line)
            if node:
                graph[node[1]] = (int(node[2]), [], file)
        for edge in re.finditer(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"',
                                path.read_text()):
            if edge[1] in graph:
                graph[edge[1]][1].append(edge[2])
    return graph


def deepest(graph, name, known):
    """Bytes of stack from this function down, and the way there. Recursion is no part of ferry."""
    if name not in graph:
        return 0, []
    if name in known:
        return known[name]
    known[name] = (0, [])  # what comes back here goes round a table, not deeper
    stack, callees, file = graph[name]
    best, way = 0, []
    for callee in set(callees):
        targets = [callee]
        if callee == "__indirect_call":
            ends = next((t for start, t in TABLES.items() if file.startswith(start)), [])
            targets = [f for f, node in graph.items() if Path(node[2]).name in ends]
        for target in targets:
            bytes_there, way_there = deepest(graph, target, known)
            if bytes_there > best:
                best, way = bytes_there, way_there
    known[name] = (stack + best, [name.split(":")[-1], *way])
    return known[name]


def measure(folder, sources):
    """[(row, text)], bytes of stack, and allocator names that ferry calls."""
    rows = [(row, text_bytes(folder, sources, entries)) for row, entries in ROWS.items()]
    stack, way = deepest(call_graph(folder), "ferry_esp_update", {})
    heap = set()
    for source in sources:
        listing = checks.run(TOOLS + "nm", "-u", folder / (str(source).replace("/", "+") + ".o"))
        heap |= {f"{source} calls {word}" for word in listing.split()
                 if word in ("malloc", "calloc", "realloc", "free", "pvPortMalloc")}
    return rows, stack, way, sorted(heap)


def page_table(rows, stack):
    lines = ["| linked by an app | text, bytes |", "|---|---|"]
    lines += [f"| {row} | {text} |" for row, text in rows]
    lines += [f"| stack below `ferry_esp_update`, deepest way | {stack} |"]
    return "\n".join(lines)


def size_complaints(root, rows, stack, way, heap, update):
    yield from heap
    if stack > STACK_MOST:
        yield f"{stack} bytes of stack, limit {STACK_MOST}: {' > '.join(way)}"
    text = (root / PAGE).read_text()
    before, rest = text.split(MARKS[0])
    old, after = rest.split(MARKS[1])
    if update:
        table = f"{MARKS[0]}\n{page_table(rows, stack)}\n{MARKS[1]}"
        (root / PAGE).write_text(before + table + after)
        return
    known = dict(re.findall(r"^\| (.+) \| (\d+) \|$", old, re.M))
    for row, now in rows:
        if row not in known:
            yield f"{PAGE} has no row '{row}'; --update writes it"
        elif now > int(known[row]) * GROWTH:
            yield f"{row} grew from {known[row]} to {now} bytes; --update if that is meant"


def arduino_complaint(root):
    """The header for sketches, as C++."""
    includes = [f"-I{root / p}" for p in (".", "include", "ports/esp-idf", "arduino")]
    done = subprocess.run(
        ["clang", "-x", "c++", "-std=gnu++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
         "-isystem", str(root / HEADERS[0]), *includes, "-"],
        check=False, text=True, stderr=subprocess.PIPE,
        input='#include "Ferry.h"\nFerry f;\nbool g() { return f.update("x") && f.confirm(); }\n')
    if done.returncode:
        yield f"arduino/Ferry.h: {done.stderr.splitlines()[0]}"


def manifest_complaints(root, sources):
    """Both manifests ask for the same, and PlatformIO builds the same sources."""
    depends = [(root / name).read_text().split("dependencies:")[1].split("files:")[0].strip()
               for name in ("idf_component.yml", "esp-idf/ferry/idf_component.yml")]
    if depends[0] != depends[1]:
        yield "the two idf_component.yml differ in what they depend on"
    library = json.loads((root / "library.json").read_text())
    named = {word[2:-1] for word in library["build"]["srcFilter"] if word.startswith("+<")}
    wanted = {str(s) for s in sources}
    if missing := [d for d in DEFINITIONS if f"-D{d}" not in library["build"]["flags"]]:
        yield f"library.json does not define {missing}"
    for name in sorted(wanted ^ named):
        where = "lacks" if name in wanted else "has no need of"
        yield f"library.json {where} {name}"


def main():
    args = checks.arguments(__doc__, update=f"rewrite the table in {PAGE}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        *found, sources = door_complaints(args.root, folder)
        if any("REQUIRES" in words for words in found):  # the build would go astray anyway
            checks.finish("idf", found)
        said, n_sources, n_examples = compile_all(args.root, sources, folder)
        found += said
        found += manifest_complaints(args.root, sources)
        found += arduino_complaint(args.root)
        if not said:
            rows, stack, way, heap = measure(folder / DIALECTS[0], sources)
            found += size_complaints(args.root, rows, stack, way, heap, args.update)
    checks.finish("idf", found, f"{n_sources} sources and {n_examples} examples in "
                                f"{len(DIALECTS)} dialects, both doors")


if __name__ == "__main__":
    main()
