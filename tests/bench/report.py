# SPDX-License-Identifier: LGPL-2.1-or-later
"""Medians, ratios and verdicts: the table and the lines of JSON."""

import json
import statistics

import goals
import model
import reasons

WHO = ["a", "b", "c", "d"]


class Row:
    """One metric of one benchmark: medians over the rounds, and what was wanted."""

    def __init__(self, goal, results, can_spin):
        self.goal = goal
        self.can_spin = can_spin
        self.values = {who: results[key] for who in ["ours", *WHO] if (key := (goal.bench, who, goal.metric)) in results}
        self.median = {who: statistics.median(v) for who, v in self.values.items()}
        self.missed = [who for who in goal.targets if not self.is_met(who)]
        self.reason = reasons.reason(self, results) if self.missed else None

    def ratio(self, who):
        """Ours by theirs; None where nothing can be divided."""
        return self.median["ours"] / self.median[who] if self.median.get(who) and "ours" in self.median else None

    def is_met(self, who):
        target = self.goal.targets[who]
        value = self.median.get("ours") if who == "value" else self.ratio(who)
        if value is None:
            return False
        return value >= target if self.goal.higher else value <= target

    def spread(self):
        values, median = self.values.get("ours", [0]), self.median.get("ours")
        return (max(values) - min(values)) / 2 / abs(median) * 100 if median else 0


def rows(results, wanted, can_spin):
    return [Row(g, results, can_spin) for g in goals.GOALS
            if g.bench in wanted and any((g.bench, who, g.metric) in results for who in ["ours", *WHO])]


def short(value):
    if value is None:
        return "-"
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (limit if unit != 'k' else 1e3):.3g}{unit}"
    return f"{value:.4g}"


def describe_targets(goal):
    sign = ">=" if goal.higher else "<="
    return ", ".join(f"{sign}{t:g}" if who == "value" else f"{who} {sign}{t:g}" for who, t in goal.targets.items())


def print_table(results, rows_):
    print("What it costs to wake a thread (it explains most of any latency):")
    for where in ("host", "vm"):
        costs = {m: statistics.median(v) for (b, w, m), v in results.items() if b == "wake" and w == where}
        if costs:
            print(f"  {where}: " + ", ".join(f"{m.replace('_ns', '').replace('_', ' ')} {v / 1000:.1f} us"
                                             for m, v in costs.items()))
    refused = goals.median_of(results, "B1", "vm", "refused_p50_ns")
    if refused:
        print(f"A page request that the kernel refuses itself, with nobody to ask: p50 {refused / 1000:.1f} us")
    rounds = max(len(v) for row in rows_ for v in row.values.values())
    print(f"\nMedians of {rounds} rounds, side by side; +- half of the range of ours; x = ours by theirs.")
    print("(a) one at a time, (b) the bare limit, (c) userfaultfd, (d) all pinned at the start. ! = target missed")
    print(f"{'':4} {'':6} {'':28} {'ours':>7} {'+-%':>4} " + " ".join(f"{w:>7} {'x':>6}" for w in WHO) + "  target")
    for row in rows_:
        cells = " ".join(f"{short(row.median.get(w)):>7} {short(row.ratio(w)):>6}" for w in WHO)
        print(f"{row.goal.bench:4} {row.goal.engine:6} {row.goal.metric:28} {short(row.median.get('ours')):>7} "
              f"{row.spread():4.0f} {cells}  {'! ' if row.missed else ''}{describe_targets(row.goal)}")
    missed = [row for row in rows_ if row.missed]
    if missed:
        print("\nMissed:")
    for row in missed:
        print(f"  {row.goal.bench} {row.goal.metric} ({', '.join(row.missed)}): {row.reason}")
    model.print_model(results)


def print_json(rows_):
    for row in rows_:
        if not row.goal.targets or "ours" not in row.median:
            continue
        line = {"bench": row.goal.bench, "engine": row.goal.engine, "metric": row.goal.metric}
        line.update(row.median)
        line.update({"targets": row.goal.targets, "met": not row.missed})
        if row.missed:
            line["reason"] = row.reason
        print(json.dumps(line))
