#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Documented is what exists, and nothing else: options, signals, exit codes, environment,
# states and message ids in iopfd(8), keys, also those of policies, in iopfd.conf(5), members
# on the bus with their types and rights in org.iopfd1(5), the interface of plugins in
# iopfd-policy(3), checks of probe and metrics in iopfctl(1), and what README.md shows. What
# exists is what the program prints, the tables in the source, what is installed, and what the
# bus shows. (Defaults and the sample configuration: tests/unit/test-config-docs.c; the rest of
# iopfctl(1): tests/check-ctl-docs.sh; layouts: tests/unit/test-stats-page.c; texts of the
# journal: tests/check-catalog.sh.)
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

# Exit codes, environment, signals, message ids
sed -n 's/^#define EXIT_[A-Z_]* \([0-9]*\)$/\1/p' daemon/main.c > "$tmp/exits"
! grep -q EXIT_SUCCESS daemon/main.c || echo 0 >> "$tmp/exits"
! grep -q EXIT_FAILURE daemon/main.c || echo 1 >> "$tmp/exits"
sed -n '/^\.Sh EXIT STATUS/,/^\.Sh EXAMPLES/s/^\.It \([0-9]*\)$/\1/p' man/iopfd.8 > "$tmp/exits-man"
same 'iopfd(8), exit code' "$tmp/exits" "$tmp/exits-man"
find daemon -name '*.c' ! -path '*/ctl/*' -exec grep -ohE 'getenv\("[A-Z_]+' {} + | sed 's/.*"//' > "$tmp/environment"
# Two that libsystemd reads
! grep -q 'sd_notify(' daemon/control/*.c || echo NOTIFY_SOCKET >> "$tmp/environment"
! grep -q 'sd_watchdog_enabled(' daemon/control/*.c || echo WATCHDOG_USEC >> "$tmp/environment"
sed -n 's/^\.It Ev //p' man/iopfd.8 | tr -d , | tr -s ' ' '\n' > "$tmp/environment-man"
same 'iopfd(8), environment variable' "$tmp/environment" "$tmp/environment-man"
grep -oE 'sigaddset\(set, SIG[A-Z]+' daemon/manager.c | sed 's/.* //' > "$tmp/signals"
sed -n 's/^\.Dv \(SIG[A-Z]*\).*/\1/p' man/iopfd.8 > "$tmp/signals-man"
same 'iopfd(8), signal' "$tmp/signals" "$tmp/signals-man"
sed -n 's/^#define MESSAGE_[A-Z_]* "\(.*\)"$/\1/p' daemon/base/messages.h > "$tmp/ids"
sed -n 's/^\.It Li \([0-9a-f]\{32\}\)$/\1/p' man/iopfd.8 > "$tmp/ids-man"
same 'iopfd(8), message id' "$tmp/ids" "$tmp/ids-man"

# States, in both manuals
sed -n 's/^\t\t\[\(DEVICE\|MANAGER\)_[A-Z]*\] = "\([a-z]*\)",$/\1 \2/p' daemon/control/directory.c > "$tmp/states"
sed -n '/^\.Ss States/,/^\.Sh /p' man/iopfd.8 | awk '$1 == ".Bl" { devices = 1 }
	$1 == ".Cm" { print "MANAGER", $2 } devices && /^\.It Cm / { print "DEVICE", $3 }' > "$tmp/states-man"
same 'iopfd(8), state' "$tmp/states" "$tmp/states-man"
awk '/^\.Sh / { kind = $2 } /^\.It / { inside = $3 == "State" || (inside && $2 == "Li") }
	inside && /^(\.It )?\.?Li [a-z]+/ { sub(/^\.It /, ""); print kind, $2 }' man/org.iopfd1.5 > "$tmp/states-man"
same 'org.iopfd1(5), state' "$tmp/states" "$tmp/states-man"

# Which keys wait for a restart
awk '/^\t\{ SECTION_/ { key = $3 } /KEY_AT_START/ { gsub(/[",]/, "", key); print key }' daemon/config/key.c > "$tmp/keys-start"
sed -n '/^\.Ss Reload/,/^\.Ss Syntax/p' man/iopfd.conf.5 | awk '/^\.It/ { keys = "" }
	sub(/^\.Cm /, "") { keys = keys " " $0 } /^need a restart/ { print keys }' | tr -s ' ,' '\n\n' | grep . > "$tmp/keys-start-man"
same 'iopfd.conf(5), key that needs a restart' "$tmp/keys-start" "$tmp/keys-start-man"

