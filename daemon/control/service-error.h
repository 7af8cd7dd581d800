/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names of our errors on the bus, each with one errno, so that what the owner of the
 * service says with an errno has a name, and what sd-bus reads has an errno again.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "control/service.h"

#define SERVICE_ERROR_CONFIG_INVALID SERVICE_NAME ".Error.ConfigInvalid"
#define SERVICE_ERROR_DEVICE_BUSY SERVICE_NAME ".Error.DeviceBusy"
#define SERVICE_ERROR_DEVICE_EXISTS SERVICE_NAME ".Error.DeviceExists"
#define SERVICE_ERROR_DEVICE_GONE SERVICE_NAME ".Error.DeviceGone"
#define SERVICE_ERROR_DRAINING SERVICE_NAME ".Error.Draining"
#define SERVICE_ERROR_INVALID_RANGE SERVICE_NAME ".Error.InvalidRange"
#define SERVICE_ERROR_IOMMUFD_UNAVAILABLE SERVICE_NAME ".Error.IommufdUnavailable"
#define SERVICE_ERROR_KERNEL_TOO_OLD SERVICE_NAME ".Error.KernelTooOld"
#define SERVICE_ERROR_LIMIT_EXCEEDED SERVICE_NAME ".Error.LimitExceeded"
#define SERVICE_ERROR_MEMLOCK_EXCEEDED SERVICE_NAME ".Error.MemlockExceeded"
#define SERVICE_ERROR_NO_CHAR_DEVICE SERVICE_NAME ".Error.NoCharDevice"
#define SERVICE_ERROR_NO_PAGE_REQUEST SERVICE_NAME ".Error.NoPageRequest"
#define SERVICE_ERROR_NO_SUCH_DEVICE SERVICE_NAME ".Error.NoSuchDevice"
#define SERVICE_ERROR_NO_SUCH_REGION SERVICE_NAME ".Error.NoSuchRegion"
#define SERVICE_ERROR_NO_SUCH_SPACE SERVICE_NAME ".Error.NoSuchSpace"
#define SERVICE_ERROR_NOT_BOUND_TO_VFIO SERVICE_NAME ".Error.NotBoundToVfio"
#define SERVICE_ERROR_SPACE_CLOSED SERVICE_NAME ".Error.SpaceClosed"
#define SERVICE_ERROR_TIMEOUT SERVICE_NAME ".Error.Timeout"

/* For sd_bus_error_add_map(): constant, ends with SD_BUS_ERROR_MAP_END. */
extern const sd_bus_error_map service_error_map[];

/* The name for a positive errno, or NULL: then sd-bus's own is right. */
const char *service_error_name(int error);

/* Appends (ss): the name of a positive errno and the sentence; both may be none. */
int service_append_error(sd_bus_message *m, int error, const char *text);

/* Fill the error. */
int service_invalid_args(sd_bus_error *ret_error, const char *format, ...) PRINTF_LIKE(2, 3);
int service_not_supported(sd_bus_error *ret_error);
int service_no_such_device(const char *name, sd_bus_error *ret_error);
int service_no_such_space(const char *name, sd_bus_error *ret_error);
int service_no_such_region(const struct space_entry *e, const char *name, sd_bus_error *ret_error);
int service_space_closed(const struct space_entry *e, sd_bus_error *ret_error);
int service_gone(const char *error, const char *path, sd_bus_error *ret_error);
