#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints how fast rulec is, as ratios of alternating rounds: their medians and ranges.

Against: starting a process (`true`), the disk's limit (ring_copy.cpp copies the same bytes), `cp` and `sync`, the same conversion
in NumPy where it and ml_dtypes are installed (and tensorstore for what reads Orbax), and MaxText's own converter if asked.

Each run starts with an empty page cache if root runs this, makes a new target, and is over when that is on the disk. Whoever makes
something wrong in the first round is out. The build needs the targets rulec_cli, make_checkpoint and ring_copy.
"""

import argparse
import json
import os
import pathlib
import sys

import chart
import inputs
import measure
import report
import workloads


def say(text):
    print(text, file=sys.stderr, flush=True)


def start_ratio(rulec, rounds):
    """`rulec check` of a pack : starting a process, from a warm cache."""
    times = {"check": [rulec, "check", "gemma2"], "true": ["true"]}
    ratios = []
    for _ in range(rounds + 1):
        seconds = {name: min(measure.run(command).seconds for _ in range(5)) for name, command in times.items()}
        ratios.append(seconds["check"] / seconds["true"])
    return report.spread(ratios[1:])


def one_run(contestant, target, cache):
    measure.remove(target)
    cache.settle()
    try:
        measure.call(contestant.warm)
    except measure.Failed:
        pass  # ring_copy says how it is used
    return measure.run(contestant.command)


def take_turn(race, name, contestant, target, cache, is_first):
    """One run of one contestant. Returns whether it stays in the race."""
    try:
        run = one_run(contestant, target, cache)
        race.target_bytes[name] = measure.size(target)
        if is_first:
            measure.call(contestant.check)
    except measure.Failed as wrong:
        say(str(wrong))
        race.notes.append(f"{name} is out, it failed or made something else: {str(wrong).splitlines()[-1]}")
        race.runs.pop(name, None)
        return False
    finally:
        measure.remove(target)
    race.runs.setdefault(name, []).append(run)
    say(f"  {name:8} {run.seconds:8.3f} s")
    return True


def compete(workload, contestants, source, target, rounds, cache):
    """All rounds of a workload; who goes first changes, so that what one leaves behind meets all of them."""
    race = report.Race(workload.name, workload.what, measure.size(source))
    for i in range(rounds):
        say(f"{workload.name}, round {i + 1} of {rounds}")
        names = list(contestants)
        for name in [*names[i % len(names) :], *names[: i % len(names)]]:
            if not take_turn(race, name, contestants[name], target, cache, i == 0):
                del contestants[name]
    return race


def race_all(args, field, cache):
    """Yields a summary for each workload."""
    sources = field.sources
    for name in args.workloads:
        workload = workloads.WORKLOADS[name]
        sources.keep(workload.source)
        sources.check_space()
        target = args.folder / "made"
        measure.remove(target)
        contestants = field.of(workload, target)
        sources.keep(workload.source)
        race = compete(workload, contestants, sources.get(workload.source), target, args.rounds, cache)
        yield report.summary(race)


def arguments():
    known = list(workloads.WORKLOADS)
    listed = "\n".join(f"  {w.name:4} {w.what}" for w in workloads.WORKLOADS.values())
    parser = argparse.ArgumentParser(description=__doc__, epilog=f"workloads:\n{listed}",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workloads", default="W1", help="W1,W8,... or all; W1 unless given")
    parser.add_argument("--size", choices=inputs.SIZES, default="some",
                        help="of Gemma 2: small 0.2 GB, some (the default) 1.5 GB, 2b 5.2 GB; 2b needs 16 GB of disk")
    parser.add_argument("--against", default="limit,cp,NumPy", help="whom rulec is measured against; limit,cp,NumPy unless given")
    parser.add_argument("--build", default="build", type=pathlib.Path)
    parser.add_argument("--folder", type=pathlib.Path, help="where everything is made and removed; bench/ in the build unless given")
    parser.add_argument("--python", help="a Python that has NumPy and its friends; this one unless given")
    parser.add_argument("--maxtext-python", help="a Python that has MaxText; W1 and W2 at 2b only, two minutes and 15 GB each run")
    parser.add_argument("--json", type=pathlib.Path, help="writes every run to this file")
    parser.add_argument("--svg", type=pathlib.Path, help="draws the ratios in this file")
    parser.add_argument("--draw", type=pathlib.Path, metavar="JSON", help="runs nothing: prints and draws what --json wrote")
    args = parser.parse_args()
    unknown = [name for name in args.workloads.split(",") if name not in [*known, "all"]]
    if unknown:
        parser.error(f"no such workload: {', '.join(unknown)}; there are {', '.join(known)}")
    args.workloads = known if args.workloads == "all" else sorted(args.workloads.split(","), key=known.index)
    args.build = args.build.resolve()
    args.folder = (args.folder or args.build / "bench").resolve()
    return args


def print_report(result):
    machine, start, load = result["machine"], result["check_to_true"], result["load"]
    print(f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['file_system']}, "
          f"{machine['kernel']}; size {result['size']}, {result['rounds']} rounds, page cache {result['cache']}, "
          f"load average {load[0]:.2f} before, {load[1]:.2f} after\n")
    if load[0] > machine["cores"] / 2:
        print("**The machine was busy with something else.**\n")
    print(f"`rulec check gemma2` : `true`   **{start['median']:.0f}** ({start['min']:.0f}-{start['max']:.0f})\n")
    done = result["workloads"]
    for part in (report.ratios_table(done), report.costs_table(done), report.remarks(done)):
        if part:
            print(part + "\n")


def race(args):
    """Everything, as JSON; what is done so far is in the file after each workload."""
    measure.remove(args.folder)
    (args.folder / "sources").mkdir(parents=True)
    sources = inputs.Inputs(args.folder / "sources", args.build, inputs.SIZES[args.size])
    cache = measure.Cache(sources.size.wait)
    result = {"machine": report.machine(args.folder), "size": args.size, "rounds": args.rounds, "workloads": []}
    load = os.getloadavg()[0]
    try:
        result["check_to_true"] = start_ratio(args.build / "rulec", args.rounds)
        for summary in race_all(args, workloads.field(args, sources), cache):
            result["workloads"].append(summary)
            result |= {"cache": cache.state, "load": [load, os.getloadavg()[0]]}
            if args.json:
                args.json.write_text(json.dumps(result, indent=1) + "\n")
    finally:
        measure.remove(args.folder)
    return result


def main():
    args = arguments()
    result = json.loads(args.draw.read_text()) if args.draw else race(args)
    print_report(result)
    if args.svg:
        args.svg.write_text(chart.svg(result["workloads"]))
    return 1 if any(s["notes"] for s in result["workloads"]) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except measure.Failed as failed:
        sys.exit(f"bench.py: {failed}")
