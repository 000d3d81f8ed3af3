#!/usr/bin/env bash
# Installs what is built in build/release: the command, its man page and completion, and for
# firmware and other programs the headers and the static core with portable hashes.
#     scripts/install.sh DESTDIR PREFIX
set -euo pipefail
cd "$(dirname "$0")/.."

root=$1$2
ferry=build/release/ferry
install -D -m 755 $ferry "$root/bin/ferry"
install -d "$root/share/man/man1" "$root/share/bash-completion/completions"
$ferry help --format=man >"$root/share/man/man1/ferry.1"
$ferry help --format=bash >"$root/share/bash-completion/completions/ferry"
install -D -m 644 -t "$root/include/ferry" include/ferry/*.h
install -D -m 644 -t "$root/lib" build/release/libferry_core.a \
    build/release/libferry_crypto_portable.a
doc=$root/share/doc/ferry
install -D -m 644 -t "$doc" README.md LICENSE CHANGELOG.md CONTRIBUTING.md SECURITY.md
install -D -m 644 -t "$doc/docs" docs/*.md docs/demo.svg
install -D -m 644 -t "$doc/docs/design" docs/design/*.md
echo "installed into $root"
