#!/usr/bin/env python3
"""Records a run of the demo in a terminal as docs/demo.svg, the picture that the README opens with.

The terminal is pyte, a terminal emulator for Python; the picture is its screen, drawn as text, so
what is shown is what was printed. Needs pyte: pip install pyte. usage: scripts/record_demo.py
[--columns N] [--first TEXT] [--last TEXT] [--out FILE] [COMMAND...]; --first and --last name the
first line that is drawn and the first that no longer is.
"""
import argparse
import fcntl
import os
import pty
import re
import struct
import sys
import termios
from html import escape
from pathlib import Path

import pyte

ROOT = Path(__file__).resolve().parents[1]
ROWS = 400  # taller than anything the demo prints, so that nothing scrolls away
CELL_W, CELL_H, MARGIN = 8.43, 18, 16
COLOURS = {
    "default": "#d8dee9", "black": "#4c566a", "red": "#e06c75", "green": "#98c379",
    "brown": "#e5c07b", "blue": "#61afef", "magenta": "#c678dd", "cyan": "#56b6c2",
    "white": "#eceff4",
}


def run_in_terminal(command, columns):
    """The screen after the command has ended; its exit code must be 0."""
    screen = pyte.Screen(columns, ROWS)
    stream = pyte.ByteStream(screen)
    pid, master = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS=str(columns), LINES="60", LANG="C.UTF-8")
        os.chdir(ROOT)
        os.execvp(command[0], command)
    os.set_blocking(master, True)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 60, columns, 0, 0))
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        if not data:
            break
        stream.feed(data)
    _, status = os.waitpid(pid, 0)
    if status:
        sys.exit(f"record_demo: {' '.join(command)} ended with status {status}")
    return screen


def spans(line, columns):
    """Runs of cells that look alike: (column, text, colour, bold)."""
    run, start, look = "", 0, None
    for x in range(columns + 1):
        cell = line[x] if x < columns else None
        now = (cell.fg, cell.bold) if cell else None
        if now != look or cell is None:
            if run.strip():
                yield start, run.rstrip(), *look
            run, start, look = "", x, now
        if cell:
            run += cell.data


def find(screen, text, otherwise):
    if text is None:
        return otherwise
    for y, line in enumerate(screen.display):
        if text in line:
            return y
    sys.exit(f"record_demo: no line says: {text}")


def drawing(screen, first, last):
    end = max((y for y, line in enumerate(screen.display) if line.strip()), default=0) + 1
    top, end = find(screen, first, 0), find(screen, last, end)
    while end > top and not screen.display[end - 1].strip():
        end -= 1
    used = end - top
    width = round(screen.columns * CELL_W + 2 * MARGIN)
    height = used * CELL_H + 2 * MARGIN
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
           f'width="{width}" height="{height}" font-family="ui-monospace, SFMono-Regular, Menlo, '
           'Consolas, \'DejaVu Sans Mono\', monospace" font-size="14">',
           f'<rect width="{width}" height="{height}" rx="8" fill="#1f2430"/>']
    for y in range(used):
        for x, text, colour, bold in spans(screen.buffer[top + y], screen.columns):
            fill = COLOURS.get(colour, f"#{colour}" if re.fullmatch("[0-9a-f]{6}", colour) else
                               COLOURS["default"])
            weight = ' font-weight="bold"' if bold else ""
            out.append(f'<text x="{MARGIN + x * CELL_W:.1f}" y="{MARGIN + (y + 0.8) * CELL_H:.1f}" '
                       f'textLength="{len(text) * CELL_W:.1f}" xml:space="preserve" '
                       f'fill="{fill}"{weight}>{escape(text)}</text>')
    out.append("</svg>\n")
    return "\n".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--columns", type=int, default=112)
    parser.add_argument("--first")
    parser.add_argument("--last")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/demo.svg")
    parser.add_argument("command", nargs="*", default=["scripts/demo.sh"])
    args = parser.parse_args()
    screen = run_in_terminal(args.command, args.columns)
    args.out.write_text(drawing(screen, args.first, args.last))


if __name__ == "__main__":
    main()
