#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What `iopfctl --help` knows is in iopfctl(1), and the reverse: verbs with their arguments,
# options, exit codes, environment.
set -eu
export LC_ALL=C
cd "$(dirname "$0")/.."
iopfctl=${IOPFD_BUILD:-$PWD/build}/iopfctl
tmp=$(mktemp -d "${TMPDIR:-/tmp}/iopfd.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
failed=0

# same WHAT: compares $tmp/exist with $tmp/documented, lines each
same() {
	[ -s "$tmp/exist" ] || { echo "no $1 found at all"; exit 1; }
	sort -u "$tmp/exist" > "$tmp/a"
	sort -u "$tmp/documented" > "$tmp/b"
	diff "$tmp/a" "$tmp/b" | sed -n "s/^</$1, not documented:/p; s/^>/$1, documented, not in --help:/p" > "$tmp/diff"
	cat "$tmp/diff"
	[ ! -s "$tmp/diff" ] || failed=1
}

"$iopfctl" --help > "$tmp/help"
"$iopfctl" -h | cmp -s - "$tmp/help" || { echo "-h is not --help"; exit 1; }

sed -n '/^Verbs:/,/^$/s/^  \([a-z-]*\) .*/\1/p' "$tmp/help" > "$tmp/exist"
sed -n '/^\.Sh VERBS/,/^\.Sh PROBE/s/^\.It Cm \([a-z-]*\).*/\1/p' man/iopfctl.1 > "$tmp/documented"
same verb

# Arguments as rendered: brackets and words in the same order
while read -r verb; do
	"$iopfctl" "$verb" --help | sed -n '1s/^Usage: iopfctl //p' | sed 's/\[\([A-Z]*\)\.\.\.\]/[\1 ...]/; s/\([A-Z]\)\.\.\./\1 .../'
done < "$tmp/exist" > "$tmp/usage"
mandoc -T ascii -O width=200 man/iopfctl.1 | col -b | sed -n '/^VERBS/,/^PROBE/s/^ *//p' |
	sed 's/ | /|/g; s/\.\.\.  .*/.../; s/\]  .*/]/' > "$tmp/rendered"
while read -r usage; do
	wanted=$(sed 's/\[KEY=VALUE \.\.\.\]/[KEY=VALUE ...]/' <<< "$usage")
	grep -qE "^$(sed 's/[][|.+*^$\/]/\\&/g' <<< "$wanted")( |$)" "$tmp/rendered" || {
		echo "usage, not in the manual: $wanted"
		failed=1
	}
done < "$tmp/usage"

grep -oE -- '(^|[ ,])(-[A-Za-z]\b|--[a-z][a-z-]+)' "$tmp/help" | tr -d ' ,' > "$tmp/exist"
grep '^\.It .*Fl ' man/iopfctl.1 | grep -oE 'Fl (Fl [a-z][a-z-]+|[A-Za-z]\b)' | sed 's/Fl Fl /--/; s/Fl /-/' > "$tmp/documented"
same option

sed -n 's/^\tCTL_[A-Z_]* = \([0-9]*\),.*/\1/p' daemon/ctl/ctl.h > "$tmp/exist"
sed -n '/^\.Sh EXIT STATUS/,/^\.Sh EXAMPLES/s/^\.It \([0-9]*\)$/\1/p' man/iopfctl.1 > "$tmp/documented"
same 'exit code'

grep -ohE 'getenv\("[A-Z_]+"' daemon/ctl/*.c | grep -oE '[A-Z_]{2,}' | grep -vxE 'TERM|SUDO_UID' > "$tmp/exist"
sed -n 's/^\.It Ev //p' man/iopfctl.1 | tr -d , | tr -s ' ' '\n' | grep '^[A-Z]' | grep -v '^DBUS_' > "$tmp/documented"
same 'environment variable'

exit $failed
