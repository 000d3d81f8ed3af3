#!/usr/bin/env python3
"""Size of the freestanding code on its two targets against the table in docs/size.md: growth of an
object, a function or what an update client links by more than 2 % fails, unless the table changes
in the same commit (--update rewrites it). Stack: at most 256 bytes a function in the core.

Needs the presets rv32 and xtensa built."""

import re
import subprocess
import tempfile
from pathlib import Path

import checks

TABLE = Path("docs/size.md")
GROWTH = 1.02
SLACK_BYTES = 8  # one instruction more in a small function is not growth
STACK_MOST = {"core": 256, "crypto": 256}
GOALS = {"An update client": 6 * 1024, "An NVS client": 6 * 1024, "All of NVS": 10 * 1024}

TARGETS = {
    "rv32": ("riscv64-unknown-elf-", ["-march=rv32imc", "-mabi=ilp32", "-misa-spec=2.2"]),
    "xtensa": ("xtensa-lx106-elf-", []),
}
# -msave-restore shares the saving of registers; its routines come from libgcc and are counted.
OPTIMISE = ["-Os", "-msave-restore"]
LIBRARIES = {"core": "libferry_core.a", "crypto": "libferry_crypto_portable.a"}

# What an app calls to update itself and to confirm; the linker drops what these do not reach.
UPDATE = ["ferry_device_open", "ferry_device_slot_at", "ferry_update_begin", "ferry_update_write",
          "ferry_update_finish", "ferry_update_abort", "ferry_slots_confirm"]
# What an app calls to keep settings, blobs included; GC comes along.
NVS = ["ferry_nvs_open", "ferry_nvs_namespace", "ferry_nvs_set_number", "ferry_nvs_get_number",
       "ferry_nvs_set_string", "ferry_nvs_get_string", "ferry_nvs_set_blob", "ferry_nvs_get_blob",
       "ferry_nvs_erase"]
NVS_REST = ["ferry_nvs_erase_all", "ferry_nvs_purge", "ferry_nvs_commit", "ferry_nvs_find",
            "ferry_nvs_next", "ferry_nvs_namespace_name", "ferry_nvs_stats", "ferry_nvs_used"]
CLIENTS = {"An update client": UPDATE, "An NVS client": NVS, "All of NVS": NVS + NVS_REST}

# What a program without an operating system links of a port: its machine, flash and start included.
PORTS = {"rv32": {"The ESP32-C3's port": (
    ["ports/esp32c3/start_esp32c3.S", "ports/esp32c3/esp32c3.c", "ports/esp32c3/esp32c3_uart.c",
     "ports/esp32c3/flash_rom.c", "ports/espressif/flash_mmu.c", "ports/bare/console_bare.c"],
    ["machine_init", "machine_flash", "machine_image_off", "machine_end", "console_get",
     "console_put_text"])}}
FREESTANDING = ["-std=c11", "-ffreestanding", "-mcmodel=medany", "-ffunction-sections",
                "-fdata-sections", "-fno-jump-tables"]

# Memory that a caller gives: {name in the table: (header, C expression)}.
MEMORY = {"An open NVS store": ("ferry/nvs.h", "sizeof(struct ferry_nvs)"),
          "Each page of an NVS store": ("ferry/nvs.h", "FERRY_NVS_WORK_BYTES(1)")}

INTRO = """# Size

Text, data and stack of the code that goes onto a chip, in bytes, compiled with `-Os`. This table
is checked by `scripts/check_size.py`: growth over 2 % fails until the table changes in the same
commit (`scripts/check_size.py --update`). Crypto is counted apart, because most chips bring their
own. What an update over https adds to an app on ESP-IDF, text, stack and heap, is in
[design/esp-idf.md](design/esp-idf.md). Bootloaders, a minimal app and other whole programs, with
the depth of their stacks, are in [bare-metal.md](bare-metal.md#what-it-costs).
"""


def objects(root, target):
    """{source file: (text, data, bss)}."""
    tools = TARGETS[target][0]
    found = {}
    for room, library in LIBRARIES.items():
        archive = root / "build" / target / library
        for line in checks.run(tools + "size", archive).splitlines()[1:]:
            text, data, bss, _, _, member = line.split()[:6]
            found[f"{room}/{member.removesuffix('.obj')}"] = (int(text), int(data), int(bss))
    return found


def functions(root, target):
    """{source file:function: (text, stack)}; sections are named after their function, so a static
    function that the compiler split or cloned counts with its parts."""
    tools = TARGETS[target][0]
    found = {}
    for room, library in LIBRARIES.items():
        folder = root / "build" / target / "CMakeFiles" / f"{library[3:-2]}.dir" / room
        for stacks in sorted(folder.glob("*.su")):
            source = stacks.stem if stacks.stem.endswith(".c") else stacks.stem + ".c"
            texts = {}
            for line in checks.run(tools + "nm", "-S", stacks.with_suffix(".obj")).splitlines():
                words = line.split()
                if len(words) == 4 and words[2] in "tT":
                    name = words[3].split(".")[0]
                    texts[name] = texts.get(name, 0) + int(words[1], 16)
            for line in stacks.read_text().splitlines():
                place, n_bytes, _ = line.split("\t")
                name = place.split(":")[-1].split(".")[0]
                key = f"{room}/{source}:{name}"
                stack = max(int(n_bytes), found.get(key, (0, 0))[1])
                found[key] = (texts.get(name, 0), stack)
    return found


