/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What iopfd asks of a policy: where does the memory of a region come from, and where do
 * the bytes go when it is given back?
 *
 * A policy is one `struct iopfd_policy`. A plugin is a shared object NAME.so that defines
 *
 *	const struct iopfd_policy iopfd_policy = { .size = sizeof(iopfd_policy), ... };
 *
 * and is used by `policy = NAME`. Built-in policies use the same struct. Fields are only
 * ever appended; `size` and `abi_version` say which ones exist. The core checks every
 * answer, so a policy need not check what it is asked.
 *
 * The life of an instance, one for each region:
 *
 *	new -> config* -> open -> (fill | release | flush | submit | prefetch)* -> close
 *
 * close comes also after a config or open that failed, and then without anything between.
 *
 * Units are bytes. An offset is a distance from the start of the region; offsets and
 * lengths are multiples of the granule. Errors are negative errnos.
 *
 * Threads: new, config, open, memory, stats and close are called by the control thread and
 * may block. fill, release, flush, prefetch and submit are called by the one thread that serves
 * the region's faults and must not block: what takes longer returns IOPFD_PENDING and is ended
 * by host->complete(), once, from any thread, also before the call has returned. memory and
 * stats may come at the same time as these; close comes after all have ended.
 */
#ifndef IOPFD_POLICY_H
#define IOPFD_POLICY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IOPFD_POLICY_ABI_VERSION 1u

#define IOPFD_ACCESS_READ 1u
#define IOPFD_ACCESS_WRITE 2u

/* Outcomes, beside 0 and a negative errno. */
#define IOPFD_PENDING 1 /* host->complete() follows */
#define IOPFD_NOSPACE 2 /* fill: try again after something else was released */

/* One call that may be pending; the core's. Valid until completed. */
struct iopfd_request;

struct iopfd_region {
	uint32_t size;       /* of this struct, as the core was built */
	uint32_t access;     /* the most that faults may ask for: IOPFD_ACCESS_* */
	const char *name;    /* "SPACE/NAME"; valid during the call */
	uint64_t iova;
	uint64_t length;
	uint64_t granule;    /* the unit of all calls; a power of two */
	int32_t numa_node;   /* where memory should be; -1 = anywhere */
};

/* All pages of the range are there, huge ones or few: it is mapped quickly. */
#define IOPFD_MEMORY_POPULATED (1u << 0)

struct iopfd_memory {
	int fd;              /* memfd, shmem or hugetlb file; stays the policy's own */
	uint64_t offset;     /* where in the file; a multiple of the granule */
	/* Not looked at if the policy's struct iopfd_policy ends with `close`: see there. */
	uint32_t flags;      /* IOPFD_MEMORY_* */
};

/* Something that a policy counts. */
struct iopfd_counter {
	const char *name;    /* static; [A-Za-z][A-Za-z0-9]* */
	uint64_t value;
};

/* What the core does for a policy. Valid as long as the instance. */
struct iopfd_host {
	uint32_t size;

	/* Ends a call that returned, or is about to return, IOPFD_PENDING. result: what the
	 * call would have returned; memory: for a fill that ends with 0, else ignored. */
	void (*complete)(struct iopfd_request *request, int result, const struct iopfd_memory *memory);

	/* A memfd of this length, sealed as the core wants it (it cannot shrink or grow).
	 * page_size: 0, or that of huge pages. numa_node: -1 = anywhere. Returns the fd, which
	 * is the caller's. May block. */
	int (*make_memory)(const char *name, uint64_t length, uint64_t page_size, int32_t numa_node);

	/* One line, level as in syslog(3). Not for each fault. May be called by any thread. */
	void (*log)(int level, const char *message);
};

/* Flags of a policy. */

/* The policy wants to know exactly which granules were written: a granule that was only
 * read is mapped read-only until a write asks for it. Without this flag every granule that
 * may be written counts as written. */
#define IOPFD_POLICY_TRACKS_DIRTY (1u << 0)

/* The policy has submit(), and cannot do without: a daemon that does not know it refuses
 * the plugin. */
#define IOPFD_POLICY_SUBMITS (1u << 1)

/* Where memory() names a file, fill does nothing but to name it, too: the memory at an offset
 * is that far behind memory.offset. The core asks once, after open, and need not call fill
 * then. */
#define IOPFD_POLICY_ONE_FILE (1u << 2)

struct iopfd_policy {
	uint32_t size;       /* sizeof(struct iopfd_policy) */
	uint32_t abi_version;
	const char *name;    /* as in the configuration: [a-z0-9_-]{1,32} */
	uint32_t flags;      /* IOPFD_POLICY_* */

	/* An instance for one region. No side effects yet. */
	int (*create)(const struct iopfd_host *host, void **ret_instance);

	/* A key of the region's section that the core does not know. -ENOENT: the policy does
	 * not know it either. -EINVAL: bad value, with what is wrong and what was expected in
	 * `why`. No side effects. NULL: no keys. */
	int (*config)(void *instance, const char *key, const char *value, char *why, size_t why_size);

	/* All keys are there. An error fails the region's devices; say in `why` what to do. */
	int (*open)(void *instance, const struct iopfd_region *region, char *why, size_t why_size);

	/* Which memory belongs to [offset, offset + length)? It must hold the right bytes when
	 * this ends with 0; it will be mapped for device access. access: what the fault asks
	 * for; with IOPFD_POLICY_TRACKS_DIRTY a second fill asks for WRITE on what was filled
	 * for READ, on all of that range and nothing else. A fill of what is filled already,
	 * with no more access, must end at once.
	 * An error makes the answer INVALID, and the next fault asks again. */
	int (*fill)(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length,
		    uint32_t access, struct iopfd_memory *ret_memory);

	/* The range is not mapped any more: no device can touch the memory. dirty: it may have
	 * been written since it was filled or flushed last. After this has ended, a fill of the
	 * same range must give the same bytes back (unless the user wanted them thrown away);
	 * no fill of the range comes before. An error is counted and told, the range stays
	 * filled. NULL: nothing to do. */
	int (*release)(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length, int dirty);

	/* Write the range back: it was written and is mapped read-only now. After an error it
	 * stays filled, and is not called dirty again. length 0: all that was written back
	 * before must be durable when this ends, and what could not be, here and at a release,
	 * is tried once more. NULL: nothing to do. */
	int (*flush)(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length);

	/* The range will probably be filled soon: a hint. NULL: not wanted. */
	void (*prefetch)(void *instance, uint64_t offset, uint64_t length);

	/* The one file behind the whole region, if its bytes are the truth at every moment, for
	 * processes that share the memory with the device. NULL or -EOPNOTSUPP: none. */
	int (*memory)(void *instance, struct iopfd_memory *ret_memory);

	/* Bytes of memory or swap that the instance occupies, mapped or not. NULL: unknown. */
	uint64_t (*backed_bytes)(void *instance);

	/* Up to `n` counters; returns how many there are. NULL: none. */
	size_t (*stats)(void *instance, struct iopfd_counter *ret, size_t n);

	/* Nothing is mapped, no call is pending: everything was released and flushed before. */
	void (*close)(void *instance);

	/* Here ended the first version, in which struct iopfd_memory had no flags. What follows
	 * is there as far as `size` says. */

	/* With IOPFD_POLICY_SUBMITS, else NULL: comes on the thread of the calls after one or
	 * more of them were pending, when no others follow for now. Until then the policy may
	 * hold back what it has to do for them, to begin all of it at once. */
	void (*submit)(void *instance);
};

#ifdef __cplusplus
}
#endif

#endif
