/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What stands in for the daemon in a comparison: devices on fault queues, set up with the
 * daemon's own device layer, and memory for them. What a program does with a fault is its own.
 * One thread; the fault path allocates nothing. It ends at SIGTERM.
 *
 *	address=ADDRESS[,ADDRESS…]  one for each device, the last for all further ones; of a
 *	                            simulated one the options are joined by + instead of ,
 *	devices=N, queues=N         device i is on queue i modulo queues (1, 1)
 *	iova=, size=                of the window of each queue
 *	memory=warm|cold|huge       pages exist, do not, are huge ones (cold)
 *	idle=sleep|spin             on empty queues (sleep)
 *	visits=N                    of simulated devices; when all have so many, it ends too
 *	ready=PATH                  is made when faults may come
 */
#pragma once

#include <stdbool.h>

#include "device/device.h"
#include "device/uapi.h"
#include "options.h"

#define PAGE 4096ull
#define MAX_DEVICES 64
#define MAX_QUEUES 16

struct server {
	struct iommufd *iommufd; /* NULL on sim */
	struct device *devices[MAX_DEVICES];
	struct ioas *queues[MAX_QUEUES];
	size_t n_devices, n_queues;
	uint64_t iova;
	uint64_t size;
	int memory; /* one file; the window of queue q starts at q * size */
	int epoll;  /* -1: spin */
	uint64_t visits;      /* 0: the devices go on */
	uint64_t ready_ns, end_ns;
	uint64_t faults, maps; /* counted by the program, at most once a batch */
};

void server_open(struct server *s);

/* Tells who waits for it, by the file and as a service does: faults may come. */
void server_ready(struct server *s);

/* Prints the counts and, with visits=, the rate. Detaches and closes everything. */
void server_close(struct server *s);

/* The next queues to look at, at least one; returns how many, 0 = the end was asked for.
 * A spinning server gets all of them. */
size_t server_wait(struct server *s, size_t ret_queues[static MAX_QUEUES]);

/* For loops that spin on one queue. */
bool server_asked_to_end(void);

static inline int server_map(const struct server *s, size_t queue, uint64_t offset, uint64_t length)
{
	struct ioas *a = s->queues[queue];

	return a->ops->map(a, s->iova + offset, length, s->memory, queue * s->size + offset,
			   ACCESS_READ | ACCESS_WRITE);
}
