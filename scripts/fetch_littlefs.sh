#!/usr/bin/env bash
# Fetches the sources of littlefs, which Debian has no package of: the source package of
# littlefs-python carries them. They go to build/littlefs/, are not committed, and are fetched once
# for each version that tests/requirements.txt pins.
#     scripts/fetch_littlefs.sh            fails if they cannot be fetched
#     scripts/fetch_littlefs.sh --try      says so and goes on: ferry is then built without `fs`
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n 's/^littlefs-python==//p' tests/requirements.txt)
sha256=4ce8c6eeeb2703abaf8cb60f2dab624b17af42b13df3dbc6c42d4142bad79a59 # of that version's archive
target=build/littlefs
if [ -s "$target/lfs.c" ] && [ "$(cat "$target/version" 2>/dev/null)" = "$version" ]; then
    exit 0
fi

fetch() {
    local work=$target.new python=build/venv/bin/python
    rm -rf "$work"
    mkdir -p "$work"
    if [ ! -x $python ]; then
        python3 -m venv "$work/venv" || return
        python=$work/venv/bin/python
    fi
    $python -m pip download --quiet --disable-pip-version-check --no-deps \
        --no-binary littlefs-python --dest "$work" "littlefs-python==$version" </dev/null || return
    echo "$sha256  $work/littlefs_python-$version.tar.gz" | sha256sum --check --quiet || return
    local inside=littlefs_python-$version/littlefs
    tar -xzf "$work/littlefs_python-$version.tar.gz" -C "$work" --strip-components=2 \
        "$inside"/lfs.c "$inside"/lfs.h "$inside"/lfs_util.c "$inside"/lfs_util.h \
        "$inside"/LICENSE.md || return
    echo "$version" >"$work/version" || return
    rm -rf "$work/venv" "$work/littlefs_python-$version.tar.gz" "$target" || return
    mv "$work" "$target"
}

echo "setup: littlefs, from littlefs-python $version"
# A command on the right of `if` would not stop at its first failure, hence each `|| return`.
if fetch; then
    exit 0
fi
rm -rf "$target.new"
echo "setup: littlefs could not be fetched; without it \`ferry fs\` is left out" >&2
[ "${1:-}" = --try ]
