#!/usr/bin/env bash
# Installs the Debian packages that the named lists in scripts/packages/ ask for; all of them if
# none is named. Quick and silent about packages that are there already. Without root and sudo it
# prints the line to run and exits 1.
set -euo pipefail
cd "$(dirname "$0")/.."

lists=("$@")
if [ ${#lists[@]} -eq 0 ]; then
    lists=(build demo test)
fi

if ! command -v apt-get >/dev/null; then
    echo "setup: no apt-get here; scripts/packages/ names what to install: ${lists[*]}" >&2
    exit 1
fi

missing=()
for list in "${lists[@]}"; do
    while read -r package; do
        case "$package" in '' | '#'*) continue ;; esac
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || echo absent)
        if [ "$state" != installed ]; then
            missing+=("$package")
        fi
    done <"scripts/packages/$list.txt"
done

if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        as_root=(sudo)
    else
        echo "setup: packages are missing, and this is neither root nor sudo. Run as root:" >&2
        echo "    apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
fi

echo "setup: installing ${missing[*]}"
# A fresh machine may still be busy with its own first updates; wait for them.
install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends
    -o DPkg::Lock::Timeout=300)
log=build/setup.log
mkdir -p build
# The package list of a fresh machine may be empty or old, so it is fetched first.
if ! { "${as_root[@]}" apt-get update -q && "${as_root[@]}" "${install[@]}" "${missing[@]}"; } \
    </dev/null >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "setup: apt-get failed; the whole story is in $log" >&2
    exit 1
fi
