#!/bin/sh
# The laboratory on a bare Debian machine, as root, in one command: brings the packages that it lacks, then measures.
#
#     sh data/collect/laboratory/debian.sh                              the two-minute sample
#     sh data/collect/laboratory/debian.sh LIST.csv --out FOLDER        a list of your own
set -eu

packages="python3 python3-click python3-rich python3-yaml qemu-system-x86 gcc iproute2 procps"

if [ "$(id -u)" != 0 ]; then
    echo "error: it installs packages and makes network namespaces, which needs root: begin the command with sudo" >&2
    exit 2
fi
if ! command -v dpkg-query apt-get >/dev/null; then
    echo "error: this is no Debian; install what is named in docs/laboratory.md, then: python3 -m data.collect.laboratory" >&2
    exit 2
fi

[ $# -gt 0 ] || set -- --sample
missing=""
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
    echo "Installing$missing" >&2
    apt-get -qq update
    # shellcheck disable=SC2086  (a list of names)
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing >/dev/null
fi

here=$(cd "$(dirname "$0")" && pwd)
PYTHONPATH="$here/../../..${PYTHONPATH:+:$PYTHONPATH}" exec /usr/bin/python3 -m data.collect.laboratory "$@"
