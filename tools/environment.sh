#!/bin/sh
# Makes or refreshes .venv for one purpose: environment.sh run|dev|docs|notebooks|jax
#
# Takes $PYTHON if set, otherwise the first of python3, python3.13, python3.12, python3.14 that runs, is new enough
# and can make a virtual environment. "Runs" is tried, because a launcher on PATH may point to nothing.
# A stamp in .venv remembers what was installed from which pyproject.toml and constraints.txt.
set -u

purpose=$1
cd "$(dirname "$0")/.." || exit 1
root=$(pwd -P)
venv=.venv
log=$venv/install.log

case $purpose in
    run) extras= ;;
    dev) extras=[dev] ;;
    docs) extras=[dev,docs] ;;
    notebooks) extras=[dev,notebooks] ;;
    jax) extras=[dev,jax] ;;
    *) echo "environment.sh: unknown purpose '$purpose'; use run, dev, docs, notebooks or jax" >&2; exit 2 ;;
esac

say() { echo "liqbayes: $*" >&2; }

# Prints nothing and succeeds if interpreter $1 will do, otherwise prints why not.
reason_against() {
    "$1" -c 'import sys' >/dev/null 2>&1 || { echo "does not run or is not installed"; return 1; }
    version=$("$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 12))' || { echo "is $version, 3.12 is the oldest supported"; return 1; }
    "$1" -c 'import venv, ensurepip' >/dev/null 2>&1 || {
        echo "is $version but cannot make virtual environments: its venv or ensurepip module is missing (on Debian and Ubuntu: install python${version%.*}-venv)"
        return 1
    }
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        if why=$(reason_against "$PYTHON"); then echo "$PYTHON"; return 0; fi
        say "PYTHON=$PYTHON cannot be used: it $why."
        return 1
    fi
    refused=
    for candidate in python3 python3.13 python3.12 python3.14; do
        if why=$(reason_against "$candidate"); then echo "$candidate"; return 0; fi
        refused="$refused
    $candidate $why"
    done
    say "no usable Python found. Tried:$refused
Install Python 3.12 or newer with its venv module, or name one: make PYTHON=/path/to/python3"
    return 1
}

full_version() { "$1" -c 'import sys; print(sys.version.split()[0], sys.base_prefix)' 2>/dev/null; }

fingerprint() {
    echo "$root $(full_version "$venv/bin/python")"
    cksum pyproject.toml constraints.txt
}

# An environment that was moved, whose Python is gone, or that is not of the Python asked for, is made anew.
usable=no
if [ -x $venv/bin/python ] && $venv/bin/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1; then
    usable=yes
    if [ -f $venv/root ] && [ "$(cat $venv/root)" != "$root" ]; then usable=no; fi
    if [ -n "${PYTHON:-}" ] && [ "$(full_version "$PYTHON")" != "$(full_version $venv/bin/python)" ]; then usable=no; fi
fi

stamp=$venv/stamp-$purpose
if [ $usable = yes ] && [ -f $stamp ] && [ "$(cat $stamp)" = "$(fingerprint)" ]; then exit 0; fi

if [ $usable = no ]; then
    python=$(find_python) || exit 1
    say "making $venv with $python ($("$python" -V 2>&1))"
    if ! output=$("$python" -m venv --clear $venv 2>&1); then
        say "could not make $venv:
$output"
        exit 1
    fi
    echo "$root" > $venv/root
fi

say "installing liqbayes$extras with its dependencies (a few minutes the first time; details in $log)"
install() {
    $venv/bin/python -m pip install --no-input --disable-pip-version-check --progress-bar off \
        --constraint constraints.txt "$@" >>$log 2>&1
}
: > $log
# The build backend first, pinned like the rest: an isolated build would take whatever is newest.
if ! { install hatchling editables && install --no-build-isolation --editable ".$extras"; }; then
    tail -n 25 $log >&2
    say "installation failed (whole log: $log). A package index must be reachable; the versions are in constraints.txt."
    exit 1
fi
fingerprint > $stamp