# Members with types, what announces them, and rights: INTERFACE.NAME TYPE[, FLAG] or
# INTERFACE.NAME (ARGUMENTS) RESULTS [admin]
awk -F'"' '
	FILENAME ~ /\.conf$/ { if (/send_member/) open[$4 "." $6] = 1; next }
	/<interface/ { interface = $2 }
	/<(property|method|signal)/ { name = interface "." $2; type = $4; flag = ", signals changes" }
	/<(property|method|signal)/ { in_args = out = sep = osep = "" }
	/EmitsChangedSignal/ { flag = $4 == "const" ? ", constant" : $4 == "false" ? "" : ", signals invalidation" }
	/<arg/ && /direction="out"/ { out = out osep $2 " " $4; osep = ", " }
	/<arg/ && !/direction="out"/ { in_args = in_args sep $2 " " $4; sep = ", " }
	/<\/property/ { print name, type flag }
	/<\/method/ { print name " (" in_args ") " out (name in open ? "" : " admin") }
	/<\/signal/ { print name " (" in_args ") " out }
	' conf/org.iopfd1.conf conf/org.iopfd1.xml | sed 's/^org\.iopfd1\.//; s/ *$//; s/  */ /g' > "$tmp/types"
awk '
	function flush() { if (name) print name, rest (admin ? " admin" : ""); name = ""; admin = typed = 0 }
	/^\.S[hs] / || /^\.It (Va|Fn) / { flush() }
	/^\.Sh / { interface = /^\.Sh (MANAGER|DEVICE|SPACE|STATISTICS)$/ ? substr($2, 1, 1) tolower(substr($2, 2)) : "" }
	!interface { next }
	/^\.It Va / { name = interface "." $3; rest = "" }
	/^\.It Fn / {
		name = interface "." $3
		$1 = $2 = $3 = ""
		gsub(/" *"/, ", "); gsub(/"/, ""); sub(/^ */, "")
		rest = "(" $0 ")"
	}
	name && /^\.Pq / && !typed++ { sub(/^\.Pq (returns )?/, ""); rest = rest (rest ? " " : "") $0 }
	name && /^\.Em Admin/ { admin = 1 }
	END { flush() }' man/org.iopfd1.5 > "$tmp/types-man"
same 'org.iopfd1(5), member with type and rights' "$tmp/types" "$tmp/types-man"
sed -n 's/^\tX("\([A-Z][A-Za-z0-9]*\)".*/Statistics.\1/p' daemon/fault/stats-names.h > "$tmp/page"
sed 's/ .*//' "$tmp/types-man" | sort -u | comm -23 <(sort "$tmp/page") - |
	sed 's/^/iopfd-stats(7), counter that the bus has not: /' | tee "$tmp/diff"
[ -s "$tmp/page" ] && [ ! -s "$tmp/diff" ] || problems=1
sed -n 's/^\tX("\([a-z]*\)", STAGE_.*/\1/p' daemon/fault/stats-names.h > "$tmp/stages"
awk '/^\.It Va / { inside = $3 == "LatencyByStage" } /^\.Sh / { inside = 0 } inside && /^\.It Li / { print $3 }' \
	man/org.iopfd1.5 > "$tmp/stages-man"
same 'org.iopfd1(5), stage' "$tmp/stages" "$tmp/stages-man"

# Features, filters of traces, counters of policies
sed -n 's/^\t\t{ "\([a-z-]*\)", s->.*/\1/p; s/^\t\tret\[n++\] = "\([a-z-]*\)";$/\1/p' \
	daemon/control/service-manager.c daemon/device/kernel.c > "$tmp/features"
awk '/^\.It / { inside = /Features$/ } inside && $1 == ".Li" { print $2 }' man/org.iopfd1.5 > "$tmp/features-man"
same 'org.iopfd1(5), feature' "$tmp/features" "$tmp/features-man"
sed -n '/^static int read_filter(/,/^}/p' daemon/control/service-open.c | grep -oE 'strcmp\(key, "[a-z-]+' |
	sed 's/.*"//' > "$tmp/filters"
sed -n '/^\.It Fn OpenTrace/,/^\.It Fn Dump/s/^\.Li \([a-z-]*\)$/\1/p' man/org.iopfd1.5 > "$tmp/filters-man"
same 'org.iopfd1(5), filter' "$tmp/filters" "$tmp/filters-man"
for policy in $(grep -vx fd "$tmp/policies"); do
	sed -n "s/^\t\t{ \"\([A-Z][A-Za-z]*\)\", .* },\$/$policy \1/p" "daemon/policy/$policy.c"
done > "$tmp/policy-counters"
awk '/^\.Sh / { inside = /POLICIES/ } inside && /^\.Ss / { policy = $2 } inside && /^\.It Va / { print policy, $3 }' \
	man/org.iopfd1.5 > "$tmp/policy-counters-man"
same 'org.iopfd1(5), counter of a policy' "$tmp/policy-counters" "$tmp/policy-counters-man"

# The interface of plugins: members of the two tables as declared, those of what they pass by name
sed 's|/\*.*\*/||' include/iopfd/policy.h | awk '
	/^[ \t]*\/\*/ { comment = 1 } comment { if (/\*\//) comment = 0; next }
	/^#define IOPFD_/ && NF > 2 { print $2 }
	/^struct iopfd_[a-z]+ {$/ { struct = substr($2, 7); next } /^};/ { struct = "" }
	struct { text = text " " $0 }
	struct && /;/ {
		gsub(/[ \t]+/, " ", text); gsub(/^ | ?; ?$/, "", text)
		sub(/\(\*/, "", text); sub(/\)\(/, "(", text)
		name = text; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name)
		print struct, struct ~ /^(policy|host)$/ ? text : name
		text = ""
	}' > "$tmp/abi"
awk '/^\.S[hs] / { struct = /THE POLICY/ ? "policy" : /THE HOST/ ? "host" : "" }
	/^\.It Vt struct iopfd_/ { struct = substr($4, 7) } /^\.El/ && struct !~ /^(policy|host)$/ { struct = "" }
	match($0, /IOPFD_[A-Z_]+/) { print substr($0, RSTART, RLENGTH) }
	struct ~ /^(policy|host)$/ && sub(/^\.It Vt /, "") {
		if (/ Fn /) { gsub(/" "/, ", "); sub(/ "/, "("); sub(/"$/, ")") }
		sub(/\* Ns /, "*"); sub(/F[an] /, ""); print struct, $0
	}
	struct ~ /^(region|memory|counter)$/ && $1 == ".Fa" { print struct, $2 }' man/iopfd-policy.3 |
	sed 's/^\(policy\|host\) \(.*\*\) /\1 \2/' > "$tmp/abi-man"
same 'iopfd-policy(3), member or constant' "$tmp/abi" "$tmp/abi-man"

# The checks of probe, and in README.md those that may fail
sed -n 's/^\t{ "\([a-z-]*\)", PROBE_.*/\1/p' daemon/ctl/probe.c > "$tmp/checks"
sed -n '/^\.Sh PROBE/,/^\.Sh METRICS/s/^\.It Cm \(.*\)/\1/p' man/iopfctl.1 | tr -s ' ,' '\n\n' > "$tmp/checks-man"
same 'iopfctl(1), check of probe' "$tmp/checks" "$tmp/checks-man"
grep -B 1 '^Always passes' man/iopfctl.1 | sed -n 's/^\.It Cm //p' | sort |
	comm -23 <(sort "$tmp/checks") - > "$tmp/checks-fail"
sed -n 's/^| \(fail .*\|unknown .*\) | .*/\1/p' README.md | grep -oE '`[a-z-]+`' | tr -d '`' > "$tmp/checks-readme"
same 'README.md, check of probe' <(sed '/^kernel-option$/d' "$tmp/checks-fail") "$tmp/checks-readme"

# Samples of metrics, with the property each is
sed -n 's/.*{ "\(iopfd_[a-z_]*\)", [A-Z_]*, true, "\([A-Za-z0-9]*\)".*/\1_total \2/p
	s/.*{ "\(iopfd_[a-z_]*\)", [A-Z_]*, false, "\([A-Za-z0-9]*\)".*/\1 \2/p' daemon/ctl/metrics.c > "$tmp/samples"
grep -ohE 'header\(out, "iopfd_[a-z_]+' daemon/ctl/metrics.c | sed 's/.*"//' >> "$tmp/samples"
sed -n 's/^\.It \(iopfd_[a-z_]*\) Ta /\1 /p; s/^\.Li \(iopfd_[a-z_]*\).*/\1/p' man/iopfctl.1 > "$tmp/samples-man"
same 'iopfctl(1), metric' "$tmp/samples" "$tmp/samples-man"

# What README.md shows: verbs, targets, configurations
"$IOPFD_BUILD/iopfctl" --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z-]*\) .*/\1/p' | sort > "$tmp/verbs"
grep -oE '(^# |`|&& )iopfctl [a-z-]+' README.md | sed 's/.* //' | sort -u | comm -23 - "$tmp/verbs" |
	sed 's/^/README.md, verb that does not exist: /' > "$tmp/diff"
grep -oE '(^|^# |`)make [a-z-]+' README.md | sed 's/.* //' | sort -u |
	while read -r target; do
		grep -qE "^([a-z -]+ )?$target( [a-z -]+)?:" Makefile || echo "README.md, target that does not exist: $target"
	done >> "$tmp/diff"
cat "$tmp/diff"
[ ! -s "$tmp/diff" ] || problems=1
sed -n '/^```ini$/,/^```$/p' README.md | grep -v '^```' > "$tmp/readme.conf"
[ -s "$tmp/readme.conf" ] || fail "README.md shows no configuration"
"$iopfd" --check-config="$tmp/readme.conf" || problems=1

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
sed 's/.* //' "$tmp/policy-counters" >> "$tmp/members"
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
