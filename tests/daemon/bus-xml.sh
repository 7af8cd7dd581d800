#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The interfaces that are installed as XML are those that the daemon shows on its objects,
# and there are no others but those that sd-bus itself has.
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

# split FILE FOLDER: each interface of the XML in a file of its name, without indentation
split() {
	mkdir "$2"
	sed 's/^[ \t]*//; s/[ \t]*$//' "$1" | awk -v folder="$2" '
		/^<interface name=/ { name = $2; gsub(/name=|"|>/, "", name) }
		name { print > (folder "/" name) }
		/^<\/interface>/ { name = "" }'
}
split conf/org.iopfd1.xml "$tmp/installed"

# shows PATH INTERFACE...: exactly these of ours, as installed, and else only those of sd-bus
shows() {
	local path=$1 name
	shift
	busctl_private --xml-interface introspect org.iopfd1 "$path" > "$tmp/xml"
	rm -rf "$tmp/shown"
	split "$tmp/xml" "$tmp/shown"
	for name; do
		name=org.iopfd1.$name
		diff "$tmp/installed/$name" "$tmp/shown/$name" || fail "$path: $name: < installed, > shown"
		rm "$tmp/shown/$name"
		echo "$name" >> "$tmp/seen"
	done
	rm -f "$tmp"/shown/org.freedesktop.DBus.*
	[ -z "$(ls "$tmp/shown")" ] || fail "$path shows $(ls "$tmp/shown")"
}
shows /org/iopfd1 Manager Statistics
shows /org/iopfd1/device/a Device Statistics
shows /org/iopfd1/space/a Space Statistics
sort -u "$tmp/seen" | diff - <(ls "$tmp/installed") || fail "interfaces that no object has (>)"

busctl_private introspect org.iopfd1 /org/freedesktop/LogControl1 org.freedesktop.LogControl1 > "$tmp/log"
for name in LogLevel LogTarget SyslogIdentifier; do
	grep -q "^\.$name  *property  *s " "$tmp/log" || fail "no $name in org.freedesktop.LogControl1"
done
