# SPDX-License-Identifier: LGPL-2.1-or-later
"""Why a target is missed, said with what was measured in the same run."""

from goals import median_of

PREFIXES = ("vm_queues16_", "vm_queues4_", "vm_queues1_", "queues16_", "queues4_", "queues1_", "vm_", "sim_")
LEAST = 3  # percent of the time: parts of a profile below it are not told


def prefix_of(metric):
    return next((p for p in PREFIXES if metric.startswith(p)), "")


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


def both(results, bench, metric):
    """Ours and (b)'s, or nothing."""
    ours, b = (median_of(results, bench, who, metric) for who in ("ours", "b"))
    return (ours, b) if ours is not None and b is not None else None


def profiled_prefixes(row):
    """Where a profile of the same work may be: the mock device and the simulated one have
    theirs from the emulated machine."""
    prefix = prefix_of(row.goal.metric)
    return (prefix, "vm_" + prefix)


def costs(results, bench, prefix):
    """What a page or a fault takes of the CPU, ours and (b)'s."""
    for unit in ("page", "fault"):
        found = both(results, bench, f"{prefix}cpu_ns_per_{unit}")
        if found:
            yield unit, found
            return


def profile(row, results):
    """Nanoseconds of each part of the time, ours beside (b)'s."""
    bench = "B2" if row.goal.bench == "B1" else row.goal.bench  # who spins has a profile of spinning
    if row.goal.metric == "instructions_per_fault":
        return
    for prefix in profiled_prefixes(row):
        start = prefix + "profile_"
        names = {key[2].removeprefix(start) for key in results if key[0] == bench and key[2].startswith(start)}
        for unit, cpu in costs(results, bench, prefix) if names else ():
            yield f"{'asleep between faults, ' if bench != row.goal.bench else ''}{cpu[0]:.0f} ns of CPU for each {unit}, (b) {cpu[1]:.0f}"
            yield f"of them, by profile, ns ours/(b): {parts_of(results, bench, start, names, cpu)}"
            yield from calls_of(results, bench, start, unit)
            return


def parts_of(results, bench, start, names, cpu):
    shares = {n: both(results, bench, start + n) for n in names if n != "system_calls" and not n.startswith(("machine_", "calls_"))}
    told = sorted(((n, s) for n, s in shares.items() if s and max(s) >= LEAST), key=lambda item: -item[1][0])
    return ", ".join(f"{n.replace('_', ' ')} {s[0] * cpu[0] / 100:.0f}/{s[1] * cpu[1] / 100:.0f}" for n, s in told)


def calls_of(results, bench, start, unit):
    calls = both(results, bench, start + "system_calls")
    ioctls = both(results, bench, start + "calls_ioctl")
    if calls and ioctls:
        yield (f"{calls[0]:.3g}/{calls[1]:.3g} system calls for each {unit}, "
               f"{ioctls[0]:.3g}/{ioctls[1]:.3g} of them ioctl")
    server, idle = both(results, bench, start + "machine_server"), both(results, bench, start + "machine_idle")
    if server and idle:
        yield (f"of the machine's time {server[0]:.0f}/{server[1]:.0f} % are the server's and {idle[0]:.0f}/{idle[1]:.0f} % "
               "idle, the rest the kernel's threads, the device and who drives it")


def copies(row, results):
    """What (c) takes, who serves and who touches apart."""
    prefix = prefix_of(row.goal.metric)
    serves = median_of(results, row.goal.bench, "c", prefix + "cpu_ns_per_page")
    touches = median_of(results, row.goal.bench, "c", prefix + "device_cpu_ns_per_page")
    if "c" in row.missed and serves and touches:
        yield f"(c) takes {serves:.0f} ns of CPU for each page and who touches it {touches:.0f}"


def sleeps(row, results):
    for unit in ("page", "fault"):
        found = both(results, row.goal.bench, f"{prefix_of(row.goal.metric)}sleeps_per_{unit}")
        if found:
            yield f"{found[0]:.3g} sleeps and wakes for each {unit}, (b) {found[1]:.3g}"
            return


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


def without_server(row, results):
    """B1, B2, B11: the device, the IOMMU and the kernel's thread."""
    if row.goal.bench not in ("B1", "B2", "B11") or "latency" not in row.goal.metric and "over" not in row.goal.metric:
        return
    refused = {q: median_of(results, "B1", "vm", f"refused_{q}_ns") for q in ("p50", "p99")}
    if refused["p50"]:
        yield (f"what the kernel refuses itself, without a server, takes p50 {refused['p50'] / 1000:.0f} us, "
               f"p99 {refused['p99'] / 1000:.0f} us of it")
    cost = {q: median_of(results, "wake", "vm", f"other_cpu_{q}_ns") for q in ("p50", "p99")}
    if cost["p50"]:
        yield f"to wake a thread on the other CPU takes p50 {cost['p50'] / 1000:.0f} us, p99 {cost['p99'] / 1000:.0f} us"


def behind_others(row, results):
    """B11: what the limit does to its victim."""
    if row.goal.bench != "B11":
        return
    for who, name in (("ours", "ours"), ("b", "(b)")):
        p50, solo, p99 = (median_of(results, "B11", who, m) for m in
                          ("latency_p50_ns", "solo_latency_p50_ns", "latency_p99_ns"))
        if p50 and solo and p99:
            yield f"{name} beside the flood p50 {p50 / 1e6:.2f} ms, {p50 / solo:.0f} times solo, p99 {p99 / 1e6:.2f} ms"


def spin(row):
    if row.goal.bench == "B1" and not row.can_spin:
        yield "this daemon has no key spin: it sleeps while they spin"


def ranges(row):
    """The rounds, least and most: whether it is more than noise."""
    told = [f"{'ours' if who == 'ours' else f'({who})'} {min(v):.3g} to {max(v):.3g}" for who, v in row.values.items()
            if who == "ours" or who in row.missed]
    yield "over the rounds " + ", ".join(told)


def reason(row, results):
    words = [*limit_is_no_better(row), *behind_others(row, results), *without_server(row, results),
             *profile(row, results), *copies(row, results), *sleeps(row, results), *instructions(row, results), *second_cpu(row, results),
             *spin(row), *ranges(row)]
    return "; ".join(words)
