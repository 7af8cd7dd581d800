/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stress-calls.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/util.h"
#include "options.h"

sd_bus *stress_bus;

bool stress_may_refuse(const char *error)
{
	static const char *const names[] = {
		"org.iopfd1.Error.ConfigInvalid", "org.iopfd1.Error.DeviceBusy", "org.iopfd1.Error.DeviceExists",
		"org.iopfd1.Error.DeviceGone", "org.iopfd1.Error.Draining", "org.iopfd1.Error.InvalidRange",
		"org.iopfd1.Error.LimitExceeded", "org.iopfd1.Error.NoSuchDevice", "org.iopfd1.Error.NoSuchRegion",
		"org.iopfd1.Error.NoSuchSpace", "org.iopfd1.Error.SpaceClosed", "org.iopfd1.Error.Timeout",
		SD_BUS_ERROR_LIMITS_EXCEEDED, SD_BUS_ERROR_NOT_SUPPORTED, SD_BUS_ERROR_UNKNOWN_OBJECT,
		SD_BUS_ERROR_UNKNOWN_METHOD,
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(error, names[i]))
			return true;
	return false;
}

sd_bus_message *stress_call(const char *path, const char *interface, const char *member)
{
	sd_bus_message *m;

	MUST(sd_bus_message_new_method_call(stress_bus, &m, "org.iopfd1", path, interface, member));
	return m;
}

sd_bus_message *stress_object_call(const char *kind, const char *name, const char *interface, const char *member)
{
	char path[100];

	snprintf(path, sizeof(path), "/org/iopfd1/%s/%s", kind, name);
	return stress_call(path, interface, member);
}

void stress_insist(sd_bus_message *m, const char *needless)
{
	uint64_t end_ns = clock_now_ns() + 60 * NSEC_PER_SEC;
	bool done = false;

	MUST(sd_bus_message_seal(m, 1, 0));
	while (!done) {
		_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
		_cleanup_(sd_bus_message_unrefp) sd_bus_message *copy = NULL;

		MUST(sd_bus_message_new_method_call(stress_bus, &copy, sd_bus_message_get_destination(m),
						    sd_bus_message_get_path(m), sd_bus_message_get_interface(m),
						    sd_bus_message_get_member(m)));
		MUST(sd_bus_message_rewind(m, 1));
		MUST(sd_bus_message_copy(copy, m, 1));
		done = sd_bus_call(stress_bus, copy, 60 * 1000000, &error, NULL) >= 0 ||
		       sd_bus_error_has_name(&error, needless);
		if (!done && (!stress_may_refuse(error.name) || clock_now_ns() > end_ns))
			die("%s: %s", sd_bus_message_get_member(m), error.message);
		if (!done)
			usleep(20000);
	}
	sd_bus_message_unref(m);
}

void stress_insist_attached(const char *device)
{
	sd_bus_message *m = stress_call(STRESS_MANAGER, "AttachDevice");

	MUST(sd_bus_message_append(m, "sa{sv}", device, 0));
	stress_insist(m, "org.iopfd1.Error.DeviceExists");
}

void stress_insist_detached(const char *device, const char *needless)
{
	sd_bus_message *m = stress_call(STRESS_MANAGER, "DetachDevice");

	MUST(sd_bus_message_append(m, "st", device, (uint64_t)0));
	stress_insist(m, needless);
}

void stress_insist_pasid(const char *device, uint32_t pasid, const char *space)
{
	const char *member = space ? "AttachPasid" : "DetachPasid";
	sd_bus_message *m = stress_object_call("device", device, "org.iopfd1.Device", member);

	MUST(sd_bus_message_append(m, "u", pasid));
	if (space)
		MUST(sd_bus_message_append(m, "s", space));
	stress_insist(m, "org.iopfd1.Error.NoSuchDevice");
}
