# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# For scripts, from the root of the sources: an ordinary user's instances, as tests/lib/ordinary.py says.
#   $S     skep, as that user; under an outer filter with OUTER=1
#   $dir   a folder that this user can read, $dir/run one that it can write; gone at the end
O=$(realpath "${O:-build}")
dir=$(mktemp -d)
chmod 755 "$dir"
mkdir "$dir/run"
cp "$O/skep" "$dir"
export XDG_RUNTIME_DIR=$dir/run TMPDIR=$dir/run HOME=$dir/run PATH=$PATH:/usr/sbin:/sbin LC_ALL=C
unset SKEP_INSTANCE
S=$dir/skep
if [ "$(id -u)" = 0 ]; then
	chown 65534:65534 "$dir/run"
	S="setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all $S"
fi
case ${OUTER:-0} in
0) ;;
*)
	cp tests/lib/outer-filter.py "$dir"
	S="python3 $dir/outer-filter.py $S"
	;;
esac
trap '$S stop --all; rm -rf "$dir"' EXIT
n=0
ok() { n=$((n + 1)); echo "ok $n - $1"; }
bad() {
	n=$((n + 1))
	echo "not ok $n - $1"
	printf '%s\n' "$2" | tail -n 25 | sed 's/^/# /'
}
skip() { n=$((n + 1)); echo "ok $n - $1 # SKIP $2"; }
# name, expected, got
same() { if [ "$2" = "$3" ]; then ok "$1: ${2//$'\n'/ / }"; else bad "$1" "expected: $2"$'\n'"got: $3"; fi; }
# name, patterns of which each matches a line, text
shows() {
	local missing= line
	while IFS= read -r line; do
		[ -z "$line" ] || grep -qE -- "$line" <<<"$3" || missing="$missing [$line]"
	done <<<"$2"
	if [ -z "$missing" ]; then ok "$1: $(tr '\n' '|' <<<"$2")"; else bad "$1" "without$missing"$'\n'"$3"; fi
}
# in the instance, as user 0 of it
x() { timeout -k 1 60 $S exec --root "$@" 2>&1; }
