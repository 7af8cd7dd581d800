#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Documented is what exists, and nothing else: options in iopfd(8), keys, also those of
# policies, in iopfd.conf(5), members on the bus and counters in org.iopfd1(5). What exists
# is what the program prints, the tables in the source, and what the bus shows. (Defaults and
# the sample configuration: tests/unit/test-config-docs.c.)
. "$(dirname "$0")/lib/daemon.sh"

problems=0
# same WHAT EXISTING DOCUMENTED: files with a word on each line
same() {
	sort -u "$2" > "$tmp/exist"
	sort -u "$3" > "$tmp/documented"
	[ -s "$tmp/exist" ] || fail "no $1 found at all"
	comm -23 "$tmp/exist" "$tmp/documented" | sed "s/^/$1: not documented: /" | tee "$tmp/diff"
	[ ! -s "$tmp/diff" ] || problems=1
	comm -13 "$tmp/exist" "$tmp/documented" | sed "s/^/$1: documented, does not exist: /" | tee "$tmp/diff"
	[ ! -s "$tmp/diff" ] || problems=1
}

# Options
"$iopfd" --help | grep -oE -- '--[a-z][a-z-]+' > "$tmp/options"
sed -n 's/^\.It Fl Fl \([a-z-]*\).*/--\1/p' man/iopfd.8 > "$tmp/options-man"
same 'iopfd(8), option' "$tmp/options" "$tmp/options-man"

# Keys, with the kind of their section
sed -n 's/^\t{ SECTION_\([A-Z]*\), "\([a-z-]*\)".*/\L\1\E \2/p' daemon/config/*.c > "$tmp/keys"
awk '/^\.S[hs] / { section = ""; if (match($0, /\[[a-z]+/)) section = substr($0, RSTART + 1, RLENGTH - 1) }
	/^\.It Cm [a-z-]+ Ns = / && section { print section, $3 }' man/iopfd.conf.5 > "$tmp/keys-man"
same 'iopfd.conf(5), key' "$tmp/keys" "$tmp/keys-man"

# Keys of policies: the program says what it expects in place of one that nobody has.
# expected POLICY KEY: the list at the end of the message
expected() {
	conf=$(config policies <<- EOT
		[region a/r]
		iova = 0
		length = 1G
		policy = $1
		$2 = 1
	EOT
	)
	! "$iopfd" --check-config="$conf" > "$tmp/said" 2>&1 || fail "not refused: policy = $1, $2 = 1"
	sed -n 's/.*, expected one of: //p; s/.*? expected one of: //p' "$tmp/said" | tr -d ' ' | tr , '\n'
}
expected zzzzzzzzzzzz zzzzzzzzzzzz > "$tmp/policies"
sed -n 's/^region //p' "$tmp/keys" | sort > "$tmp/keys-region"
while read -r policy; do
	echo "$policy"
	expected "$policy" zzzzzzzzzzzz | sort | comm -23 - "$tmp/keys-region" | sed "s/^/$policy /"
done < "$tmp/policies" > "$tmp/policy-keys"
awk '/^\.Sh / { inside = /POLICIES/ } /^\.Ss / { policy = $2 } !inside { next }
	/^\.Ss [a-z]/ { print policy } /^\.It Cm [a-z-]+ Ns = / { print policy, $3 }' man/iopfd.conf.5 > "$tmp/policy-keys-man"
same 'iopfd.conf(5), policy' "$tmp/policy-keys" "$tmp/policy-keys-man"

# Options of simulated devices
sed -n 's/^\t{ "\([a-z-]*\)", parse_.*/\1/p' daemon/device/sim/options.c > "$tmp/sim"
sed -n 's/^\.It \([a-z-]*\) Ta .*/\1/p' man/iopfd.conf.5 > "$tmp/sim-man"
same 'iopfd.conf(5), option of sim' "$tmp/sim" "$tmp/sim-man"

# The bus
bus_start
conf=$(config docs <<- EOT
	[device a]
	address = sim
	[region a/r]
	iova = 0x100000000
	length = 1M
EOT
)
daemon_start --config="$conf"
for path in /org/iopfd1 /org/iopfd1/device/a /org/iopfd1/space/a /org/freedesktop/LogControl1; do
	busctl_private --xml-interface introspect org.iopfd1 $path
done | awk '
	/<interface name=/ { ours = /"org\.(iopfd1\.|freedesktop\.LogControl1")/ }
	ours && match($0, /<(method|property|signal) name="[A-Za-z0-9]+"/) {
		name = substr($0, RSTART, RLENGTH - 1)
		sub(/.*"/, "", name)
		print name
	}' > "$tmp/members"
engine_counters a | awk '{ print $1 }' > "$tmp/engine"
sed -n 's/^\.It //p' man/org.iopfd1.5 | tr -s ' ()' '\n\n\n' |
	awk '/^[A-Z][A-Za-z0-9]+$/ && /[a-z]/ && length > 2' > "$tmp/members-man"
cat "$tmp/engine" >> "$tmp/members"
same 'org.iopfd1(5), member' "$tmp/members" "$tmp/members-man"

# Errors on the bus
sed -n 's/^#define .* SERVICE_NAME "\.\(Error\.[A-Za-z]*\)".*/\1/p' daemon/control/*.h > "$tmp/errors"
sed -n 's/^\.It Er org\.iopfd1\.\(Error\.[A-Za-z]*\).*/\1/p' man/org.iopfd1.5 > "$tmp/errors-man"
same 'org.iopfd1(5), error' "$tmp/errors" "$tmp/errors-man"

# Fields of the log
grep -oh '"IOPFD_[A-Z]*' daemon/base/log.c | tr -d '"' > "$tmp/fields"
sed -n 's/^\.It Li \(IOPFD_[A-Z]*\).*/\1/p' man/iopfd.8 > "$tmp/fields-man"
same 'iopfd(8), log field' "$tmp/fields" "$tmp/fields-man"

[ $problems = 0 ]
