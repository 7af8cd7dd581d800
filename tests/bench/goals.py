# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is measured where, and what is wanted: the one table of benchmarks and targets."""

import statistics
from collections import namedtuple

# targets: {comparator: ratio of ours to it, or "value": of ours alone}
Goal = namedtuple("Goal", "bench engine metric higher targets title")

CASE_OF = {"B3": "service", "B4": "service", "B7": "service"}

RANDOM = "random 4K pages that exist, 64 faults at a time"
ORDER = "4K pages in order, 64 faults at a time, merged"
TWICE = "half of the faults are for pages of the other half"

GOALS = [
    Goal("B3", "mock", "faults_per_s", True, {"a": 1.5, "b": 0.9}, RANDOM),
    Goal("B3", "mock", "cpu_ns_per_fault", False, {}, RANDOM),
    Goal("B3", "mock", "batch_per_fault_p50_ns", False, {}, RANDOM),
    Goal("B3", "mock", "batch_per_fault_p99_ns", False, {}, RANDOM),
    Goal("B3", "mock", "batch_per_fault_p999_ns", False, {}, RANDOM),
    Goal("B4", "mock", "faults_per_s", True, {"a": 30, "b": 0.9}, ORDER),
    Goal("B4", "mock", "cpu_ns_per_fault", False, {}, ORDER),
    Goal("B4", "mock", "batch_per_fault_p99_ns", False, {}, ORDER),
    Goal("B7", "mock", "faults_per_s", True, {"b": 0.9}, TWICE),
    Goal("B7", "mock", "us_per_duplicate", False, {"value": 0.2}, TWICE),
    Goal("B7", "mock", "maps_per_page", False, {"value": 1}, TWICE),
]


def per_round(results, who, of, *inputs):
    """[of(...)] over the rounds that have all inputs, (bench, metric) each."""
    lists = [results.get((bench, who, metric), []) for bench, metric in inputs]
    return [of(*values) for values in zip(*lists)]


def derive(results):
    """Metrics that are made of others."""
    for who in ("ours", "a", "b"):
        made = per_round(results, who, lambda both, unique: (2 * both - unique) / 1000,
                         ("B7", "cpu_ns_per_fault"), ("B7", "unique_cpu_ns_per_fault"))
        if made:
            results["B7", who, "us_per_duplicate"] = made


def median_of(results, bench, who, metric):
    values = results.get((bench, who, metric))
    return statistics.median(values) if values else None


def reason(row, results):
    """Why a target is missed, by what was measured in the same run."""
    why = []
    goal = row.goal
    limit = row.median.get("b")
    if "a" in row.missed and limit and row.median.get("a"):
        reach = limit / row.median["a"]
        if (reach < goal.targets["a"]) if goal.higher else (reach > goal.targets["a"]):
            why.append(f"the limit (b) itself is at {reach:.2f} of (a)")
    return "; ".join(why) or "no profile"


def print_model(results):
    """Nothing to extrapolate from yet."""
