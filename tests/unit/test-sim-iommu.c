/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* MAP and UNMAP of a simulated space: the errors, whole areas only, many areas, growth. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device/sim/iommu.h"
#include "t.h"

#define BASE 0x100000000ull
#define LENGTH (64ull << 30)
#define P SIM_PAGE_SIZE
#define RW (ACCESS_READ | ACCESS_WRITE)

static struct sim_ioas *s;
static int fd;

static void set_up(uint64_t file_size)
{
	struct iova_range ranges[] = { { BASE, LENGTH }, { BASE + 2 * LENGTH, 16 * P } };

	T_OK(sim_ioas_new(ranges, 2, &s, NULL));
	fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	T_ASSERT(fd >= 0);
	T_ASSERT(ftruncate(fd, (off_t)file_size) == 0);
}

static void tear_down(void)
{
	s = sim_ioas_free(s);
	close(fd);
}

static char *at(uint64_t iova)
{
	uint32_t access;

	return sim_ioas_translate(s, iova, &access);
}

static void test_map_errors(void)
{
	int file;

	set_up(16 * P);
	T_EQ(sim_ioas_map(s, BASE, P, fd, 0, 0), -EINVAL);
	T_EQ(sim_ioas_map(s, BASE, P, fd, 0, 4), -EINVAL);
	T_EQ(sim_ioas_map(s, BASE, 0, fd, 0, RW), -EINVAL);
	T_EQ(sim_ioas_map(s, BASE + 512, P, fd, 0, RW), -EINVAL);
	T_EQ(sim_ioas_map(s, BASE, P / 2, fd, 0, RW), -EINVAL);
	T_EQ(sim_ioas_map(s, BASE, P, fd, 8, RW), -EINVAL);
	T_EQ(sim_ioas_map(s, UINT64_MAX - P + 1, 2 * P, fd, 0, RW), -EOVERFLOW);
	T_EQ(sim_ioas_map(s, BASE, P, fd, -P, RW), -EOVERFLOW);
	T_EQ(sim_ioas_map(s, BASE - P, P, fd, 0, RW), -EINVAL);
	T_EQ(sim_ioas_map(s, BASE - P, 2 * P, fd, 0, RW), -EINVAL);
	T_EQ(sim_ioas_map(s, BASE + 2 * LENGTH + 15 * P, 2 * P, fd, 0, RW), -EINVAL);
	T_EQ(sim_ioas_map(s, BASE, P, fd, 16 * P, RW), -EINVAL);
	T_EQ(sim_ioas_map(s, BASE, 2 * P, fd, 15 * P, RW), -EINVAL);
	T_EQ(sim_ioas_map(s, BASE, P, -1, 0, RW), -EBADF);
	file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	T_EQ(sim_ioas_map(s, BASE, P, file, 0, ACCESS_READ), -EINVAL);
	close(file);
	T_OK(sim_ioas_map(s, BASE + 2 * LENGTH + 15 * P, P, fd, 15 * P, RW));
	T_EQ(sim_ioas_map(s, BASE + 2 * LENGTH + 14 * P, 2 * P, fd, 0, RW), -EEXIST);
	T_EQ(sim_ioas_map(s, BASE + 2 * LENGTH + 15 * P, P, fd, 15 * P, RW), -EEXIST);
	tear_down();
}

static void test_rights(void)
{
	char path[64];
	uint32_t access;
	int ro;

	set_up(4 * P);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	T_ASSERT(ro >= 0);
	T_EQ(sim_ioas_map(s, BASE, P, ro, 0, RW), -EFAULT);
	T_OK(sim_ioas_map(s, BASE, P, ro, 0, ACCESS_READ));
	T_ASSERT(sim_ioas_translate(s, BASE, &access));
	T_EQ(access, ACCESS_READ);
	T_OK(sim_ioas_map(s, BASE + P, P, fd, P, RW));
	T_ASSERT(sim_ioas_translate(s, BASE + P, &access));
	T_EQ(access, RW);
	close(ro);
	tear_down();
}

static void test_unmap(void)
{
	set_up(64 * P);
	T_EQ(sim_ioas_unmap(s, BASE, 0), -EINVAL);
	T_EQ(sim_ioas_unmap(s, BASE, P), -ENOENT);
	T_OK(sim_ioas_unmap(s, 0, UINT64_MAX));
	for (unsigned i = 0; i < 4; i++)
		T_OK(sim_ioas_map(s, BASE + i * 4 * P, 4 * P, fd, i * 4 * P, RW));
	/* Never a part of an area. */
	T_EQ(sim_ioas_unmap(s, BASE + P, P), -ENOENT);
	T_EQ(sim_ioas_unmap(s, BASE + P, 7 * P), -ENOENT);
	T_ASSERT(at(BASE + P));
	/* The second area sticks out: the first is gone all the same. */
	T_EQ(sim_ioas_unmap(s, BASE, 6 * P), -ENOENT);
	T_ASSERT(!at(BASE));
	T_ASSERT(!at(BASE + 3 * P));
	T_ASSERT(at(BASE + 4 * P));
	/* Unaligned and with gaps is fine. */
	T_OK(sim_ioas_unmap(s, BASE - 100, 8 * P + 100));
	T_ASSERT(!at(BASE + 4 * P));
	T_ASSERT(at(BASE + 8 * P));
	T_OK(sim_ioas_unmap(s, 0, UINT64_MAX));
	T_ASSERT(!at(BASE + 8 * P));
	T_OK(sim_ioas_map(s, BASE, 16 * P, fd, 0, RW));
	tear_down();
}

