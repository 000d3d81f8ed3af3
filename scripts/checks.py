"""What the checks share: the project's files, and how a complaint is told.

Every check takes the root of a tree as its only positional argument, so that its self-test in
tests/repo/ can plant a fault in a copy. Without one it looks at the tree it lies in.
"""

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent


def arguments(description, **flags):
    """Parses the command line; flags: name=help for on/off switches."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("root", nargs="?", type=Path, default=HERE, help="tree to look at")
    for name, text in flags.items():
        parser.add_argument(f"--{name}", action="store_true", help=text)
    args = parser.parse_args()
    args.root = args.root.resolve()
    return args


def files(root, *suffixes):
    """The project's files, sorted, relative to root: what git knows or would add; in a tree that
    is no clone, every file outside build/."""
    if (root / ".git").exists():
        listing = subprocess.run(
            ["git", "-C", str(root), "ls-files", "-co", "--exclude-standard", "-z"],
            check=True, stdout=subprocess.PIPE).stdout.decode()
        names = [Path(name) for name in listing.split("\0") if name]
    else:
        names = [path.relative_to(root) for path in root.rglob("*")]
    return sorted(
        name for name in set(names)
        if (root / name).is_file() and name.parts[0] not in ("build", ".git")
        and (not suffixes or name.suffix in suffixes or name.name in suffixes))


def run(*command, cwd=None):
    """Runs a tool and returns what it printed; its failure ends the check with its words."""
    try:
        done = subprocess.run([str(word) for word in command], cwd=cwd, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except FileNotFoundError:
        sys.exit(f"{command[0]} is not installed; `make setup` installs it")
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stderr}")
    return done.stdout


def finish(name, complaints, summary=""):
    """Prints the complaints and ends the check: 1 if there are any."""
    for complaint in complaints:
        print(f"{name}: {complaint}")
    if complaints:
        print(f"{name}: {len(complaints)} to mend")
        sys.exit(1)
    print(f"{name}: ok{', ' + summary if summary else ''}")
    sys.exit(0)
