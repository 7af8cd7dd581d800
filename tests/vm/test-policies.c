/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the policies hugepage and fd give is mapped for a device on a real kernel: the
 * device fills a region and checks it, through its own page requests, and the bytes are
 * compared with what a program sees. No daemon, so that memory can be handed over.
 *
 * usage: test-policies BDF N-PAGES-OF-2M N-PAGES-OF-1G    what the pools have
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device/device.h"
#include "device/iommufd.h"
#include "device/uapi.h"
#include "iopf-dma.h"
#include "t-host.h"
#include "t.h"

#define BASE (1ull << 32)
#define SPAN (4ull << 30)
#define MIB (1ull << 20)
#define GIB (1ull << 30)
#define SEED 7
#define GRANULES_MAX 1024

extern const struct iopfd_policy policy_hugepage;
extern const struct iopfd_policy policy_fd;
const struct device_ops *const device_table[] = { &device_vfio_ops, NULL };

static const char *bdf;
static uint64_t n_2m, n_1g;
static struct iommufd *iommufd;
static struct device *device;
static struct ioas *ioas;
static struct iopf_dma dma;

/* A region that is served. */
struct served {
	const struct iopfd_policy *policy; /* NULL: `fd` is mapped as it is */
	void *instance;
	int fd;
	struct iopfd_region region;
	bool mapped[GRANULES_MAX];
	struct iopfd_memory memory[GRANULES_MAX];
};

static struct served served;

static void serve_region(const struct iopfd_policy *policy, uint64_t length, uint64_t granule)
{
	T_ASSERT(length / granule <= GRANULES_MAX && length <= SPAN);
	served = (struct served){
		.policy = policy,
		.region = {
			.size = sizeof(served.region),
			.access = IOPFD_ACCESS_READ | IOPFD_ACCESS_WRITE,
			.name = "space/region",
			.iova = BASE,
			.length = length,
			.granule = granule,
			.numa_node = -1,
		},
	};
}

/* Maps the granule of an address unless it is. */
static void map_granule(uint64_t iova)
{
	uint64_t granule = served.region.granule, i = (iova - BASE) / granule;
	struct iopfd_memory *m = &served.memory[i];

	T_ASSERT(iova >= BASE && iova - BASE < served.region.length);
	if (served.mapped[i])
		return;
	*m = (struct iopfd_memory){ .fd = served.fd, .offset = i * granule };
	if (served.policy)
		T_OK(t_policy_fill(served.policy, served.instance, i * granule, granule, IOPFD_ACCESS_WRITE, m, NULL));
	T_OK(ioas->ops->map(ioas, BASE + i * granule, granule, m->fd, m->offset, ACCESS_READ | ACCESS_WRITE));
	served.mapped[i] = true;
}

static void unmap_all(void)
{
	for (uint64_t i = 0; i < served.region.length / served.region.granule; i++)
		if (served.mapped[i])
			T_OK(ioas->ops->unmap(ioas, BASE + i * served.region.granule, served.region.granule));
	memset(served.mapped, 0, sizeof(served.mapped));
}

static void serve_batch(void)
{
	static struct uapi_fault_record records[2048];
	struct pollfd p = { .fd = ioas->fault_fd, .events = POLLIN };
	ssize_t n;

	poll(&p, 1, 10);
	n = ioas->ops->read(ioas, records, sizeof(records));
	T_OK(n);
	for (size_t i = 0; i < (size_t)n / sizeof(*records); i++) {
		map_granule(records[i].addr);
		if (records[i].flags & UAPI_FAULT_LAST_PAGE) {
			struct uapi_answer answer = { .cookie = records[i].cookie };

			T_EQ(ioas->ops->write(ioas, &answer, sizeof(answer)), sizeof(answer));
		}
	}
}

/* One job over the first pages of the region. Returns the pages that were not as expected. */
static uint64_t run(enum iopf_op op, uint64_t n_pages)
{
	const struct iopf_job job = {
		.channel = 1, .op = op, .iova = BASE, .n_pages = (uint32_t)n_pages, .group = 1, .depth = 4, .seed = SEED,
	};
	struct iopf_result result;

	iopf_dma_start(&dma, &job);
	while (iopf_dma_busy(&dma, 1))
		serve_batch();
	iopf_dma_result(&dma, 1, &result);
	T_EQ(result.status, IOPF_OK);
	T_EQ(result.done, n_pages);
	T_EQ(result.failed, 0);
	return result.mismatch;
}

/* Pages that do not have what the device wrote, seen by the CPU. */
static uint64_t n_wrong(uint64_t n_pages)
{
	uint64_t granule = served.region.granule, wrong = 0;
	uint64_t pattern[IOPF_PAGE_WORDS];
	char *at = NULL;

	for (uint64_t i = 0; i < n_pages; i++) {
		uint64_t offset = i * IOPF_PAGE % granule;
		const struct iopfd_memory *m = &served.memory[i * IOPF_PAGE / granule];

		if (!offset) {
			at = mmap(NULL, granule, PROT_READ, MAP_SHARED | MAP_NORESERVE, m->fd, (off_t)m->offset);
			T_ASSERT(at != MAP_FAILED);
		}
		iopf_pattern(SEED, BASE + i * IOPF_PAGE, 0, pattern);
		wrong += memcmp(at + offset, pattern, IOPF_PAGE) != 0;
		if (offset + IOPF_PAGE == granule)
			munmap(at, granule);
	}
	return wrong;
}

