/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pages that were wished for are there, zeroed, and only those; what was in the file stays;
 * and an end in the middle of it is an end.
 */
#include "policy/populate.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t.h"

#define MIB (1ull << 20)

static uint64_t backed(int fd)
{
	struct stat st;

	T_EQ(fstat(fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static int open_memory(uint64_t length)
{
	int fd = memfd_create("memory", MFD_CLOEXEC);

	T_OK(fd);
	T_EQ(ftruncate(fd, (off_t)length), 0);
	return fd;
}

static void wait_for(int fd, uint64_t bytes)
{
	while (backed(fd) < bytes)
		t_sleep_ms(1);
}

static void makes_what_was_wished_for(void)
{
	_cleanup_close_ int fd = open_memory(8 * MIB);
	_cleanup_(populate_freep) struct populate *p = NULL;
	char byte = 'x';

	T_EQ(pwrite(fd, &byte, 1, 2 * MIB + 5), 1);
	T_OK(populate_new(fd, &p));
	T_EQ(backed(fd), 4096);
	populate_wish(p, 2 * MIB, MIB);
	wait_for(fd, MIB);
	T_EQ(pread(fd, &byte, 1, 2 * MIB + 5), 1);
	T_EQ(byte, 'x');
	T_EQ(pread(fd, &byte, 1, 2 * MIB + 4096), 1);
	T_EQ(byte, 0);
	p = populate_free(p);
	T_EQ(backed(fd), MIB);
}

/* Wishes may get lost while another one is being taken; the last one comes when it is repeated. */
static void the_last_wish_is_fulfilled(void)
{
	_cleanup_close_ int fd = open_memory(64 * MIB);
	_cleanup_(populate_freep) struct populate *p = NULL;
	char byte = 1;

	T_OK(populate_new(fd, &p));
	for (unsigned i = 0; i < 100; i++)
		populate_wish(p, i % 8 * MIB, MIB);
	do {
		populate_wish(p, 32 * MIB, MIB);
		t_sleep_ms(1);
	} while (lseek(fd, 32 * MIB, SEEK_DATA) != 32 * MIB);
	T_EQ(pread(fd, &byte, 1, 32 * MIB), 1);
	T_EQ(byte, 0);
}

static void what_cannot_be_is_not(void)
{
	_cleanup_close_ int fd = open_memory(MIB);
	_cleanup_(populate_freep) struct populate *p = NULL;

	T_OK(populate_new(fd, &p));
	populate_wish(p, 16 * MIB, MIB); /* beyond the end */
	do {
		populate_wish(p, 0, MIB);
		t_sleep_ms(1);
	} while (backed(fd) < MIB);
	T_EQ(backed(fd), MIB);
}

static void ends_at_once(void)
{
	for (unsigned i = 0; i < 50; i++) {
		_cleanup_close_ int fd = open_memory(256 * MIB);
		_cleanup_(populate_freep) struct populate *p = NULL;

		T_OK(populate_new(fd, &p));
		if (i)
			populate_wish(p, 0, MIB);
	}
}

int main(void)
{
	t_run(makes_what_was_wished_for);
	t_run(the_last_wish_is_fulfilled);
	t_run(what_cannot_be_is_not);
	t_run(ends_at_once);
	return 0;
}
