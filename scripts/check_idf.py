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
PSA_HASH = Path("crypto/psa_hash.c")  # with CONFIG_FERRY_HASH_PSA instead of these
OWN_HASH = {Path("crypto/portable.c"), Path("crypto/portable_sha384.c")}
PSA_DEFINITION = "FERRY_CFG_HASH_BYTES=256"
# Sources that ESP-IDF's own settings or its age change, compiled once more with each.
VARIANTS = [("ports/esp-idf/store_esp.c", "CONFIG_NVS_ENCRYPTION"),
            ("ports/esp-idf/device_esp.c", "ESP_IDF_VERSION=0x50100"),
            ("ports/esp-idf/agent_esp.c", "ESP_IDF_VERSION=0x50100")]
HEADERS = ["tests/idf/headers", "tests/idf/libc"]
CJSON = "/usr/include/cjson"
PAGE = Path("docs/design/esp-idf.md")
MARKS = ("<!-- check_idf: begin -->", "<!-- check_idf: end -->")
GROWTH = 1.02
STACK_MOST = 2048
ENTRY = "ferry_esp_update"

# What a row links, and what of it is the app's own choice and counted in the row below.
ROWS = {
    f"https_update: `{ENTRY}`": [ENTRY],
    "the same and `ferry_slots_confirm`": [ENTRY, "ferry_slots_confirm"],
    "the same and `ferry_keeper_nvs_init`, resume after a reset": [ENTRY, "ferry_keeper_nvs_init"],
    "with a manifest: `ferry_esp_update_manifest`": ["ferry_esp_update_manifest"],
}

# Where a call by pointer may lead: of a file or one function of it, to functions of files; first
# match. The tables that update_esp.c sets up; "": what the app itself gave.
TABLES = {
    "agent/source.c:ferry_cancel_asked": "ports/esp-idf/update_esp.c:is_cancelled",
    "agent/source.c": "agent/source_http.c:open_http,read_http,close_http",
    "agent/source_http.c": "ports/esp-idf/http_esp.c:open_esp,read_esp,close_esp",
    "agent/update_kept.c": "ports/esp-idf/keeper_nvs.c:load,save,drop",
    "agent/update_run.c:tell": "",
    "agent/update_run.c:ferry__run_remark": "",
    "agent/update_run.c": "agent/update_kept.c:take_up,keep,drop "
                          "ports/esp-idf/update_esp.c:sleep_ms",
    "agent/retry.c": "ports/esp-idf/update_esp.c:any_number",
    "ports/esp-idf/manifest_esp.c": "ports/esp-idf/update_esp.c:sleep_ms",
    "core/flash.c": "ports/esp-idf/flash_esp.c:"
                    "read_plain,prog_plain,read_crypt,prog_crypt,erase,sync",
    "core/slots.c": "core/slots_safe.c:prepare,set_boot,confirm",
    "core/table.c": "core/device.c:note_partition",
    "core/update.c": "core/gate.c:begin,feed,verdict",
    "crypto/portable.c": "crypto/portable.c:sha256_block",
}

# What an update may call that is not ferry's. The http client's memory is the http client's; of the
# rest nothing allocates but what looks up the running app, for a moment and once, and NVS.
OUTSIDE = re.compile(r"""esp_http_client_\w+|esp_crt_bundle_attach|esp_tls_get_and_clear_last_error
    |mbedtls_ssl_conf_authmode|esp_err_to_name|esp_flash_\w+|esp_rom_md5_\w+|esp_chip_info
    |efuse_hal_\w+|esp_ota_get_running_partition|esp_random|vTaskDelay|nvs_\w+
    |(mem|str)\w+|__riscv_(save|restore)_\d+|__u(div|mod)di3""", re.VERBOSE)
