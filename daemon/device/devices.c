/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The engines that exist. The first that claims an address gets it.
 */
#include <stddef.h>

#include "device/device.h"

const struct device_ops *const device_table[] = {
	&device_vfio_ops,
	&device_mock_ops,
	&device_sim_ops,
	NULL,
};
