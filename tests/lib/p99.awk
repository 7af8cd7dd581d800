# SPDX-License-Identifier: LGPL-2.1-or-later
# The latency below which 99 of 100 groups stayed between two moments, in nanoseconds, and how
# many groups that were: awk -f p99.awk BEFORE AFTER, what busctl prints of LatencyBuckets.
NR == 1 {
	for (i = 3; i < NF; i += 2)
		before[$i] = $(i + 1)
}
NR == 2 {
	for (i = 3; i < NF; i += 2)
		sum += $(i + 1) - before[$i]
	for (i = 3; i < NF; i += 2) {
		so_far += $(i + 1) - before[$i]
		if (so_far >= sum * 0.99) {
			print $i, sum
			exit
		}
	}
}
