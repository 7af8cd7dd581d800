#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# machine: host
# B3 in instructions of user space: the same in every round, so there is one.
set -euo pipefail
case " ${ONLY:-B3} " in *' B3 '*) ;; *) exit 0 ;; esac
tests/bench/instructions.sh | awk -F ': ' '{ print "B3", NR == 1 ? "ours" : "b", "instructions_per_fault", $2 }'
