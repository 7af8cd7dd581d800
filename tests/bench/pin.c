/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Comparator (d): all memory is mapped before the first device may fault, so that none does.
 * What comes nevertheless is refused.
 *
 * usage: pin KEY=VALUE... (lib/server.h)
 */
#include "server.h"

int main(int argc, char **argv)
{
	size_t queues[MAX_QUEUES];
	struct server s;

	options_init("pin", argv + 1, (size_t)argc - 1);
	server_open(&s);
	for (size_t q = 0; q < s.n_queues; q++) {
		MUST(server_map(&s, q, 0, s.size));
		s.maps++;
	}
	server_ready(&s);
	if (server_wait(&s, queues))
		die("a fault of memory that is mapped");
	server_close(&s);
	return options_check();
}
