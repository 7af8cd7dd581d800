# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by scripts that look at a terminal: what tests/lib/ctl.sh has, and tmux.
. "$(dirname "${BASH_SOURCE[0]}")/ctl.sh"
command -v tmux > /dev/null || skip "no tmux"

# A server of its own, with the default settings; each has a socket of its own
server=1
terminal() {
	tmux -S "$tmp/tmux$server" -f /dev/null "$@"
}
screen() {
	terminal capture-pane -p > "$tmp/screen"
}
shows() {
	screen
	grep -qE "$1" "$tmp/screen"
}
# see PATTERN: within some time
see() {
	local i
	for ((i = 0; i < 200; i++)); do
		! shows "$1" || return 0
		sleep 0.05
	done
	cat "$tmp/screen"
	fail "not on the screen: $1"
}
trap 'status=$?; terminal kill-server 2> /dev/null || true; (exit $status); on_exit' EXIT
