#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Installs the packages of packages.txt that are missing, when run as root on
# Debian; otherwise prints the one command that would. Exit 0 when all are there.
#   tools/deps.sh [SECTION…]     only those under "# SECTION"
set -u
cd "$(dirname "$0")/.."
missing=()
wanted() {
	awk -v sections=" $* " '/^#/ { on = sections == "  " || index(sections, " " $2 " "); next } on' packages.txt
}
for p in $(wanted "$@"); do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
done
[ ${#missing[@]} = 0 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "installing: ${missing[*]}"
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null && exit 0
	echo "deps: apt-get could not install: ${missing[*]}" >&2
	exit 1
fi
echo "deps: missing Debian packages; as root run:" >&2
echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
exit 1
