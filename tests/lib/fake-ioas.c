/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-ioas.h"

#include <sys/eventfd.h>

#include "base/util.h"
#include "t.h"

static struct fake_ioas *fake(struct ioas *a)
{
	return container_of(a, struct fake_ioas, ioas);
}

/* Readable exactly while something is unread. */
static void fake_signal(struct fake_ioas *f)
{
	uint64_t n = 1;

	if (f->n_records)
		T_EQ(write(f->ioas.fault_fd, &n, sizeof(n)), 8);
	else if (read(f->ioas.fault_fd, &n, sizeof(n)) < 0)
		T_EQ(errno, EAGAIN);
}

static ssize_t fake_read(struct ioas *a, void *records, size_t size)
{
	struct fake_ioas *f = fake(a);
	size_t room = size / sizeof(f->records[0]), n = 0;

	f->n_reads++;
	if (f->read_error)
		return f->read_error;
	for (size_t i = 0; i < f->n_records; i++) {
		bool last = i + 1 == f->n_records || f->records[i + 1].cookie != f->records[i].cookie;

		if (i >= room || (f->read_at_most && i >= f->read_at_most))
			break;
		if (last)
			n = i + 1;
	}
	if (!n && f->n_records)
		return -EINVAL;
	memcpy(records, f->records, n * sizeof(f->records[0]));
	f->n_records -= n;
	memmove(f->records, f->records + n, f->n_records * sizeof(f->records[0]));
	fake_signal(f);
	return (ssize_t)(n * sizeof(f->records[0]));
}

static ssize_t fake_write(struct ioas *a, const void *answers, size_t size)
{
	struct fake_ioas *f = fake(a);
	const struct uapi_answer *in = answers;
	size_t n = size / sizeof(*in), i;

	f->n_writes++;
	if (f->write_error)
		return f->write_error;
	for (i = 0; i < n; i++) {
		if (f->unknown_cookie && in[i].cookie == f->unknown_cookie)
			break;
		if (f->write_at_most && i >= f->write_at_most)
			break;
		f->answers[f->n_answers++] = in[i];
	}
	return i ? (ssize_t)(i * sizeof(*in)) : -EINVAL;
}

static int fake_map(struct ioas *a, uint64_t iova, uint64_t length, int fd, uint64_t offset, uint32_t access)
{
	struct fake_ioas *f = fake(a);
	int r = f->map_error;

	if (!r && f->map_at_most && length > f->map_at_most)
		r = -ENOMEM;
	pthread_mutex_lock(&f->map_lock);
	for (size_t i = 0; i < f->n_maps; i++)
		if (!r && iova < f->maps[i].iova + f->maps[i].length && f->maps[i].iova < iova + length)
			r = -EEXIST;
	if (!r)
		f->maps[f->n_maps++] = (struct fake_map){ iova, length, fd, offset, access };
	pthread_mutex_unlock(&f->map_lock);
	return r;
}

/* Whole areas only, any number of them. */
static int fake_unmap(struct ioas *a, uint64_t iova, uint64_t length)
{
	struct fake_ioas *f = fake(a);
	size_t n_kept = 0, n_before;

	f->n_unmaps++;
	pthread_mutex_lock(&f->map_lock);
	n_before = f->n_maps;
	for (size_t i = 0; i < n_before; i++) {
		struct fake_map *m = &f->maps[i];

		if (m->iova + m->length <= iova || m->iova >= iova + length) {
			f->maps[n_kept++] = *m;
			continue;
		}
		T_ASSERT(m->iova >= iova && m->iova + m->length <= iova + length);
	}
	f->n_maps = n_kept;
	pthread_mutex_unlock(&f->map_lock);
	return n_kept == n_before ? -ENOENT : 0;
}

static int fake_attach(struct device *d, uint32_t pasid, struct ioas *a, struct reason *why)
{
	struct fake_ioas *f = fake(a);

	(void)d;
	(void)pasid;
	if (f->attach_error) {
		why->error = -f->attach_error;
		return f->attach_error;
	}
	f->n_attached++;
	return 0;
}

static int fake_detach(struct device *d, uint32_t pasid, struct ioas *a)
{
	(void)d;
	(void)pasid;
	fake(a)->n_attached--;
	return 0;
}

static struct ioas *fake_close(struct ioas *a)
{
	T_EQ(fake(a)->n_attached, 0);
	fake(a)->closed = true;
	return NULL;
}

static const struct device_ops fake_ops = {
	.name = "fake",
	.ioas_close = fake_close,
	.attach = fake_attach,
	.detach = fake_detach,
	.map = fake_map,
	.unmap = fake_unmap,
	.read = fake_read,
	.write = fake_write,
};

void fake_ioas_init(struct fake_ioas *f)
{
	memset(f, 0, sizeof(*f));
	f->ioas.ops = &fake_ops;
	pthread_mutex_init(&f->map_lock, NULL);
	f->ioas.fault_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	T_ASSERT(f->ioas.fault_fd >= 0);
}

void fake_ioas_deinit(struct fake_ioas *f)
{
	close(f->ioas.fault_fd);
	pthread_mutex_destroy(&f->map_lock);
}

void fake_device_init(struct fake_device *d, const char *name, uint32_t dev_id)
{
	memset(d, 0, sizeof(*d));
	d->device.ops = &fake_ops;
	d->device.name = strdup(name);
	d->device.dev_id = dev_id;
}

void fake_device_deinit(struct fake_device *d)
{
	free(d->device.name);
}

void fake_group(struct fake_ioas *f, uint32_t cookie, uint32_t dev_id, uint32_t pasid, uint64_t iova, size_t n,
		uint32_t perm)
{
	for (size_t i = 0; i < n; i++) {
		T_ASSERT(f->n_records < FAKE_MAX);
		f->records[f->n_records++] = (struct uapi_fault_record){
			.flags = (pasid != PASID_NONE ? UAPI_FAULT_PASID_VALID : 0) |
				 (i + 1 == n ? UAPI_FAULT_LAST_PAGE : 0),
			.dev_id = dev_id,
			.pasid = pasid != PASID_NONE ? pasid : 0,
			.perm = perm,
			.addr = iova + i * 4096,
			.cookie = cookie,
		};
	}
	fake_signal(f);
}

int fake_answer(const struct fake_ioas *f, uint32_t cookie)
{
	int code = -1;

	for (size_t i = 0; i < f->n_answers; i++) {
		if (f->answers[i].cookie != cookie)
			continue;
		T_EQ(code, -1);
		code = (int)f->answers[i].code;
	}
	return code;
}
