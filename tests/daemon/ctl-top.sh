#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# top on a terminal: its columns at 80x24 and 100x30, its keys, a daemon that goes and comes
# back, and that the terminal is left as it was.
. "$(dirname "$0")/../lib/terminal.sh"

bus_start
conf=$(config top <<- EOT
	[space dma0]
	budget = 8M
	[region dma0/heap]
	iova = 0x100000000
	length = 64M
	[device fast]
	address = sim:count=max,rate=1000,pattern=random
	space = dma0
	[device slow]
	address = sim:count=max,rate=100,pattern=random
	space = dma0
	[device still]
	address = sim
	space = dma0
EOT
)
daemon_start --config="$conf"
terminal -u new-session -d -x 80 -y 24 "env NO_COLOR=1 '$iopfctl' top -d 200ms --bus='$bus_address'; echo ended \$?; stty -a; cat"

# Columns, in the order of their rates
see '^>fast +active +[0-9.]+k? +[▁▂▃▄▅▆▇█]+ +[0-9.]+[um]s +[0-9.]+[um]s +[0-9.]+[um]s +[0-9]+ +0$'
see '^iopfd [0-9.]+  running  up [0-9]+'
see '^3 devices, 1 space, [0-9.]+k? faults/s, [0-9]+ pending, [0-9.]+[KM] pinned$'
see '^ DEVICE +STATE +FAULTS/S HISTORY +P50 +P99 +P99\.9 PEND +INVAL$'
see '^ slow +active +[0-9.]+ '
see '^ still +active +0 .* - +- +- +0 +0$'
see '^ SPACE +MAPPED BUDGET MAPPED OF BUDGET +BACKED +EVICT/S +REFLT/S$'
see '^ dma0 +[0-9.]+[KM] +8M [█▏▎▍▌▋▊▉]+ +[0-9.]+M +[0-9.]+k? +[0-9.]+k?$'
see '^q quit '
# A line that is too long would push the last one down
sed -n 24p "$tmp/screen" | grep -q '^q quit' || fail "the keys are not in the last line"
width=$(grep -o '^ DEVICE .*' "$tmp/screen" | wc -m)

# More room: the history is wider
terminal resize-window -x 100 -y 30
wider() {
	screen
	[ "$(grep -o '^ DEVICE .*' "$tmp/screen" | wc -m)" = $((width + 20)) ] && [ "$(wc -l < "$tmp/screen")" = 30 ]
}
wait_for 10 wider
see '^q quit '
sed -n 30p "$tmp/screen" | grep -q '^q quit' || fail "the keys are not in the last line"

# Much less: no line is wrapped, nothing scrolls
terminal resize-window -x 40 -y 8
small() {
	screen
	sed -n 1p "$tmp/screen" | grep -q '^iopfd' && sed -n 8p "$tmp/screen" | grep -q '^q quit'
}
wait_for 10 small
terminal resize-window -x 80 -y 24
see '^>fast .* 0$'

# Keys
terminal send-keys s s s s
see 'sort \(by name\)'
terminal send-keys Down
see '^>slow '
terminal send-keys Up
see '^>fast '
terminal send-keys Enter
see '^fast  active  sim:count=max'
see '^ LATENCY +GROUPS of the last interval$'
see '^ +[0-9.]+[um]s - [0-9.]+[um]s +[0-9.]+k? [█▏▎▍▌▋▊▉]+$'
see '^ p50 +[0-9.]+[um]s   p99 +[0-9.]+[um]s   p99.9 +[0-9.]+[um]s$'
terminal send-keys Down
see '^slow  active  '
terminal send-keys Left
see '^>slow '

# The daemon goes and comes back
daemon_stop
see 'is not running; waiting for it'
daemon_start --config="$conf"
see '^iopfd [0-9.]+  running '
see '^ fast +active +[0-9.]+k? +[▁▂▃▄▅▆▇█]+ +[0-9.]+[um]s '

# The end: the old screen, echo, and a status
terminal send-keys q
see '^ended 0$'
see ' icanon '
see ' echo '
! grep -q DEVICE "$tmp/screen" || fail "the screen was not restored"
terminal kill-server
server=2

# Without UTF-8, and a signal
terminal new-session -d -x 80 -y 24 "trap : INT; env NO_COLOR=1 LC_ALL=C '$iopfctl' top -d 200ms --bus='$bus_address'; echo ended \$?; cat"
see '^>fast +active +[0-9.]+k? +[_.,~+*#-]+ '
LC_ALL=C grep -q '[^ -~]' "$tmp/screen" && fail "not only ASCII"
terminal send-keys C-c
see '^ended 0$'
terminal kill-server
daemon_stop
