#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The unit as it is installed, under systemd: a file outside of what its sandbox lets it
# write is refused with the drop-in that it takes, served with that, and right after stop.
# One below the state folder needs none.
. "${0%/*}/../lib/machine.sh"
machine uml -s -t 100
tmp=$(mktemp -d)

property() {
	busctl get-property org.iopfd1 "/org/iopfd1/device/$1" org.iopfd1.Device "$2"
}

# Starts or restarts the unit, Type=notify
restart() {
	systemctl daemon-reload
	systemctl restart iopfd.service 2> "$tmp/log" || {
		journalctl -b -u iopfd.service --no-pager >> "$tmp/log"
		fail "the unit does not start"
	}
}

is_active() {
	[ "$(property "$1" State)" = 's "active"' ] || fail "$1 is $(property "$1" State): $(property "$1" LastError)"
}

changed() {
	n=0
	while [ "$(property "$1" EngineCounters | grep -o '"Visits" [0-9]*')" != '"Visits" 4000' ]; do
		n=$((n + 1))
		[ $n -lt 400 ] || fail "$1 does not come to an end: $(property "$1" EngineCounters)"
		sleep 0.05
	done
	property "$1" EngineCounters | grep -q '"DataErrors" 0 ' || fail "$1: $(property "$1" EngineCounters)"
}

grep -q '^iopfd:' /etc/passwd || {
	echo 'iopfd:x:987:987::/:/usr/sbin/nologin' >> /etc/passwd
	echo 'iopfd:x:987:' >> /etc/group
}
install -m 755 "$IOPFD_BUILD/iopfd" /usr/sbin/iopfd
sed 's|@sbindir@|/usr/sbin|; s|@bindir@|/usr/bin|' systemd/iopfd.service.in > /etc/systemd/system/iopfd.service
mkdir -p /etc/dbus-1/system.d /etc/iopfd
cp conf/org.iopfd1.conf /etc/dbus-1/system.d/
systemctl reload dbus.service
install -d -o iopfd -g iopfd -m 700 /srv/rig /var/lib/iopfd
for file in /srv/rig/disk.img /var/lib/iopfd/disk.img; do
	install -o iopfd -g iopfd -m 600 /dev/null $file
	truncate -s 8M $file
done
cat > /etc/iopfd/iopfd.conf <<END
[device outside]
address = sim:count=4000,pattern=random
[space outside]
budget = 2M
[region outside/image]
iova = 0x100000000
length = 8M
granule = 16K
policy = file
path = /srv/rig/disk.img
[device inside]
address = sim:count=4000,pattern=random
[space inside]
budget = 2M
[region inside/image]
iova = 0x100000000
length = 8M
granule = 16K
policy = file
path = /var/lib/iopfd/disk.img
END

restart
[ "$(property outside State)" = 's "failed"' ] || fail "outside is $(property outside State)"
error=$(property outside LastError)
case $error in
*'region outside/image: policy file: /srv/rig/disk.img cannot be opened for reading and writing'*'add a drop-in with ReadWritePaths=/srv/rig'*) ;;
*) fail "the message is no help: $error" ;;
esac
is_active inside
changed inside
[ "$(tr -d '\0' < /srv/rig/disk.img | wc -c)" = 0 ] || fail "it was written"

# As the message says
mkdir -p /etc/systemd/system/iopfd.service.d
printf '[Service]\nReadWritePaths=%s\n' "$(echo "$error" | sed 's/.*ReadWritePaths=\([^" ]*\).*/\1/')" \
	> /etc/systemd/system/iopfd.service.d/paths.conf
restart
is_active outside
changed outside
systemctl stop iopfd.service || fail "stop"
[ "$(systemctl show -P Result iopfd.service)" = success ] || fail "stop: $(systemctl show -P Result iopfd.service)"
for file in /srv/rig/disk.img /var/lib/iopfd/disk.img; do
	[ "$(tr -d '\0' < $file | wc -c)" -gt $((2 << 20)) ] || fail "$file has nothing of what was written"
done
