/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Long output on a terminal goes through a pager, which shows it at once if it fits.
 */
#pragma once

/* Puts a pager behind stdout, or does nothing. */
void pager_open(void);

/* Waits until the user has read. */
void pager_close(void);
