/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * detach, drain, pause, resume and PASIDs of a device; attach is in verb-attach.c.
 */
#include <stdio.h>

#include "ctl/args.h"
#include "ctl/client.h"

#define PASID_MAX 0xfffff

/* A method of the device whose name is argv[1]. types as in client_call(); there is no result. */
#define device_call(bus, name, method, ...)                                                   \
	({                                                                                    \
		_cleanup_free_ char *path_ = NULL;                                            \
		enum ctl_exit e_ = client_find(bus, "GetDevice", name, &path_);               \
		const struct client_call c_ = { path_, CLIENT_DEVICE, method, name, true };   \
		e_ ?: client_call(bus, &c_, NULL, __VA_ARGS__);                               \
	})

int verb_detach(int argc, char **argv)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	enum ctl_exit e = args_read(&argc, argv, NULL, 1, 1);

	e = e ?: client_open(&bus);
	return e ?: device_call(bus, argv[1], "Detach", "t", UINT64_C(0));
}

/* DEVICE [TIME]: without a time the daemon's own holds. */
static enum ctl_exit call_for(int argc, char **argv, const char *method)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	enum ctl_exit e = args_read(&argc, argv, NULL, 1, 2);
	uint64_t usec = 0;

	if (!e && argc > 2)
		e = args_usec(argv[0], argv[2], &usec);
	e = e ?: client_open(&bus);
	return e ?: device_call(bus, argv[1], method, "t", usec);
}

int verb_drain(int argc, char **argv)
{
	return call_for(argc, argv, "Drain");
}

int verb_pause(int argc, char **argv)
{
	return call_for(argc, argv, "Pause");
}

int verb_resume(int argc, char **argv)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	enum ctl_exit e = args_read(&argc, argv, NULL, 1, 1);

	e = e ?: client_open(&bus);
	return e ?: device_call(bus, argv[1], "Resume", NULL);
}

int verb_attach_pasid(int argc, char **argv)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	enum ctl_exit e = args_read(&argc, argv, NULL, 3, 3);
	uint64_t pasid = 0;

	e = e ?: args_number(argv[0], argv[2], PASID_MAX, &pasid);
	e = e ?: client_open(&bus);
	return e ?: device_call(bus, argv[1], "AttachPasid", "us", (uint32_t)pasid, argv[3]);
}

int verb_detach_pasid(int argc, char **argv)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	enum ctl_exit e = args_read(&argc, argv, NULL, 2, 2);
	uint64_t pasid = 0;

	e = e ?: args_number(argv[0], argv[2], PASID_MAX, &pasid);
	e = e ?: client_open(&bus);
	return e ?: device_call(bus, argv[1], "DetachPasid", "u", (uint32_t)pasid);
}
