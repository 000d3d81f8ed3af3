#!/usr/bin/env bash
# Makes build/venv with the pinned Python packages of tests/requirements.txt; does nothing when it
# is there and the pins have not changed.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=build/venv
stamp=$venv/requirements.txt
if [ -x $venv/bin/pytest ] && cmp -s tests/requirements.txt $stamp; then
    exit 0
fi
echo "setup: Python packages into $venv"
mkdir -p build
python3 -m venv --clear $venv
$venv/bin/python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt \
    </dev/null
cp tests/requirements.txt $stamp
