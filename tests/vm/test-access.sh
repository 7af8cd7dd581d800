#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Who may do what on the system's own bus, with the policy file as it is installed, under
# systemd, as users of the system's database: root, the daemon's user, a member of its group,
# a stranger. A few members of each kind; all of them are in tests/unit/test-service-matrix.c.
. "${0%/*}/../lib/machine.sh"
machine vm -s -d 1 -m 1G -t 280
tmp=$(mktemp -d)
bus=unix:path=/run/dbus/system_bus_socket

# as USER COMMAND...
as() {
	user=$1
	shift
	setpriv --reuid "$user" --regid "$user" --init-groups "$@"
}
# member USER OBJECT INTERFACE NAME ARGUMENT...: a call, or get-property or set-property. LOG:
# the object of LogControl1.
member() {
	user=$1 path=/org/iopfd1$2 interface=$3 name=$4
	[ "$2" != LOG ] || path=/org/freedesktop/LogControl1
	shift 4
	case $name in
	get-property | set-property) verb=$name ;;
	*) verb=call && set -- "$name" "$@" ;;
	esac
	as "$user" busctl --address="$bus" "$verb" org.iopfd1 "$path" "$interface" "$@" > "$tmp/out" 2>&1
}
allowed() {
	member "$@" || fail "not allowed: $*: $(cat "$tmp/out")"
	n=$((n + 1))
}
denied() {
	! member "$@" || fail "allowed: $*"
	grep -qi 'access denied\|AccessDenied\|not permitted\|rejected send' "$tmp/out" ||
		fail "$*: not for lack of rights: $(cat "$tmp/out")"
	n=$((n + 1))
}
# looks, acts VERDICT USER: what all may do, and what needs rights
looks() {
	"$1" "$2" "" org.iopfd1.Manager get-property State
	"$1" "$2" /device/dma0 org.iopfd1.Device get-property State
	"$1" "$2" /device/dma0 org.freedesktop.DBus.Properties GetAll s org.iopfd1.Statistics
	"$1" "$2" "" org.freedesktop.DBus.ObjectManager GetManagedObjects
	"$1" "$2" "" org.iopfd1.Manager ListDevices
	"$1" "$2" "" org.iopfd1.Manager PlanReload
	"$1" "$2" "" org.iopfd1.Manager OpenStatistics
	"$1" "$2" /device/dma0 org.iopfd1.Device GetAttachments
}
acts() {
	"$1" "$2" "" org.iopfd1.Manager Reload
	"$1" "$2" "" org.iopfd1.Manager OpenTrace 'a{sv}' 0
	"$1" "$2" "" org.iopfd1.Manager DumpByFileDescriptor
	"$1" "$2" "" org.iopfd1.Manager AttachDevice 'sa{sv}' t0 2 address s sim space s dma1
	"$1" "$2" "" org.iopfd1.Manager DetachDevice st t0 0
	"$1" "$2" /device/dma0 org.iopfd1.Device Pause t 1000000
	"$1" "$2" /device/dma0 org.iopfd1.Device Resume
	"$1" "$2" /device/dma0 org.iopfd1.Device OpenDevice
	"$1" "$2" /space/dma0 org.iopfd1.Space Trim stt heap 0 65536
	"$1" "$2" /space/dma0 org.iopfd1.Space OpenMemory s heap
	"$1" "$2" LOG org.freedesktop.LogControl1 set-property LogLevel s info
}

make -s -o all BUILD="$IOPFD_BUILD" install > "$tmp/log" 2>&1 || fail "make install"
make_user
cat >> /etc/passwd <<END
alice:x:4712:4712::/:/bin/sh
eve:x:4714:4714::/:/bin/sh
END
cat >> /etc/group <<END
alice:x:4712:
eve:x:4714:
END
sed -i 's/^\(iopfd:.*\):\([^:]*\)$/\1:\2alice/' /etc/group
[ "$(id -nG alice)" = 'alice iopfd' ] || fail "alice is in $(id -nG alice)"
udevadm control --reload
udevadm trigger --settle --subsystem-match=misc --subsystem-match=vfio-dev
cat > /etc/iopfd/iopfd.conf.d/60-dma0.conf <<END
[device dma0]
address = $RIG_DEVS
[region dma0/heap]
iova = 0x100000000
length = 16M
[region dma1/heap]
iova = 0x100000000
length = 16M
[device dma1]
address = sim
END
systemctl daemon-reload
systemctl reload dbus.service
systemctl start iopfd.service || fail "start: $(journalctl -b -u iopfd.service --no-pager)"
active dma0

for user in root iopfd alice eve; do
	n=0
	looks allowed $user
	if [ $user = eve ]; then
		acts denied $user
	else
		acts allowed $user
	fi
	echo "$user: $n members"
done
active dma0 dma1
! busctl get-property org.iopfd1 /org/iopfd1/device/t0 org.iopfd1.Device State 2> /dev/null || fail "there is a t0"
systemctl stop iopfd.service || fail "stop"
