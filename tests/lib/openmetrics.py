#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks the text on standard input against the rules of OpenMetrics 1.0: metadata once and
before the samples, families in one piece, suffixes by type, labels, numbers, no series twice,
histograms that add up, "# EOF" at the end. Prints what is wrong; exit status 1 then.

usage: openmetrics.py [FAMILY...]      families that must be there"""
import math
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)$")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)')
SUFFIXES = {
    "counter": ["_total", "_created"],
    "gauge": [""],
    "histogram": ["_bucket", "_count", "_sum", "_created"],
    "info": ["_info"],
    "unknown": [""],
}
problems = []


def bad(number, message):
    problems.append(f"line {number}: {message}")


def labels_of(number, text):
    labels, at = {}, 0
    while at < len(text or ""):
        match = LABEL.match(text, at)
        if not match:
            bad(number, f"labels: {text[at:]!r}")
            return labels
        if match[1] in labels:
            bad(number, f"label {match[1]} twice")
        labels[match[1]] = match[2]
        at = match.end()
        if match[3] and at == len(text):
            bad(number, "a comma at the end of the labels")
    return labels


def number_of(number, text):
    try:
        if not re.fullmatch(r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|Inf)|NaN", text):
            raise ValueError(text)
        return float(text)
    except ValueError:
        bad(number, f"not a number: {text!r}")
        return 0.0


class Family:
    def __init__(self, name):
        self.name, self.kind, self.help, self.samples = name, None, None, []


def metadata(number, line, families, current):
    match = re.match(rf"# (HELP|TYPE|UNIT) ({NAME}) ?(.*)$", line)
    if not match:
        bad(number, f"neither metadata nor a sample: {line!r}")
        return current
    what, name, value = match.groups()
    if current is None or current.name != name:
        if name in families:
            bad(number, f"family {name} is in two pieces")
        current = families[name] = Family(name)
    if current.samples:
        bad(number, f"{what} of {name} after its samples")
    if what == "TYPE":
        if current.kind is not None:
            bad(number, f"TYPE of {name} twice")
        if value not in SUFFIXES:
            bad(number, f"unknown type {value!r}")
            value = "unknown"
        current.kind = value
    if what == "HELP":
        if current.help is not None:
            bad(number, f"HELP of {name} twice")
        current.help = value
    return current


def sample(number, line, current, seen):
    match = SAMPLE.match(line)
    if not match:
        bad(number, f"not a sample: {line!r}")
        return
    name, labels, value = match[1], labels_of(number, match[2]), number_of(number, match[3])
    if current is None or not name.startswith(current.name):
        bad(number, f"{name} has no family")
        return
    suffix = name[len(current.name):]
    if current.kind is None or current.help is None:
        bad(number, f"{name}: HELP or TYPE is missing")
    elif suffix not in SUFFIXES[current.kind]:
        bad(number, f"{name}: no name for a {current.kind}")
    series = (name, tuple(sorted(labels.items())))
    if series in seen:
        bad(number, f"{name}{labels} twice")
    seen.add(series)
    if current.kind in ("counter", "histogram") and (value < 0 or math.isnan(value)):
        bad(number, f"{name} is {match[3]}")
    if suffix == "_bucket" and "le" not in labels:
        bad(number, "a bucket without le")
    current.samples.append((number, suffix, labels, value))


def histogram(family):
    groups = {}
    for number, suffix, labels, value in family.samples:
        rest = tuple(sorted((k, v) for k, v in labels.items() if k != "le"))
        group = groups.setdefault(rest, {"buckets": []})
        if suffix == "_bucket":
            group["buckets"].append((number, number_of(number, labels.get("le", "")), value))
        else:
            group[suffix] = value
    for rest, group in groups.items():
        buckets = group["buckets"]
        name = f"{family.name}{dict(rest)}"
        if [b[1] for b in buckets] != sorted({b[1] for b in buckets}):
            bad(buckets[0][0], f"{name}: bounds do not rise")
        if any(a[2] > b[2] for a, b in zip(buckets, buckets[1:])):
            bad(buckets[0][0], f"{name}: buckets are not cumulative")
        if not buckets or buckets[-1][1] != math.inf:
            bad(0, f"{name}: no bucket +Inf")
        elif buckets[-1][2] != group.get("_count"):
            bad(buckets[-1][0], f"{name}: +Inf is not the count")
        if "_sum" not in group:
            bad(0, f"{name}: no sum")


def main():
    text = sys.stdin.buffer.read().decode("utf-8")
    if not text.endswith("# EOF\n"):
        bad(0, 'no "# EOF" at the end')
    families, seen, current = {}, set(), None
    lines = text.split("\n")[:-1]
    for number, line in enumerate(lines, 1):
        if line == "# EOF":
            if number != len(lines):
                bad(number, '"# EOF" before the end')
        elif line.startswith("#"):
            current = metadata(number, line, families, current)
        else:
            sample(number, line, current, seen)
    for family in families.values():
        if family.kind == "histogram":
            histogram(family)
        if not family.samples:
            bad(0, f"family {family.name} has no samples")
    for name in sys.argv[1:]:
        if name not in families:
            bad(0, f"family {name} is missing")
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


sys.exit(main())
