#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# As an administrator meets it: installed, a device by dropping a file, started, looked at
# with busctl and iopfctl, reloaded, the bus and the journal restarted, stopped. Under
# systemd, as the unprivileged user of the unit, with real DMA.
. "${0%/*}/../lib/machine.sh"
machine vm -s -d 2 -H 16 -m 1G -t 280
tmp=$(mktemp -d)
bus=unix:path=/run/dbus/system_bus_socket

give_up() {
	systemctl --no-pager status iopfd.service > "$tmp/log" 2>&1
	journalctl -b -u iopfd.service --no-pager >> "$tmp/log"
	fail "$*"
}

statistic() {
	busctl get-property org.iopfd1 "/org/iopfd1/device/$1" org.iopfd1.Statistics "$2" | sed 's/^[a-z] //'
}

buckets() { # DEVICE
	busctl get-property org.iopfd1 "/org/iopfd1/device/$1" org.iopfd1.Statistics LatencyBuckets
}

drop_in() { # NAME ADDRESS
	cat > "/etc/iopfd/iopfd.conf.d/60-$1.conf" <<-END
	[device $1]
	address = $2
	[region $1/heap]
	iova = 0x100000000
	length = 256M
	policy = anon
	granule = 4K
	END
}

make -s -o all BUILD="$IOPFD_BUILD" install > "$tmp/log" 2>&1 || fail "make install"
make_user
udevadm control --reload
udevadm trigger --settle --subsystem-match=misc --subsystem-match=vfio-dev
systemctl daemon-reload
systemctl reload dbus.service
[ "$(stat -c %G:%a /dev/iommu)" = iopfd:660 ] || fail "/dev/iommu is $(stat -c %G:%a /dev/iommu)"
set -- $RIG_DEVS

drop_in dma0 "$1"
cat > /etc/iopfd/iopfd.conf.d/61-huge.conf <<END
[region dma0/huge]
iova = 0x200000000
length = 16M
policy = hugepage
END
systemctl start iopfd.service || give_up "start"
active dma0

# Who it is, and what it may do
pid=$(systemctl show -P MainPID iopfd.service)
[ "$(stat -c %U "/proc/$pid")" = iopfd ] || fail "it runs as $(stat -c %U "/proc/$pid")"
grep -q '^CapEff:[[:space:]]*0*$' "/proc/$pid/status" || fail "it has capabilities: $(grep Cap "/proc/$pid/status")"
[ "$(readlink "/proc/$pid/ns/user")" != "$(readlink /proc/1/ns/user)" ] || fail "PrivateUsers= does nothing"
[ "$(busctl get-property org.iopfd1 /org/iopfd1 org.iopfd1.Manager Backend)" = 's "io_uring"' ] || give_up "no io_uring"
exposure=$(systemd-analyze security --no-pager iopfd.service | sed -n 's/.*Overall exposure level for iopfd.service: \([0-9.]*\).*/\1/p')
echo "exposure: $exposure"
awk "BEGIN { exit !($exposure <= 0.6) }" || fail "exposure is $exposure"

# The canonical query says what the device says
drive data device=dma0 region=dma0/heap iova=0x100000000 size=16M group=4 depth=16
drive data device=dma0 region=dma0/huge iova=0x200000000 size=8M depth=4
iopfctl drain dma0 || give_up "drain"
echo "FaultsTotal: $(statistic dma0 FaultsTotal)"
[ "$(statistic dma0 FaultsTotal)" -ge 4096 ] || fail "FaultsTotal is $(statistic dma0 FaultsTotal)"
[ "$(statistic dma0 ResponsesInvalid)" = 0 ] || fail "ResponsesInvalid is $(statistic dma0 ResponsesInvalid)"
iopfctl list > "$tmp/status" || give_up "iopfctl list"
grep -q dma0 "$tmp/status" || fail "iopfctl list: $(cat "$tmp/status")"

# A second device by reload, while the first one is at work
try random device=dma0 region=dma0/heap iova=0x100000000 at=32M size=64M count=30000 depth=16 seed=1 &
worker=$!
buckets dma0 > "$tmp/first"
sleep 1
buckets dma0 > "$tmp/second"
drop_in dma1 "$2"
iopfctl plan > "$tmp/plan" || give_up "iopfctl plan"
grep -q dma1 "$tmp/plan" || fail "the plan: $(cat "$tmp/plan")"
systemctl reload iopfd.service || give_up "reload"
buckets dma0 > "$tmp/third"
echo "p99 of dma0, ns, and groups, before the reload: $(awk -f tests/lib/p99.awk "$tmp/first" "$tmp/second")"
echo "in the meantime: $(awk -f tests/lib/p99.awk "$tmp/second" "$tmp/third")"
active dma1
drive data device=dma1 region=dma1/heap iova=0x100000000 size=4M depth=8
wait_all $worker
[ "$(statistic dma0 ResponsesInvalid)" = 0 ] || fail "the reload disturbed dma0"

# A broken one changes nothing and says where
printf '[device dma1]\nadress = 1\n' > /etc/iopfd/iopfd.conf.d/70-broken.conf
serial=$(busctl get-property org.iopfd1 /org/iopfd1 org.iopfd1.Manager ConfigSerial)
! systemctl reload iopfd.service 2> /dev/null || fail "a broken reload succeeds"
journalctl -b -u iopfd.service --no-pager | grep -q '70-broken.conf:2' || give_up "the journal does not name the line"
[ "$(busctl get-property org.iopfd1 /org/iopfd1 org.iopfd1.Manager ConfigSerial)" = "$serial" ] || fail "the serial changed"
active dma0 dma1
rm /etc/iopfd/iopfd.conf.d/70-broken.conf

# Neither the bus nor the journal matters to a device
try random device=dma0 region=dma0/heap iova=0x100000000 at=96M size=64M count=30000 depth=16 seed=2 &
worker=$!
sleep 0.5
systemctl stop systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket systemd-journald-audit.socket 2> /dev/null
iopfctl detach dma1 || give_up "detach"
systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald.service
wait_all $worker
before=$(statistic dma0 FaultGroupsTotal)
systemctl restart dbus.service
n=0
until busctl get-property org.iopfd1 /org/iopfd1 org.iopfd1.Manager State > /dev/null 2>&1; do
	n=$((n + 1))
	[ $n -lt 100 ] || give_up "it does not come back to the bus"
	sleep 0.2
done
[ "$(systemctl show -P MainPID iopfd.service)" = "$pid" ] || give_up "it was restarted"
[ "$(statistic dma0 FaultGroupsTotal)" = "$before" ] || fail "the counters changed"
drive data device=dma0 region=dma0/heap iova=0x100000000 at=160M size=4M depth=8
journalctl -b --no-pager -o cat IOPFD_DEVICE=dma0 > "$tmp/journal"
grep -q 'attached' "$tmp/journal" || fail "journalctl IOPFD_DEVICE=dma0: $(cat "$tmp/journal")"

systemctl stop iopfd.service || give_up "stop"
[ "$(systemctl show -P Result iopfd.service)" = success ] || give_up "stop: $(systemctl show -P Result iopfd.service)"
