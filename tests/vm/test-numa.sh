#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Memory on the node that a space names, page by page, for all policies that have memory of
# their own: on a machine with two nodes, if its kernel knows what that is.
. "${0%/*}/../lib/machine.sh"
need_rig vm

nodes="-object memory-backend-ram,id=node0,size=512M -object memory-backend-ram,id=node1,size=512M"
nodes="$nodes -numa node,nodeid=0,cpus=0,memdev=node0 -numa node,nodeid=1,cpus=1,memdev=node1"
boot -c 2 -m 1G -a hugepages=40 -q "$nodes" -t 90 -- /bin/sh -c "
	if [ ! -e /proc/self/numa_maps ]; then
		echo 'skipped: the kernel of the machine is built without NUMA'
		exit 77
	fi
	$IOPFD_BUILD/tests/conformance/test-policy numa"