# Whoever calls these runs, or makes others run, while the flash cannot be read.
CACHE_OFF = re.compile(r"Cache_|cache_hal_|spi_flash_(disable|enable|guard|op_)|esp_rom_spiflash_")
ALLOCATORS = ("malloc", "calloc", "realloc", "free", "pvPortMalloc", "heap_caps_malloc",
              "heap_caps_calloc")


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
    here = folder / "psa"
    here.mkdir()
    psa = replay(root, DOORS["fixed name"], here, 5, "CONFIG_FERRY_HASH_PSA")[1]
    names = {Path(p).resolve().relative_to(root) for p in psa["SRCS"]}
    if names & (OWN_HASH | {PSA_HASH}) != {PSA_HASH}:
        yield f"with PSA's hashes the component has {sorted(names & (OWN_HASH | {PSA_HASH}))}"
    if psa["DEFINITIONS"] != [*DEFINITIONS, PSA_DEFINITION]:
        yield f"with PSA's hashes the component defines {psa['DEFINITIONS']}"
    yield sources


def compile_one(root, source, dialect, out, *flags):
    """What the compiler says first, or None."""
    includes = [f"-I{root / p}" for p in (".", "include", "ports/esp-idf")]
    includes += [word for p in HEADERS for word in ("-isystem", str(root / p))]
    done = subprocess.run(
        [TOOLS + "gcc", *CHIP, *STRICT, f"-std={dialect}", *(f"-D{d}" for d in DEFINITIONS),
         *includes, "-isystem", CJSON, *flags,
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
            out = object_of(folder / dialect, source)
            jobs.append((root, source, dialect, out, "-fstack-usage", "-fcallgraph-info=su"))
        jobs += [(root, Path(source), dialect, folder / "variant.o", f"-D{setting}")
                 for source, setting in VARIANTS if Path(source) in sources]
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(lambda job: compile_one(*job), jobs))
    return [s for s in said if s], len(sources), len(examples)


def object_of(folder, source):
    return folder / (str(source).replace("/", "+") + ".o")


def text_bytes(folder, sources, entries):
    """Text, read-only data included, of what the linker keeps for these entries; of ferry alone.
    The sum, and {source: bytes}."""
    program, listing = folder / "row.elf", folder / "row.map"
    done = subprocess.run(
        [TOOLS + "gcc", *CHIP, "-nostdlib", "-Wl,--gc-sections",
         "-Wl,--unresolved-symbols=ignore-all", f"-Wl,-e,{entries[0]}", f"-Wl,-Map={listing}",
         *(f"-Wl,-u,{name}" for name in entries), *(object_of(folder, s) for s in sources),
         "-o", program],
        check=False, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"idf: cannot link {entries[0]}:\n{done.stderr}")
    kept = listing.read_text().split("Linker script and memory map")[1]
    parts = {}
    for section in re.finditer(r"^ \.s?(?:text|rodata)\S*\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+"
                               rf"{re.escape(str(folder))}/(\S+)\.o$", kept, re.M):
        if int(section[1], 16):
            source = section[3].replace("+", "/")
            parts[source] = parts.get(source, 0) + int(section[2], 16)
    return int(checks.run(TOOLS + "size", program).splitlines()[1].split()[0]), parts


def text_without_savers(root, folder, sources):
    """The text of ENTRY where each function saves its registers itself."""
    other = folder / "without_savers"
    other.mkdir()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda s: compile_one(root, s, DIALECTS[0], object_of(other, s),
                                            "-mno-save-restore"), sources))
    return text_bytes(other, sources, [ENTRY])[0]


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


def by_pointer(graph, file, name):
    """The functions that a call by pointer in this one may lead to."""
    here = f"{file}:{name.split(':')[-1].split('.')[0]}"
    table = next((t for key, t in TABLES.items() if f"{here}:".startswith(f"{key}:")), None)
    if table is None:
        raise SystemExit(f"idf: {here} calls by pointer, TABLES has not whom")
    there = {f"{words.split(':')[0]}:{f}" for words in table.split()
             for f in words.split(":")[1].split(",")}
    return [f for f, (_, _, source) in graph.items()
            if f"{source}:{f.split(':')[-1].split('.')[0]}" in there]


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
        targets = by_pointer(graph, file, name) if callee == "__indirect_call" else [callee]
        for target in targets:
            bytes_there, way_there = deepest(graph, target, known)
            if bytes_there > best:
                best, way = bytes_there, way_there
    known[name] = (stack + best, [name.split(":")[-1], *way])
    return known[name]


