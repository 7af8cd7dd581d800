# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is measured where, and what is wanted: the one table of benchmarks and targets."""

import statistics
from collections import namedtuple

# targets: {comparator: ratio of ours to it, or "value": of ours alone}
Goal = namedtuple("Goal", "bench engine metric higher targets title")

CASES_OF = {
    "B1": ["latency"],
    "B2": ["latency", "scale"],
    "B3": ["service", "copies", "instructions"],
    "B4": ["service", "copies"],
    "B5": ["bytes"],
    "B6": ["bytes"],
    "B7": ["service", "copies"],
    "B8": ["simulated", "stores"],
    "B9": ["simulated", "stores"],
    "B10": ["scale", "copies", "shards", "simulated"],
    "B11": ["latency"],
    "B12": ["scale", "simulated"],
    "B15": ["scale"],
    "B16": ["scale"],
}

TITLES = {
    "B1": "one fault at a time, everybody spins (the daemon with spin = 10ms)",
    "B2": "one fault at a time, everybody sleeps (the daemon with spin = 0)",
    "B3": "random 4K pages that exist, 64 faults at a time",
    "B4": "4K pages in order, 64 faults at a time, merged to 64K",
    "B5": "stream over new memory, each page once, 256K mapped at a time",
    "B6": "stream over new memory in 2M pages",
    "B7": "half of the faults are for pages of the other half",
    "B8": "random 4K of a file in the page cache, 64 in flight",
    "B9": "half of the memory fits, the rest goes back to the file",
    "B10": "64 devices on 1, 4 and 16 queues; two shards",
    "B11": "one fault at a time while another device sends 64",
    "B12": "statistics polled at 10 Hz, beside none at all",
    "B15": "64 devices from start to the first answer",
    "B16": "memory of the daemon for each page that is mapped",
}

# bench, engine, metric, more is better, targets
TABLE = [
    ("B1", "vm", "latency_p50_ns", False, {"a": 1.1, "b": 1.15, "c": 0.5}),
    ("B1", "vm", "latency_p99_ns", False, {"a": 1}),
    ("B1", "vm", "latency_p999_ns", False, {}),
    ("B1", "vm", "cpu_ns_per_fault", False, {}),
    ("B2", "vm", "latency_p50_ns", False, {"b": 1.1, "c": 0.5}),
    ("B2", "vm", "p50_over_wake_and_a", False, {"value": 1}),
    ("B2", "vm", "latency_p99_ns", False, {}),
    ("B2", "vm", "latency_p999_ns", False, {}),
    ("B2", "vm", "cpu_ns_per_fault", False, {}),
    ("B2", "vm", "idle_cpu_percent", False, {"value": 0.1}),
    ("B2", "mock", "idle64_cpu_percent", False, {"value": 0.1}),
    ("B3", "mock", "faults_per_s", True, {"a": 1.5, "b": 0.9}),
    ("B3", "mock", "cpu_ns_per_fault", False, {}),
    ("B3", "mock", "batch_per_fault_p99_ns", False, {}),
    ("B3", "mock", "batch_per_fault_p999_ns", False, {}),
    ("B3", "vm", "vm_faults_per_s", True, {"c": 4}),
    ("B3", "sim", "instructions_per_fault", False, {"b": 1.25}),
    ("B4", "mock", "faults_per_s", True, {"a": 30, "b": 0.9}),
    ("B4", "mock", "cpu_ns_per_fault", False, {}),
    ("B4", "mock", "batch_per_fault_p99_ns", False, {}),
    ("B4", "vm", "vm_faults_per_s", True, {"c": 20}),
    ("B5", "vm", "bytes_per_s", True, {"a": 4, "b": 0.95, "c": 3}),
    ("B5", "vm", "share_of_memset", True, {"value": 0.85}),
    ("B5", "vm", "cpu_ns_per_page", False, {}),
    ("B5", "vm", "sleeps_per_page", False, {}),
    ("B5", "vm", "start_ms", False, {}),
    ("B5", "vm", "ahead_stream_time", False, {"value": 1}),
    ("B5", "vm", "ahead_stream_wait", False, {"value": 1}),
    ("B5", "vm", "ahead_random_time", False, {"value": 1.05}),
    ("B6", "vm", "bytes_per_s", True, {"a": 5, "b": 0.97, "c": 4}),
    ("B6", "vm", "cpu_ns_per_page", False, {}),
    ("B6", "vm", "sleeps_per_page", False, {}),
    ("B6", "vm", "start_ms", False, {}),
    ("B7", "mock", "faults_per_s", True, {"b": 0.9}),
    ("B7", "mock", "us_per_duplicate", False, {"value": 0.2}),
    ("B7", "mock", "maps_per_page", False, {"value": 1}),
    ("B7", "vm", "vm_faults_per_s", True, {"c": 4}),
    ("B8", "sim", "faults_per_s", True, {"a": 5, "b": 0.9}),
    ("B8", "sim", "share_of_reads", True, {}),
    ("B8", "sim", "cpu_ns_per_fault", False, {}),
    ("B8", "sim", "sleeps_per_fault", False, {}),
    ("B8", "vm", "vm_faults_per_s", True, {"a": 5, "b": 0.9, "c": 1.5}),
    ("B8", "vm", "vm_share_of_reads", True, {}),
    ("B8", "vm", "vm_latency_mean_ns", False, {}),
    ("B8", "vm", "vm_cpu_ns_per_fault", False, {}),
    ("B9", "sim", "visits_per_s", True, {"b": 1}),
    ("B9", "sim", "hit_ratio", True, {}),
    ("B9", "sim", "bytes_written", False, {"b": 1}),
    ("B9", "sim", "cpu_ns_per_visit", False, {}),
    ("B9", "vm", "vm_faults_per_s", True, {"c": 1.5}),
    ("B9", "vm", "vm_cpu_ns_per_fault", False, {}),
    ("B10", "mock", "queues1_faults_per_s", True, {"b": 0.85}),
    ("B10", "mock", "queues4_faults_per_s", True, {"b": 0.85}),
    ("B10", "mock", "queues16_faults_per_s", True, {"b": 0.85}),
    ("B10", "mock", "queues16_batch_per_fault_p99_ns", False, {}),
    ("B10", "mock", "queues1_p99_spread", False, {}),
    ("B10", "mock", "queues4_p99_spread", False, {}),
    ("B10", "mock", "queues16_p99_spread", False, {}),
    ("B10", "vm", "vm_queues1_faults_per_s", True, {"c": 4}),
    ("B10", "vm", "vm_queues4_faults_per_s", True, {"c": 4}),
    ("B10", "vm", "vm_queues16_faults_per_s", True, {"c": 4}),
    ("B10", "mock", "shards_speedup", True, {"value": 1.7}),
    ("B10", "sim", "shards_cpu_speedup", True, {"value": 1.7}),
    ("B11", "vm", "p99_over_solo", False, {"value": 2}),
    ("B11", "vm", "solo_latency_p50_ns", False, {}),
    ("B11", "vm", "solo_latency_p99_ns", False, {}),
    ("B11", "vm", "latency_p50_ns", False, {}),
    ("B11", "vm", "latency_p99_ns", False, {}),
    ("B11", "vm", "latency_p999_ns", False, {}),
    ("B12", "mock", "faults_per_s", True, {"b": 0.95}),
    ("B12", "mock", "mean_faults_per_s", True, {}),
    ("B12", "sim", "sim_cpu_ns_per_visit", False, {"b": 1.05}),
    ("B15", "mock", "first_answer_ms", False, {}),
    ("B15", "mock", "ms_more_than_kernel", False, {"value": 20}),
    ("B16", "mock", "dense_bytes_per_page", False, {"value": 4, "c": 0.25}),
    ("B16", "mock", "isolated_bytes_per_page", False, {"value": 32}),
]