static void test_translate(void)
{
	char *memory;

	set_up(2ull << 30);
	memory = mmap(NULL, 2ull << 30, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	T_ASSERT(memory != MAP_FAILED);
	memory[5 * P + 17] = 42;
	memory[0] = 43;
	/* Not aligned to a large slot, over the end of one, with an area on each side. */
	T_OK(sim_ioas_map(s, BASE + (2 << 20) - 3 * P, 8 * P, fd, 0, RW));
	T_OK(sim_ioas_map(s, BASE + (2 << 20) - 4 * P, P, fd, P, RW));
	T_OK(sim_ioas_map(s, BASE + (2 << 20) + 5 * P, P, fd, P, RW));
	T_EQ(*at(BASE + (2 << 20) + 2 * P + 17), 42);
	T_EQ(*at(BASE + (2 << 20) - 3 * P), 43);
	T_ASSERT(!at(BASE + (2 << 20) + 6 * P));
	T_ASSERT(!at(BASE + (2 << 20) - 5 * P));
	T_OK(sim_ioas_unmap(s, BASE + (2 << 20) - 3 * P, 8 * P));
	T_ASSERT(!at(BASE + (2 << 20)));
	T_ASSERT(at(BASE + (2 << 20) + 5 * P));
	T_ASSERT(!at(UINT64_MAX));
	munmap(memory, 2ull << 30);
	tear_down();
}

static void test_grown_file(void)
{
	set_up(2 * P);
	T_OK(sim_ioas_map(s, BASE, P, fd, 0, RW));
	*at(BASE) = 1;
	for (unsigned i = 2; i < 200; i++) {
		T_ASSERT(ftruncate(fd, (off_t)((i + 1) * P)) == 0);
		T_OK(sim_ioas_map(s, BASE + i * P, P, fd, i * P, RW));
		*at(BASE + i * P) = (char)i;
	}
	for (unsigned i = 2; i < 200; i++) {
		char c;

		T_EQ(pread(fd, &c, 1, (off_t)(i * P)), 1);
		T_EQ(c, (char)i);
	}
	T_EQ(*at(BASE), 1);
	tear_down();
}

/* More areas than a process may have mappings; the last page of the space too. */
static void test_many_areas(void)
{
	const uint64_t n = 300000;

	set_up(16 * P);
	for (uint64_t i = 0; i < n; i++)
		T_OK(sim_ioas_map(s, BASE + i * 2 * P, P, fd, i % 16 * P, RW));
	T_OK(sim_ioas_map(s, BASE + LENGTH - P, P, fd, 0, RW));
	for (uint64_t i = 0; i < n; i += 1009) {
		T_ASSERT(at(BASE + i * 2 * P) == at(BASE) + i % 16 * P);
		T_ASSERT(!at(BASE + (i * 2 + 1) * P));
	}
	T_OK(sim_ioas_unmap(s, BASE, n * P));
	T_ASSERT(!at(BASE + (n - 2) * P));
	T_ASSERT(at(BASE + n * P));
	T_OK(sim_ioas_unmap(s, BASE, LENGTH));
	T_EQ(s->areas.root != NULL, true);
	tear_down();
}

static void test_ranges(void)
{
	struct iova_range beyond = { 1ull << 57, P }, odd = { BASE + 1, 3 * P };
	struct reason why = { 0 };

	T_EQ(sim_ioas_new(&beyond, 1, &s, &why), -EINVAL);
	T_STREQ(why.text, "IOVA range 0x200000000000000 + 0x1000 is beyond the 57 bits of a simulated device");
	T_OK(sim_ioas_new(&odd, 1, &s, &why));
	T_EQ(s->n_pages, 2);
	T_EQ(sim_ioas_page(s, 0), BASE + P);
	s = sim_ioas_free(s);
	T_OK(sim_ioas_new(NULL, 0, &s, &why));
	T_EQ(s->n_pages, 0);
	s = sim_ioas_free(s);
	set_up(P);
	T_EQ(sim_ioas_page(s, LENGTH / P - 1), BASE + LENGTH - P);
	T_EQ(sim_ioas_page(s, LENGTH / P), BASE + 2 * LENGTH);
	tear_down();
}

/* A group of any size that names nobody, and one that names nobody's device. */
static void test_injection(void)
{
	struct uapi_fault_record *records = calloc(5000, sizeof(*records));
	struct uapi_answer a = { 1, UAPI_ANSWER_INVALID };
	struct sim_injection *i;

	T_ASSERT(records);
	set_up(P);
	T_OK(sim_ioas_inject(s, records, 5000, &i));
	T_EQ(queue_read(&s->queue, records, 4999 * sizeof(*records)), -EINVAL);
	T_EQ(queue_read(&s->queue, records, 5000 * sizeof(*records)), 5000 * sizeof(*records));
	T_EQ(sim_injection_answer(s, i), -EAGAIN);
	T_EQ(queue_write(&s->queue, &a, sizeof(a)), sizeof(a));
	T_EQ(sim_injection_answer(s, i), UAPI_ANSWER_INVALID);
	T_OK(sim_ioas_inject(s, records, 1, NULL));
	tear_down();
	free(records);
}

int main(void)
{
	t_run(test_map_errors);
	t_run(test_rights);
	t_run(test_unmap);
	t_run(test_translate);
	t_run(test_grown_file);
	t_run(test_many_areas);
	t_run(test_ranges);
	t_run(test_injection);
	return 0;
}
