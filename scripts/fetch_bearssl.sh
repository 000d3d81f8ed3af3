#!/usr/bin/env bash
# Fetches the sources of BearSSL that a P-256 signature check needs, out of Debian's source
# package. They go to build/bearssl/, are not committed, and are fetched once. The machine's own apt
# is asked, with its mirrors, proxies and keys; its lists of sources stay as they are.
#     scripts/fetch_bearssl.sh            fails if they cannot be fetched
#     scripts/fetch_bearssl.sh --try      says so and goes on: what checks signatures on bare metal
#                                         is then not built
set -euo pipefail
cd "$(dirname "$0")/.."

tarball=bearssl_0.6+dfsg.1.orig.tar.xz
sha256=102a625bd8f6155260867a50c508df8d8c3f796985dd744df1a68e5cd1a79004
target=build/bearssl
if [ "$(cat "$target/version" 2>/dev/null)" = "$tarball" ]; then
    exit 0
fi

# Where the machine has its Debian packages from, as lines that ask for source packages.
sources() {
    local key=/usr/share/keyrings/debian-archive-keyring.gpg options=
    if [ -r $key ]; then
        options="[signed-by=$key] "
    fi
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)' \
        'Created-By: Packages' | sort -u |
        awk -v options="$options" '$3 == "main" && $4 == "Debian" {
            print "deb-src " options $1, $2, $3 }'
}

# A command on the right of `if` would not stop at its first failure, hence each `|| return`.
fetch() {
    local work=$target.new
    rm -rf "$work"
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial" || return
    work=$(realpath "$work")
    sources >"$work/sources.list" || return
    if [ ! -s "$work/sources.list" ]; then
        echo "apt-get knows no packages of Debian; apt-get update fetches its lists"
        return 1
    fi
    local apt=(apt-get -q -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=-
        -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache"
        -o APT::Sandbox::User= -o Acquire::Languages=none)
    "${apt[@]}" update </dev/null || return
    (cd "$work" && "${apt[@]}" source --tar-only bearssl </dev/null) || return
    echo "$sha256  $work/$tarball" | sha256sum --check --quiet || return
    tar -xJf "$work/$tarball" -C "$work" --strip-components=1 --wildcards \
        '*/inc' '*/src/inner.h' '*/src/config.h' '*/src/codec' '*/src/ec' '*/src/int' \
        '*/LICENSE.txt' || return
    echo "$tarball" >"$work/version" || return
    rm -rf "$work/lists" "$work/cache" "$work/sources.list" "${work:?}/$tarball" "$target" || return
    mv "$work" "$target"
}

echo "setup: BearSSL, from Debian's source package"
mkdir -p build
if fetch >build/bearssl.log 2>&1; then
    exit 0
fi
tail -n 5 build/bearssl.log >&2
rm -rf "$target.new"
echo "setup: BearSSL could not be fetched; without it nothing checks signatures on bare metal." \
    "The whole story is in build/bearssl.log" >&2
[ "${1:-}" = --try ]
