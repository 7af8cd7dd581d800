#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The Debian packages that the make targets need: installs those that are missing, as root
# or with sudo when that asks no password; otherwise prints the command and fails. When
# nothing is missing it is quick, silent and never touches the network.
#
# usage: deps.sh [GROUP...]     build, demo, check, bench, ci; default: all of them
set -eu

# GROUP PACKAGE WHY; "a|b": the name in Debian 12 | its name later
table='
build gcc                            the compiler
build libc6-dev                      C library headers
build make                           runs everything
build pkg-config|pkgconf             finds the four libraries
build libevent-dev                   event loop
build liburing-dev                   event loop
build libinih-dev                    configuration files
build libsystemd-dev                 D-Bus, journal, sd_notify
demo  dbus-daemon                    private message buses
demo  systemd                        busctl, systemd-analyze, the units of the guests
demo  procps                         ps
check g++                            plugins may be written in C++
check mandoc                         lints the manual pages
check python3                        checks JSON, metrics and plots
check tmux                           a terminal for top and completion
check zsh                            its completion
check strace                         system calls of the daemon in tests
check util-linux                     setpriv, setsid, taskset
check libasan8                       address and leak sanitizer of gcc
check libubsan1                      undefined behaviour sanitizer of gcc
check libglib2.0-0|libglib2.0-0t64   the emulated machine (rig)
check libpcre2-8-0                   the emulated machine (rig)
check zlib1g                         the emulated machine (rig)
check systemd-sysv                   guests that boot with systemd (rig -s)
check dbus                           guests that boot with systemd (rig -s)
check udev                           guests that boot with systemd (rig -s)
check iproute2                       loopback in the guests
check python3                        the driver of the benchmarks
bench valgrind                       callgrind counts instructions
bench dbus-daemon                    private message buses
bench python3                        the driver
bench util-linux                     taskset
bench e2fsprogs                      a file system of a file
ci    clang                          the second compiler
ci    libtsan2                       thread sanitizer of gcc
ci    cppcheck                       static analysis
'

wanted=" ${*:-build demo check bench ci} "
mapfile -t all < <(awk 'NF { gsub(/\|/, "\n", $2); print $2 }' <<< "$table")
installed=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' "${all[@]}" 2> /dev/null || true)"
if ! command -v dpkg-query > /dev/null; then
	echo "not a Debian machine; elsewhere, install what these Debian packages have: ${all[*]}" >&2
	exit 1
fi
missing=()
while read -r group names _; do
	[[ -n $group && $wanted == *" $group "* ]] || continue
	found=0
	for name in ${names//|/ }; do
		[[ $installed != *" installed:$name "* ]] || found=1
	done
	[ $found = 1 ] || missing+=("$names")
done <<< "$table"
[ ${#missing[@]} -gt 0 ] || exit 0

# Which of two names this release has is known only here
choose() {
	local names name
	for names; do
		for name in ${names//|/ }; do
			if [ "$name" = "$names" ] || apt-cache show --no-all-versions "$name" > /dev/null 2>&1; then
				echo "$name"
				continue 2
			fi
		done
		echo "${names%%|*}"
	done
}

sudo=()
if [ "$(id -u)" != 0 ]; then
	if ! sudo -n true 2> /dev/null; then
		{
			echo "packages are missing and this user may not install them; as root, run:"
			echo "  apt-get update && apt-get install --no-install-recommends $(choose "${missing[@]}" | paste -sd' ')"
		} >&2
		exit 1
	fi
	sudo=(sudo -n)
fi

echo "installing: ${missing[*]}"
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
mapfile -t packages < <(choose "${missing[@]}")
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