def client(root, target, calls, parts=None):
    """Text that an app links which makes these calls, read-only data included: of the core or,
    where parts are given, of what these words make the compiler build."""
    tools, flags = TARGETS[target]
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "client.elf"
        archive = root / "build" / target / LIBRARIES["core"]
        command = [tools + "gcc", *flags, "-nostdlib", "-Wl,--gc-sections",
                   "-Wl,--unresolved-symbols=ignore-all", f"-Wl,-e,{calls[0]}",
                   *(f"-Wl,-u,{name}" for name in calls), *(parts or [str(archive)]), "-lgcc",
                   "-o", str(program)]
        done = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise SystemExit(f"size: cannot link the client for {target}:\n{done.stderr}")
        there = checks.run(tools + "nm", program).split()
        if missing := [name for name in calls if name not in there]:
            raise SystemExit(f"size: what is built for {target} has no {', '.join(missing)}")
        return int(checks.run(tools + "size", program).splitlines()[1].split()[0])


def port(root, target, sources, calls):
    """Text of a port, as the same compiler makes it."""
    folders = {Path(name).parent for name in sources} | {Path("include")}
    return client(root, target, calls, [*OPTIMISE, *FREESTANDING,
                                        *(f"-I{root / folder}" for folder in sorted(folders)),
                                        *(str(root / name) for name in sources)])


def memory(root, target, header, expression):
    """Bytes of what the expression says, as the target's compiler lays it out."""
    tools, flags = TARGETS[target]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "memory.c"
        source.write_text(f'#include "{header}"\nconst char memory[{expression}] = {{1}};\n')
        obj = source.with_suffix(".o")
        checks.run(tools + "gcc", *flags, "-ffreestanding", f"-I{root / 'include'}", "-c", source,
                   "-o", obj)
        return int(checks.run(tools + "nm", "-S", obj).split()[1], 16)


def measure(root):
    measured = {}
    for target in TARGETS:
        if not (root / "build" / target / LIBRARIES["core"]).is_file():
            raise SystemExit(f"size: build/{target} is not built; scripts/build.sh {target}")
        measured[target] = {
            "clients": {name: client(root, target, calls) for name, calls in CLIENTS.items()} |
                       {name: port(root, target, *what)
                        for name, what in PORTS.get(target, {}).items()},
            "memory": {name: memory(root, target, *what) for name, what in MEMORY.items()},
            "objects": objects(root, target), "functions": functions(root, target)}
    return measured


def write(root, measured):
    parts = [INTRO]
    for target, m in measured.items():
        parts.append(f"\n## {target}\n\n")
        parts += [f"{name} links {n} bytes of {'the core' if name in CLIENTS else 'its own'}.\n"
                  for name, n in m["clients"].items()]
        parts += [f"{name} takes {n} bytes of memory.\n" for name, n in m["memory"].items()]
        parts.append("\n| object | text | data | bss |\n|---|---|---|---|\n")
        parts += [f"| {name} | {t} | {d} | {b} |\n" for name, (t, d, b) in m["objects"].items()]
        parts.append("\n| function | text | stack |\n|---|---|---|\n")
        parts += [f"| {name} | {t} | {s} |\n" for name, (t, s) in m["functions"].items()]
    (root / TABLE).parent.mkdir(exist_ok=True)
    (root / TABLE).write_text("".join(parts))


def empty():
    return {"clients": {}, "memory": {}, "objects": {}, "functions": {}}


def read(root):
    """The table as measure() would give it."""
    table, m = {}, None
    for line in (root / TABLE).read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("## "):
            m = table[line[3:]] = empty()
        elif linked := re.fullmatch(r"(.+) (links|takes) (\d+) bytes of .*", line):
            kind = "clients" if linked[2] == "links" else "memory"
            m[kind][linked[1]] = int(linked[3])
        elif len(cells) in (3, 4) and cells[1].isdigit():
            numbers = tuple(int(cell) for cell in cells[1:])
            m["objects" if len(cells) == 4 else "functions"][cells[0]] = numbers
    return table


def grew(new, old):
    return new > old * GROWTH and new - old > SLACK_BYTES


def compare(target, new, old):
    """What differs too much between the measured and the table's part for one target."""
    for name, is_now in {**new["clients"], **new["memory"]}.items():
        was = {**old["clients"], **old["memory"]}.get(name, 0)
        if grew(is_now, was):
            yield f"{target}: {name[0].lower()}{name[1:]} grew from {was} to {is_now} bytes"
    for kind in ("objects", "functions"):
        for name in sorted(set(new[kind]) - set(old[kind])):
            yield f"{target}: {name} is not in the table"
        for name in sorted(set(old[kind]) - set(new[kind])):
            yield f"{target}: {name} is in the table, but no longer in the code"
        for name in sorted(set(new[kind]) & set(old[kind])):
            is_now, was = new[kind][name][0], old[kind][name][0]
            if grew(is_now, was):
                yield f"{target}: {name} grew from {was} to {is_now} bytes"


def absolute(target, m):
    """The limits that no table can lift."""
    for name, (_, data, bss) in m["objects"].items():
        if data or bss:
            yield f"{target}: {name} has {data} bytes of data and {bss} of bss"
    for name, (_, stack) in m["functions"].items():
        most = STACK_MOST[name.split("/")[0]]
        if stack > most:
            yield f"{target}: {name} uses {stack} bytes of stack, limit {most}"


def main():
    args = checks.arguments(__doc__, update="rewrite docs/size.md")
    measured = measure(args.root)
    found = []
    for target, m in measured.items():
        found += absolute(target, m)
    if args.update:
        write(args.root, measured)
    else:
        table = read(args.root)
        for target, m in measured.items():
            found += compare(target, m, table.get(target) or empty())
    clients = "; ".join(
        f"{name} links " + ", ".join(f"{t} {m['clients'][name]}" for t, m in measured.items()) +
        f" bytes (goal {goal})" for name, goal in GOALS.items())
    checks.finish("size", found, clients)


if __name__ == "__main__":
    main()
