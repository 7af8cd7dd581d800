#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# machine: host
# B3 in instructions of user space: the same in every round, so there is one.
set -euo pipefail
case " ${ONLY:-B3} " in *' B3 '*) ;; *) exit 0 ;; esac
tests/bench/instructions.sh | awk -F ': ' '
	/^instructions/ { print "B3", /bare loop/ ? "b" : "ours", "instructions_per_fault", $2; next }
	{ print "B3", "ours", "instructions_" $1, $2 }'
