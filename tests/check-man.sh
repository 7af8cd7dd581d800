#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The manual pages are clean mdoc.
cd "$(dirname "$0")/.." || exit 2
exec mandoc -T lint -W warning man/*.[1-8]
