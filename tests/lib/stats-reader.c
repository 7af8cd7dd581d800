/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The example of iopfd-stats(7): prints all counters of iopfd, "KIND DEVICE SPACE PASID NAME
 * VALUE" a line, without disturbing it. Knows nothing but the manual page. The argument is
 * the address of the message bus; without it, the system's.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <systemd/sd-bus.h>

/* Fences are unknown to gcc's thread sanitizer. */
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wtsan"
#endif

struct header {
	uint64_t magic;
	uint32_t version, header_size, slot_size, n_slots, sequence_offset, buckets_offset, n_buckets;
	uint32_t bucket_sub_bits, counters_offset, n_counters, counter_size;
	uint32_t stages_offset, n_stages, n_stage_buckets;
};

struct counter {
	char name[28];
	uint32_t offset;
};

struct slot {
	_Atomic uint32_t kind;
	_Atomic uint32_t generation;
	uint32_t pasid;
	char device[36];
	char space[36];
};

static int connect_to(const char *address, sd_bus **ret)
{
	int r;

	if (!address)
		return sd_bus_open_system(ret);
	r = sd_bus_new(ret);
	if (r >= 0)
		r = sd_bus_set_address(*ret, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(*ret, 1);
	return r < 0 ? r : sd_bus_start(*ret);
}

static const struct header *map_page(const char *address)
{
	sd_bus_message *reply = NULL;
	sd_bus *bus = NULL;
	uint32_t version;
	uint64_t size;
	void *map;
	int fd, r = connect_to(address, &bus);

	if (r >= 0)
		r = sd_bus_call_method(bus, "org.iopfd1", "/org/iopfd1", "org.iopfd1.Manager", "OpenStatistics",
				       NULL, &reply,
				       NULL);
	if (r >= 0)
		r = sd_bus_message_read(reply, "htu", &fd, &size, &version);
	if (r < 0 || version != 1) {
		fprintf(stderr, "no statistics of a version that I know: %s\n", strerror(r < 0 ? -r : 0));
		exit(1);
	}
	/* Shared, or what the daemon writes from now on would not be seen. */
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	sd_bus_message_unref(reply);
	sd_bus_flush_close_unref(bus);
	return map == MAP_FAILED ? NULL : map;
}

/* A copy of one moment; false when the slot is nobody's. */
static bool copy_slot(const struct header *h, const struct slot *slot, char *copy)
{
	const _Atomic uint32_t *sequence = (const void *)((const char *)slot + h->sequence_offset);
	uint32_t kind, generation, before;

	for (;;) {
		kind = atomic_load_explicit(&slot->kind, memory_order_acquire);
		generation = atomic_load_explicit(&slot->generation, memory_order_relaxed);
		before = atomic_load_explicit(sequence, memory_order_acquire);
		memcpy(copy, slot, h->slot_size);
		atomic_thread_fence(memory_order_acquire);
		if (!kind)
			return false;
		if (!(before & 1) && atomic_load_explicit(sequence, memory_order_relaxed) == before &&
		    atomic_load_explicit(&slot->generation, memory_order_relaxed) == generation &&
		    atomic_load_explicit(&slot->kind, memory_order_relaxed) == kind)
			return true;
	}
}

static void print_value(const char *copy, const char *prefix, const char *name, uint64_t value)
{
	static const char *const kinds[] = { "free", "attachment", "space", "orphans" };
	const struct slot *slot = (const void *)copy;

	printf("%s %s %s %" PRIu32 " %s%s %" PRIu64 "\n", slot->kind < 4 ? kinds[slot->kind] : "?",
	       *slot->device ? slot->device : "-", *slot->space ? slot->space : "-", slot->pasid, prefix, name, value);
}

static uint64_t sum_of(const char *copy, uint32_t offset, uint32_t n)
{
	uint64_t value, sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		memcpy(&value, copy + offset + i * sizeof(value), sizeof(value));
		sum += value;
	}
	return sum;
}

static void print_slot(const struct header *h, const char *copy)
{
	const char *counters = (const char *)h + h->counters_offset, *stages = (const char *)h + h->stages_offset;

	for (uint32_t i = 0; i < h->n_counters; i++) {
		const struct counter *c = (const void *)(counters + i * h->counter_size);

		print_value(copy, "", c->name, sum_of(copy, c->offset, 1));
	}
	print_value(copy, "", "LatencyCount", sum_of(copy, h->buckets_offset, h->n_buckets));
	for (uint32_t i = 0; i < h->n_stages; i++) {
		const struct counter *c = (const void *)(stages + i * h->counter_size);

		print_value(copy, "LatencyByStage.", c->name, sum_of(copy, c->offset, h->n_stage_buckets));
	}
}

int main(int argc, char **argv)
{
	const struct header *h = map_page(argc > 1 ? argv[1] : NULL);
	char *copy = h ? malloc(h->slot_size) : NULL;

	if (!copy || h->magic != 0x3174736466706f69)
		return 1;
	for (uint32_t i = 0; i < h->n_slots; i++) {
		const struct slot *slot = (const void *)((const char *)h + h->header_size + (uint64_t)i * h->slot_size);

		if (copy_slot(h, slot, copy))
			print_slot(h, copy);
	}
	free(copy);
	return 0;
}