/* The device writes all pages; it and we see them, also after everything was evicted. */
static void exercise(uint64_t n_pages)
{
	T_EQ(run(IOPF_FILL, n_pages), 0);
	T_EQ(run(IOPF_CHECK, n_pages), 0);
	T_EQ(n_wrong(n_pages), 0);
	unmap_all();
	T_EQ(n_wrong(n_pages), 0);
	T_EQ(run(IOPF_CHECK, n_pages), 0);
	unmap_all();
}

static uint64_t n_huge_granules(void)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < served.region.length / served.region.granule; i++) {
		struct stat st;

		T_EQ(fstat(served.memory[i].fd, &st), 0);
		n += (uint64_t)st.st_blksize > IOPF_PAGE;
	}
	return n;
}

static void huge_pages(void)
{
	serve_region(&policy_hugepage, 16 * 2 * MIB, 4 * MIB);
	served.instance = t_policy_open(&policy_hugepage, &served.region, NULL);
	exercise(16 * 2 * MIB / IOPF_PAGE);
	T_EQ(n_huge_granules(), 8);
	T_EQ(t_policy_counter(&policy_hugepage, served.instance, "HugePages"), 16);
	T_EQ(t_policy_counter(&policy_hugepage, served.instance, "Fallbacks"), 0);
	policy_hugepage.close(served.instance);
}

/* As the pool is used up, granules are of ordinary pages. */
static void huge_pages_and_others(void)
{
	uint64_t n = n_2m + 8;

	serve_region(&policy_hugepage, n * 2 * MIB, 2 * MIB);
	served.instance = t_policy_open(&policy_hugepage, &served.region, "fallback", "anon", NULL);
	exercise(n * 2 * MIB / IOPF_PAGE);
	T_EQ(n_huge_granules(), n_2m);
	T_EQ(t_policy_counter(&policy_hugepage, served.instance, "HugePages"), n_2m);
	T_EQ(t_policy_counter(&policy_hugepage, served.instance, "Fallbacks"), 8);
	policy_hugepage.close(served.instance);
}

static void pages_of_a_gigabyte(void)
{
	serve_region(&policy_hugepage, GIB, GIB);
	served.instance = t_policy_open(&policy_hugepage, &served.region, "page-size", "1G", NULL);
	exercise(4096);
	T_EQ(n_huge_granules(), 1);
	T_EQ(t_policy_counter(&policy_hugepage, served.instance, "HugePages"), 1);
	policy_hugepage.close(served.instance);
}

/* Memory that its owner made with fallocate(), and never touched. */
static int preallocated(uint64_t length)
{
	int fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	T_ASSERT(fd >= 0);
	T_EQ(ftruncate(fd, (off_t)length), 0);
	T_EQ(fallocate(fd, 0, 0, (off_t)length), 0);
	T_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	return fd;
}

static void memory_of_others(void)
{
	uint64_t length = 256 * IOPF_PAGE;
	char number[16];
	int fd;

	/* First without the policy: what it is good for. It may be put right in the kernel. */
	serve_region(NULL, length, 65536);
	served.fd = preallocated(length);
	run(IOPF_FILL, 256);
	printf("# mapped as it is, %" PRIu64 " of 256 pages lose what the device wrote\n", n_wrong(256));
	unmap_all();
	close(served.fd);

	fd = preallocated(length);
	snprintf(number, sizeof(number), "%d", fd);
	serve_region(&policy_fd, length, 65536);
	served.instance = t_policy_open(&policy_fd, &served.region, "fd", number, NULL);
	exercise(256);
	policy_fd.close(served.instance);
	close(fd);
}

int main(int argc, char *argv[])
{
	const struct iova_range range = { .start = BASE, .length = SPAN };
	struct reason why = { 0 };

	T_EQ(argc, 4);
	bdf = argv[1];
	n_2m = strtoull(argv[2], NULL, 10);
	n_1g = strtoull(argv[3], NULL, 10);
	if (iommufd_open(IOMMUFD_PATH, &iommufd, &why) < 0 || device_new("d", bdf, &device, &why) < 0 ||
	    device->ops->open(device, iommufd, &why) < 0 || device->ops->ioas_open(iommufd, &range, 1, &ioas, &why) < 0)
		t_fail(__FILE__, __LINE__, "%s", why.text);
	device->bus_master = true;
	if (device->ops->attach(device, PASID_NONE, ioas, &why) < 0)
		t_fail(__FILE__, __LINE__, "%s", why.text);
	T_OK(iopf_dma_open_sysfs(&dma, bdf));
	t_run(memory_of_others);
	if (n_2m) {
		t_run(huge_pages);
		t_run(huge_pages_and_others);
	}
	if (n_1g)
		t_run(pages_of_a_gigabyte);
	iopf_dma_close(&dma);
	T_OK(device->ops->detach(device, PASID_NONE, ioas));
	ioas->ops->ioas_close(ioas);
	device_free(device);
	iommufd_close(iommufd);
	return 0;
}
