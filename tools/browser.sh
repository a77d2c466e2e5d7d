#!/bin/sh
# Prints the path of a Chromium: $CHROMIUM, else the one on PATH, else Debian's package, installed if that is allowed.
set -u

say() { echo "liqbayes: $*" >&2; }

if [ -n "${CHROMIUM:-}" ]; then
    if [ -x "$CHROMIUM" ]; then echo "$CHROMIUM"; exit 0; fi
    say "CHROMIUM=$CHROMIUM is no program; give the path of a Chromium, or unset it."
    exit 1
fi
find_one() {
    for name in chromium chromium-browser google-chrome; do
        if command -v "$name" >/dev/null 2>&1; then command -v "$name"; return 0; fi
    done
    return 1
}
if find_one; then exit 0; fi
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    say "installing Debian's package chromium"
    if apt-get install -y --no-install-recommends chromium >&2 || { apt-get update >&2 && apt-get install -y --no-install-recommends chromium >&2; }; then
        if find_one; then exit 0; fi
    fi
fi
say "no Chromium found and none could be installed. Install one (on Debian: apt install chromium), or name it: CHROMIUM=/path make test-browser"
exit 1
