/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bus service on a loop in a thread of its own, with a directory made by hand. Whatever
 * touches the directory runs in that thread, by t_service_do().
 *
 *   nvme0  0000:3d:00.0, active, can be lent: RID in dma0, PASID 5 in dma1
 *   sim0   sim, active, cannot be lent: RID in dma0
 *   dma0   heap (one file), shards (none)
 *   dma1   not open: image
 */
#pragma once

#include <systemd/sd-bus.h>

#include "control/service.h"
#include "t-owner.h"

#define T_MANAGER SERVICE_NAME ".Manager"
#define T_DEVICE SERVICE_NAME ".Device"
#define T_SPACE SERVICE_NAME ".Space"
#define T_STATISTICS SERVICE_NAME ".Statistics"
#define T_PROPERTIES "org.freedesktop.DBus.Properties"
#define T_NVME0 SERVICE_PATH "/device/nvme0"
#define T_SIM0 SERVICE_PATH "/device/sim0"
#define T_DMA0 SERVICE_PATH "/space/dma0"
#define T_DMA1 SERVICE_PATH "/space/dma1"

#define T_LOG_PATH "/org/freedesktop/LogControl1"
#define T_LOG "org.freedesktop.LogControl1"

struct t_service {
	struct loop *loop;
	struct service *service;
	struct directory directory;
	long tid;
};

extern struct t_service t_service;
extern struct device_entry t_nvme0, t_sim0;
extern struct space_entry t_dma0, t_dma1;
extern struct stats t_stats[3]; /* of the attachments, in the order above */

extern sd_bus *t_client; /* whose calls these are */

/* Returns when the thread runs; whether the bus was found is another matter. */
void t_service_start(const char *loop_name, const char *address);
void t_service_stop(void);

/* Runs fn in the service's thread and waits for it. */
void t_service_do(void (*fn)(void *arg), void *arg);

/* For t_service_do(): what a manager does to its directory. */
void t_device_failed(void *arg); /* all of nvme0 */
void t_device_removed(void *arg);
void t_device_added(void *arg);
void t_manager_degraded(void *arg);

/* The same with a bus that runs, and a client: returns when the service has its name, and
 * when the bus has noticed that it has not: else the next one would find the name taken. */
void t_service_begin(const char *loop_name, const char *address);
void t_service_end(void);
bool t_service_on_bus(void);

/* A reply stays valid until the next call. get: stands in the variant. */
sd_bus_message *t_call(const char *path, const char *interface, const char *member, const char *types, ...);
sd_bus_message *t_get(const char *path, const char *interface, const char *property, const char *type);
void t_expect_error(const char *name, const char *path, const char *interface, const char *member, const char *types,
		    ...);
const char *t_get_string(const char *path, const char *interface, const char *property);
uint64_t t_get_number(const char *path, const char *interface, const char *property, const char *type);

/* Stands in each test of the service, so that its policies take the place of real ones: a
 * linker takes what a program brings itself first. */
#define T_SERVICE_POLICIES                                                                \
	int policy_memory(struct policy *p, struct iopfd_memory *ret_memory)               \
	{                                                                                  \
		return t_policy_memory(p, ret_memory);                                     \
	}                                                                                  \
	uint64_t policy_backed_bytes(struct policy *p)                                     \
	{                                                                                  \
		return t_policy_backed_bytes(p);                                           \
	}                                                                                  \
	size_t policy_stats(struct policy *p, struct iopfd_counter *ret, size_t n)         \
	{                                                                                  \
		return t_policy_stats(p, ret, n);                                          \
	}
int t_policy_memory(struct policy *p, struct iopfd_memory *ret_memory);
uint64_t t_policy_backed_bytes(struct policy *p);
size_t t_policy_stats(struct policy *p, struct iopfd_counter *ret, size_t n);
