/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* For tests that count the machine's huge pages of 2M, use or change them: one at a time, to
 * the end of the process. Where there is no pool, there is nothing to wait for. */
void t_hugepages_lock(void);
