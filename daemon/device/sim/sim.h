/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The model behind the handles of device.h, for tests and benchmarks that inject faults or
 * look at what a device saw. The handle must be of device_sim_ops.
 */
#pragma once

#include "device/device.h"

struct sim_dma;
struct sim_ioas;

struct sim_dma *sim_device_dma(struct device *d); /* while it is open */
struct sim_ioas *sim_space_ioas(struct ioas *a);
