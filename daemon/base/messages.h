/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ids of what the journal explains: each has a text in systemd/iopfd.catalog and is the
 * MESSAGE_ID of one kind of record.
 */
#pragma once

#define MESSAGE_ATTACHED "b2f3a1c07d5e4c1e9a6f0d3c5b8e7a11"
#define MESSAGE_DETACHED "c4d5b2e18e6f4d2fab7a1e4d6c9f8b22"
#define MESSAGE_FAILED "d6e7c3f29f7a4e3abc8b2f5e7daa9c33"
#define MESSAGE_LOST "3a91d0c64be24f57a8d2c96f10be7e44"
#define MESSAGE_STORM "5fc27e8091a34d6bb3e4d07a21cf8f55"
#define MESSAGE_CONFIG_REJECTED "71ae4fb2c3d5461f8c09e18b32d09066"
#define MESSAGE_MEMLOCK "92bf60c4d5e64a73ad1bf29c43e1a177"
#define MESSAGE_WATCHDOG "b4d071d6e7f84b85be2c03ad54f2b288"