def struct_bytes(root, folder, header, name):
    source, obj = folder / "size.c", folder / "size.o"
    source.write_text(f'#include "{header}"\nchar size[sizeof({name})];\n')
    said = compile_one(root, source, DIALECTS[0], obj)
    if said:
        raise SystemExit(f"idf: {said}")
    return int(checks.run(TOOLS + "nm", "-S", obj).split()[1], 16)


def measure(root, folder, sources):
    """[(row, bytes)] of the page's table, and complaints about what an update calls."""
    rows, found = [], []
    for row, entries in ROWS.items():
        whole, parts = text_bytes(folder, sources, entries)
        rows.append((row, whole))
        if entries == [ENTRY]:
            for room in ("core", "agent", "ports/esp-idf", "crypto"):
                part = sum(n for source, n in parts.items() if source.startswith(room))
                rows.append((f"of that `{room}/`", part))
        called = checks.run(TOOLS + "nm", "-u", folder / "row.elf").replace("U ", "").split()
        found += [f"{entries[0]} calls {name}, of which OUTSIDE does not know"
                  for name in called if not OUTSIDE.fullmatch(name) and "manifest" not in row]
    for dialect in reversed(DIALECTS):
        said = compile_one(root, PSA_HASH, dialect, object_of(folder, PSA_HASH),
                           f"-D{PSA_DEFINITION}")
        if said:
            return rows, [*found, said]
    with_psa = [s for s in sources if s not in OWN_HASH] + [PSA_HASH]
    rows.append(("https_update with `CONFIG_FERRY_HASH_PSA`",
                 text_bytes(folder, with_psa, [ENTRY])[0]))
    rows.append(("https_update without `-msave-restore`, ESP-IDF's default",
                 text_without_savers(root, folder, sources)))
    for source in sources:
        listing = checks.run(TOOLS + "nm", "-u", object_of(folder, source)).split()
        found += [f"{source} calls {name}" for name in ALLOCATORS if name in listing]
        found += [f"{source} calls {name}, and the cache is off then" for name in listing
                  if CACHE_OFF.match(name)]
    stack, way = deepest(call_graph(folder), ENTRY, {})
    if stack > STACK_MOST:
        found.append(f"{stack} bytes of stack, limit {STACK_MOST}: {' > '.join(way)}")
    rows.append(("memory that the app gives: `struct ferry_esp_update`",
                 struct_bytes(root, folder, "update_esp.h", "struct ferry_esp_update")))
    rows.append((f"stack below `{ENTRY}`, deepest way", stack))
    rows.append(("the same below `ferry_esp_update_manifest`, without cJSON's",
                 deepest(call_graph(folder), "ferry_esp_update_manifest", {})[0]))
    rows.append(("heap that ferry asks for", 0))  # or there is a complaint
    return rows, found


def page_table(rows):
    lines = ["| linked by an app | bytes |", "|---|---|"]
    return "\n".join(lines + [f"| {row} | {number} |" for row, number in rows])


def size_complaints(root, rows, update):
    text = (root / PAGE).read_text()
    before, rest = text.split(MARKS[0])
    old, after = rest.split(MARKS[1])
    if update:
        (root / PAGE).write_text(f"{before}{MARKS[0]}\n{page_table(rows)}\n{MARKS[1]}{after}")
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
            rows, costs = measure(args.root, folder / DIALECTS[0], sources)
            found += costs
            found += size_complaints(args.root, rows, args.update)
    checks.finish("idf", found, f"{n_sources} sources and {n_examples} examples in "
                                f"{len(DIALECTS)} dialects, both doors")


if __name__ == "__main__":
    main()