GOALS = [Goal(*row, TITLES[row[0]]) for row in TABLE]


def median_of(results, bench, who, metric):
    values = results.get((bench, who, metric))
    return statistics.median(values) if values else None


def derive(results):
    """Metrics that are made of others, round by round."""
    def make(bench, who, metric, of, *inputs):
        lists = [results.get(key, []) for key in inputs]
        made = [of(*values) for values in zip(*lists)]
        if made:
            results[bench, who, metric] = made

    for key in [k for k in results if k[:2] == ("B1", "a")]:  # it cannot sleep
        results["B2", "a", key[2]] = results[key]
    for who in ("ours", "a", "b", "c"):
        make("B11", who, "p99_over_solo", lambda flood, solo: flood / solo,
             ("B11", who, "latency_p99_ns"), ("B11", who, "solo_latency_p99_ns"))
        make("B5", who, "share_of_memset", lambda ours, memset: ours / memset,
             ("B5", who, "bytes_per_s"), ("B5", "vm", "memset_bytes_per_s"))
        for machine, prefix in (("sim", ""), ("vm", "vm_")):
            make("B8", who, prefix + "share_of_reads", lambda faults, reads: faults / reads,
                 ("B8", who, prefix + "faults_per_s"), ("B8", machine, prefix + "reads_per_s"))
    for mode in ("stream", "random"):
        make("B5", "ours", f"ahead_{mode}_time", lambda ahead, demand: demand / ahead,
             *(("B5", "ours", f"{how}_{mode}_bytes_per_s") for how in ("ahead", "demand")))
    # The pages are the same, so this is what the device waited for all of them.
    make("B5", "ours", "ahead_stream_wait", lambda ahead, n_ahead, demand, n_demand: ahead * n_ahead / (demand * n_demand),
         *(("B5", "ours", f"{how}_stream_{metric}") for how in ("ahead", "demand") for metric in ("latency_mean_ns", "faults")))
    wake = median_of(results, "wake", "vm", "other_cpu_p50_ns") or 0
    make("B2", "ours", "p50_over_wake_and_a", lambda ours, a: ours / (wake + 1.2 * a),
         ("B2", "ours", "latency_p50_ns"), ("B2", "a", "latency_p50_ns"))
    make("B10", "ours", "shards_speedup", lambda two, one: two / one,
         ("B10", "ours", "shards2_faults_per_s"), ("B10", "ours", "shards1_faults_per_s"))
    make("B10", "ours", "shards_cpu_speedup", lambda two, one: 2 * one / two,
         ("B10", "ours", "sim_shards2_cpu_ns_per_fault"), ("B10", "ours", "sim_shards1_cpu_ns_per_fault"))
    make("B15", "ours", "ms_more_than_kernel", lambda ours, b: ours - b,
         ("B15", "ours", "first_answer_ms"), ("B15", "b", "first_answer_ms"))
