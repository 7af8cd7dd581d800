#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the benchmarks of goals.py and says how they ended.

A case (cases/*.sh) runs everybody who is compared, in turn and several rounds, in one
machine, and prints lines "BENCHMARK WHO METRIC VALUE". They are kept in raw/, the table,
the plots and the lines of JSON are made of them; --report makes these once more.
"""

import argparse
import os
import re
import subprocess
import sys
import time

import goals
import plot
import report

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("IOPFD_BUILD", os.path.join(TOP, "build"))
RIG = os.environ.get("IOPFD_RIG", os.path.join(TOP, "..", "shared", "rig"))
LINE = re.compile(r"^(\S+) (\S+) (\S+) (-?[0-9.e+-]+)$")


def arguments():
    parser = argparse.ArgumentParser(description="iopfd beside other fault loops")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="benchmarks, blank separated: B3 B4")
    parser.add_argument("--cases", default="", help="only these of cases/, blank separated: simulated")
    parser.add_argument("--json", action="store_true", help="one object per line instead of the table")
    parser.add_argument("--report", action="store_true", help="of what was measured before")
    parser.add_argument("--out", default=os.path.join(BUILD, "bench"), help="folder")
    return parser.parse_args()


def say(text):
    print(text, file=sys.stderr, flush=True)


def machine_of(script):
    """The line "# machine: KIND OPTION..." of a case."""
    with open(script, encoding="utf-8") as f:
        found = re.search(r"^# machine: (.*)$", f.read(), re.M)
    if not found:
        sys.exit(f"{script} does not say which machine it needs")
    return found.group(1).split()


def can_spin():
    """Whether the daemon of this build has the keys spin and cpus."""
    if not os.access(os.path.join(BUILD, "iopfd"), os.X_OK):
        sys.exit(f"{BUILD} has no daemon: run make first")
    known = subprocess.run([os.path.join(BUILD, "iopfd"), "--dump-config"], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, text=True, check=False).stdout
    return all(re.search(rf"^{key} = ", known, re.M) for key in ("spin", "cpus"))


def command_of(script, environment):
    kind, *options = machine_of(script)
    if kind == "host":
        return ["/bin/bash", script]
    launcher = os.path.join(RIG, kind)
    if not os.access(launcher, os.X_OK):
        return None
    if kind == "vm":  # on a busy host the emulated timer may be late for the kernel's check of it
        options = ["-a", "no_timer_check", *options]
    for name in environment:
        options += ["-e", name]
    return [launcher, *options, "-t", "600", "--", "/bin/sh", script]


def run_case(name, benches, args):
    """False: it failed. What cannot run here is said, and missing in the table."""
    environment = {"IOPFD_BUILD": BUILD, "ROUNDS": str(args.rounds), "ONLY": " ".join(benches),
                   "BENCH_SPIN": "yes" if can_spin() else ""}
    script = os.path.join(HERE, "cases", name + ".sh")
    command = command_of(script, environment)
    if not command:
        say(f"skipped: {' '.join(benches)}: no machine in {RIG} (IOPFD_RIG names its folder)")
        return True
    started = time.monotonic()
    raw = os.path.join(args.out, "raw", name)
    with open(raw, "w", encoding="utf-8") as f:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=f, check=False, cwd=TOP,
                              env={**os.environ, **environment})
    if done.returncode:
        say(f"{name} failed with {done.returncode}; what it measured before is in {raw}")
        return False
    say(f"{name}: {' '.join(benches)} in {time.monotonic() - started:.0f} s")
    return True


def read_results(folder, benches):
    """{(benchmark, who, metric): [value of each round]}"""
    results = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            for line in f:
                found = LINE.match(line)
                if not found:
                    sys.exit(f"{folder}/{name}: not a result: {line.rstrip()}")
                bench, who, metric, value = found.groups()
                if bench in benches or bench == "wake":
                    results.setdefault((bench, who, metric), []).append(float(value))
    return results


def main():
    args = arguments()
    wanted = args.only.split() or list(goals.CASES_OF)
    unknown = [b for b in wanted if b not in goals.CASES_OF]
    if unknown or args.rounds < 1:
        sys.exit(f"there is no {' '.join(unknown)}" if unknown else "at least one round")
    os.makedirs(os.path.join(args.out, "raw"), exist_ok=True)
    failed = False
    if not args.report:
        for name in dict.fromkeys(case for b in wanted for case in goals.CASES_OF[b]):
            if not args.cases or name in args.cases.split():
                failed |= not run_case(name, [b for b in wanted if name in goals.CASES_OF[b]], args)
    results = read_results(os.path.join(args.out, "raw"), wanted)
    goals.derive(results)
    rows = report.rows(results, wanted, can_spin())
    if not rows:
        sys.exit("nothing was measured")
    plot.write_all(args.out, rows)
    if args.json:
        report.print_json(rows)
    else:
        if not can_spin():
            print("This daemon has no keys spin and cpus: in B1 it sleeps, beside others that spin.\n")
        report.print_table(results, rows)
        print(f"\nPlots, and what was measured in each round: {args.out}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
