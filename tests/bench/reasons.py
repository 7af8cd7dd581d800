# SPDX-License-Identifier: LGPL-2.1-or-later
"""Why a target is missed, said with what was measured in the same run."""

from goals import median_of


def limit_is_no_better(row):
    """The limit (b) in our place would miss the same."""
    goal, limit = row.goal, row.median.get("b")
    for who in row.missed:
        target = goal.targets[who]
        if who == "b" or limit is None or (who != "value" and not row.median.get(who)):
            continue
        reached = limit if who == "value" else limit / row.median[who]
        if (reached < target) if goal.higher else (reached > target):
            yield f"the limit (b) itself is at {reached:.3g}" + ("" if who == "value" else f" of ({who})")


def prefix_of(metric):
    return next((p for p in ("vm_", "queues1_", "queues4_", "queues16_", "sim_") if metric.startswith(p)), "")


def beside_limit(row, results):
    """What a fault takes of the CPU, and how often somebody sleeps and is woken for it."""
    kinds = (("cpu_ns_per_page", "cpu_ns_per_fault"), "{:.0f} ns of CPU"), (("sleeps_per_page", "sleeps_per_fault"),
                                                                             "{:.3g} sleeps and wakes")
    if not {"b", "value"} & set(row.missed):
        return
    for metrics, words in kinds:
        for metric in metrics:
            ours, b = (median_of(results, row.goal.bench, who, prefix_of(row.goal.metric) + metric)
                       for who in ("ours", "b"))
            if ours is not None and b is not None:
                yield f"{words.format(ours)} {metric[metric.index('per_'):].replace('_', ' ')}, (b) {words.format(b)}"
                break


def instructions(row, results):
    ours, b = (median_of(results, "B3", who, "instructions_per_fault") for who in ("ours", "b"))
    if ours and b and row.goal.engine in ("mock", "sim") and "b" in row.missed:
        parts = {key[2].removeprefix("instructions_"): median_of(results, *key) for key in results
                 if key[:2] == ("B3", "ours") and key[2].startswith("instructions_") and key[2] != "instructions_per_fault"}
        words = ", ".join(f"{n:.0f} {part}" for part, n in sorted(parts.items(), key=lambda item: -item[1]))
        yield f"{ours:.0f} instructions of user space for each fault of a batch" + (f" ({words})" if words else "") + \
            f", (b) {b:.0f}"


def second_cpu(row, results):
    worth = median_of(results, "B10", "ours", "second_cpu")
    if worth and row.goal.metric == "shards_speedup":
        yield f"two threads of this machine that only make system calls do {worth:.2f} of what one does"


def wake(row, results):
    cost = median_of(results, "wake", "vm", "other_cpu_p50_ns")
    if cost and row.goal.bench in ("B1", "B2"):
        yield f"to wake a thread on the other CPU takes {cost / 1000:.0f} us here"


def spin(row):
    if row.goal.bench == "B1" and not row.can_spin:
        yield "this daemon has no key spin: it sleeps while they spin"


def reason(row, results):
    words = [*limit_is_no_better(row), *beside_limit(row, results), *instructions(row, results),
             *second_cpu(row, results), *spin(row), *wake(row, results)]
    return "; ".join(words) or "not known: profile it"
