#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What `make install` puts where, that the unit runs what was installed, and that `make
# uninstall` leaves nothing, except a configuration that was changed.
set -eu
export LC_ALL=C
cd "$(dirname "$0")/../.."
tmp=$(mktemp -d "${TMPDIR:-/tmp}/iopfd.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL
IOPFD_BUILD=${IOPFD_BUILD:-$PWD/build}

fail() {
	echo "failed: $*"
	exit 1
}

# A folder of its own with what was built, which is not built again: "-o all"
mkdir "$tmp/build"
cp "$IOPFD_BUILD/iopfd" "$IOPFD_BUILD/iopfctl" "$tmp/build"
run() {
	make -s -o all BUILD="$tmp/build" "$@" > "$tmp/log" 2>&1 || { cat "$tmp/log"; fail "make $*"; }
}
list() {
	(cd "$1" && find . ! -type d -printf '%m %P\n' | sort -k2)
}

cat > "$tmp/expected" << EOT
644 etc/iopfd/iopfd.conf
755 usr/bin/iopfctl
644 usr/include/iopfd/policy.h
644 usr/lib/systemd/catalog/iopfd.catalog
644 usr/lib/systemd/system/iopfd-metrics.service
644 usr/lib/systemd/system/iopfd-metrics.timer
644 usr/lib/systemd/system/iopfd.service
644 usr/lib/sysusers.d/iopfd.conf
644 usr/lib/tmpfiles.d/iopfd.conf
644 usr/lib/udev/rules.d/60-iopfd.rules
755 usr/sbin/iopfd
644 usr/share/bash-completion/completions/iopfctl
644 usr/share/dbus-1/interfaces/org.iopfd1.xml
644 usr/share/dbus-1/system.d/org.iopfd1.conf
644 usr/share/man/man1/iopfctl.1
644 usr/share/man/man3/iopfd-policy.3
644 usr/share/man/man5/iopfd.conf.5
644 usr/share/man/man5/org.iopfd1.5
644 usr/share/man/man7/iopfd-stats.7
644 usr/share/man/man8/iopfd.8
644 usr/share/pkgconfig/iopfd.pc
644 usr/share/zsh/site-functions/_iopfctl
EOT
run install DESTDIR="$tmp/root"
list "$tmp/root" | diff "$tmp/expected" - || fail "installed: not what was expected (<)"
[ -d "$tmp/root/etc/iopfd/iopfd.conf.d" ] || fail "no folder for drop-ins"
[ "$(stat -c %a "$tmp/root/usr/lib/iopfd/policies")" = 755 ] || fail "no folder for plugins"
grep -qx 'plugindir=/usr/lib/iopfd/policies' "$tmp/root/usr/share/pkgconfig/iopfd.pc" || fail "plugindir of iopfd.pc"
grep -qx 'ExecStart=/usr/sbin/iopfd' "$tmp/root/usr/lib/systemd/system/iopfd.service" || fail "ExecStart of the unit"
grep -qx 'ExecReload=/usr/bin/iopfctl reload' "$tmp/root/usr/lib/systemd/system/iopfd.service" || fail "ExecReload of the unit"
"$tmp/root/usr/sbin/iopfd" --version | grep -q '^iopfd ' || fail "it does not run"
"$tmp/root/usr/bin/iopfctl" version > "$tmp/log" 2>&1 || [ $? = 3 ] || fail "iopfctl does not run"
"$tmp/root/usr/bin/iopfctl" --help | grep -q probe || fail "iopfctl does not help"

echo '# mine' >> "$tmp/root/etc/iopfd/iopfd.conf"
run install DESTDIR="$tmp/root"
grep -q mine "$tmp/root/etc/iopfd/iopfd.conf" || fail "a changed configuration was overwritten"
run uninstall DESTDIR="$tmp/root"
[ "$(list "$tmp/root")" = "644 etc/iopfd/iopfd.conf" ] || fail "left: $(list "$tmp/root")"
cp conf/iopfd.conf "$tmp/root/etc/iopfd/iopfd.conf"
run uninstall DESTDIR="$tmp/root"
[ -z "$(list "$tmp/root")" ] || fail "left: $(list "$tmp/root")"
for dir in etc/iopfd usr/lib/iopfd usr/include/iopfd; do
	[ ! -e "$tmp/root/$dir" ] || fail "left: the folder $dir"
done

run install DESTDIR="$tmp/other" PREFIX=/opt/x sbindir=/opt/x/bin
grep -qx 'ExecStart=/opt/x/bin/iopfd' "$tmp/other/opt/x/lib/systemd/system/iopfd.service" || fail "sbindir is not in the unit"
[ -x "$tmp/other/opt/x/bin/iopfd" ] && [ -e "$tmp/other/etc/iopfd/iopfd.conf" ] || fail "PREFIX=/opt/x"
run uninstall DESTDIR="$tmp/other" PREFIX=/opt/x sbindir=/opt/x/bin
[ -z "$(list "$tmp/other")" ] || fail "left: $(list "$tmp/other")"
