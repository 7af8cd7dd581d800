#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The interfaces that are installed as XML are those that the daemon shows on its objects,
# each of them on some object, and nothing else is shown but what sd-bus and LogControl1
# have.
. "$(dirname "$0")/../lib/daemon.sh"

bus_start
conf=$(config sim <<- EOT
	[device a]
	address = sim
	[region a/r]
	iova = 0x100000000
	length = 1M
EOT
)
daemon_start --config="$conf"

# Prints "INTERFACE: LINE" for each line within interfaces of ours
lines_of() {
	sed 's/^[ \t]*//; s/[ \t]*$//' "$1" | awk '
		/^<interface name=/ { name = $2; sub(/^name="/, "", name); sub(/".*/, "", name); inside = name ~ /^org\.iopfd1\./ }
		inside { print name ": " $0 }
		/^<\/interface>/ { inside = 0 }'
}

for path in /org/iopfd1 /org/iopfd1/device/a /org/iopfd1/space/a; do
	busctl_private --xml-interface introspect org.iopfd1 $path > "$tmp/xml"
	lines_of "$tmp/xml" >> "$tmp/shown"
	grep -o '<interface name="[^"]*' "$tmp/xml" >> "$tmp/interfaces"
done
lines_of conf/org.iopfd1.xml > "$tmp/installed"
[ -s "$tmp/installed" ] || fail "conf/org.iopfd1.xml has no interface"

# In their order, but for repeated interfaces: Statistics is on all three
awk -F': ' '{ if ($1 != last) { n[$1]++; last = $1 } } n[$1] == 1' "$tmp/shown" | sort -s -t: -k1,1 > "$tmp/shown.once"
sort -s -t: -k1,1 "$tmp/installed" | diff "$tmp/shown.once" - || fail "shown and installed interfaces differ (< shown)"
awk -F': ' '{ if ($1 != last) { n[$1]++; last = $1 } } n[$1] > 1' "$tmp/shown" > "$tmp/again"
grep -v '^org\.iopfd1\.Statistics: ' "$tmp/again" && fail "an interface is on two kinds of object"
[ "$(wc -l < "$tmp/again")" = $((2 * $(grep -c '^org\.iopfd1\.Statistics: ' "$tmp/installed"))) ] ||
	fail "Statistics is not the same on all objects"

sort -u "$tmp/interfaces" | grep -v '"org\.\(iopfd1\|freedesktop\.DBus\)\.' && fail "an interface of somebody else"
busctl_private introspect org.iopfd1 /org/freedesktop/LogControl1 org.freedesktop.LogControl1 > "$tmp/log"
for name in LogLevel LogTarget SyslogIdentifier; do
	grep -q "^\.$name  *property  *s " "$tmp/log" || fail "no $name in org.freedesktop.LogControl1"
done
