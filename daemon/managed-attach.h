/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that are attached because somebody on the bus says so.
 */
#pragma once

#include "managed.h"

/* As the service_hooks on_attach. */
void managed_attach(void *manager, const struct attach_request *request, struct service_call *call);

/* After a step of the device: transient spaces that nobody uses any more are closed, and then
 * d->reply, if there is one, is answered with d->why. forget: the device, which is transient and
 * not attached, is freed first. tidy: the spaces alone. */
void managed_attach_answer(struct managed_device *d);
void managed_attach_forget(struct managed_device *d);
void managed_attach_tidy(struct manager *m);
