#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion for zsh, typed on a terminal.
. "$(dirname "$0")/../lib/terminal.sh"
command -v zsh > /dev/null || skip "no zsh"

bus_start
conf=$(config complete <<- EOT
	[region dma0/heap]
	iova = 0x100000000
	length = 1M
	[device nvme0]
	address = sim
	space = dma0
	[device eth0]
	address = sim
	space = dma0
	[device eth1]
	address = sim
	space = dma0
EOT
)
daemon_start --config="$conf"
cat > "$tmp/.zshrc" <<- EOT
	PS1='ready> '
	path=($IOPFD_BUILD \$path)
	fpath=($PWD/conf \$fpath)
	unsetopt list_ambiguous
	autoload -Uz compinit && compinit -u -D
EOT
terminal -u new-session -d -x 80 -y 24 "cd '$tmp'; exec env ZDOTDIR='$tmp' DBUS_SYSTEM_BUS_ADDRESS='$bus_address' zsh -d"
see '^ready>'

# completes TYPED PATTERN...: after TAB the screen has them all
completes() {
	local typed=$1 pattern
	shift
	terminal send-keys C-u C-l
	see '^ready>$'
	terminal send-keys -l "$typed"
	terminal send-keys Tab
	for pattern; do
		see "$pattern"
	done
}

completes 'iopfctl sho' '^ready> iopfctl show'
completes 'iopfctl st' 'stats +status|status +stats'
completes 'iopfctl re' 'reload +resume|resume +reload'
completes 'iopfctl show n' '^ready> iopfctl show nvme0'
completes 'iopfctl detach e' 'eth0 +eth1'
completes 'iopfctl show --space d' '^ready> iopfctl show --space dma0'
completes 'iopfctl stats --pl' '^ready> iopfctl stats --plot='
completes 'iopfctl prefault d' '^ready> iopfctl prefault dma0/heap'
completes 'iopfctl flush dma0/' '^ready> iopfctl flush dma0/heap'
completes 'iopfctl attach-pasid nvme0 5 d' '^ready> iopfctl attach-pasid nvme0 5 dma0'
completes 'iopfctl --json=p' '^ready> iopfctl --json=pretty'
completes 'iopfctl log-level de' '^ready> iopfctl log-level debug'
terminal kill-server

# Without the system bus, the one that is named on the line
server=2
terminal -u new-session -d -x 80 -y 24 "cd '$tmp'; exec env ZDOTDIR='$tmp' DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent zsh -d"
see '^ready>'
completes "iopfctl --bus='$bus_address' show n" 'show nvme0'
daemon_stop
[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
