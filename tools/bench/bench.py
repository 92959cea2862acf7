#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints how fast rulec is, as ratios of medians of alternating rounds.

usage: bench.py [--rounds N] [--layers N] [--build build]

Against: starting a process (`true`), `cp` and `sync` of the same bytes, and the same conversion in NumPy if it and ml_dtypes are
installed. The checkpoint is of Gemma 2 2B's shapes with fewer layers, about 1 GB as it stands; it is made below the build folder.
"""

import argparse
import importlib.util
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
CONFIG = HERE.parent.parent / "rules/gemma2/presets/gemma2-2b/config.json"


def run(command):
    subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def seconds(command, target=None, repeat=1):
    if target is not None:
        shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["sync"], check=True)
    start = time.perf_counter()
    for _ in range(repeat):
        run(command)
    if target is not None:
        subprocess.run(["sync"], check=True)
    return (time.perf_counter() - start) / repeat


def medians(rounds, jobs):
    """One run of each job in turn, so that a slow minute of the machine meets all of them."""
    times = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            times[name].append(job())
    return {name: statistics.median(values) for name, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--layers", type=int, default=2, help="even; 2 make 1.5 GB, most of it the embedding")
    parser.add_argument("--build", default="build", type=pathlib.Path)
    args = parser.parse_args()
    rulec, work = args.build.resolve() / "rulec", args.build.resolve() / "bench"
    work.mkdir(exist_ok=True)
    source = work / "gemma"
    shutil.rmtree(source, ignore_errors=True)
    run([args.build.resolve() / "make_checkpoint", CONFIG, source, "--layers", args.layers])
    total = sum(p.stat().st_size for p in source.iterdir())

    start = medians(args.rounds, {"check": lambda: seconds([rulec, "check", "gemma2"], repeat=5), "true": lambda: seconds(["true"], repeat=5)})
    print(f"check gemma2 : true            {start['check'] / start['true']:.1f}   ({start['check'] * 1e3:.1f} ms : {start['true'] * 1e3:.1f} ms)")

    copy, converted, by_hand = work / "copy", work / "converted", work / "numpy"
    jobs = {
        "cp": lambda: seconds(["cp", "-r", source, copy], copy),
        "convert": lambda: seconds([rulec, "convert", source, converted, "--progress", "none"], converted),
    }
    if all(importlib.util.find_spec(name) for name in ("numpy", "ml_dtypes")):
        jobs["numpy"] = lambda: seconds([sys.executable, HERE / "numpy_gemma2.py", source, by_hand], by_hand)
    times = medians(args.rounds, jobs)
    print(f"convert : cp and sync          {times['convert'] / times['cp']:.2f}   ({total / 1e9:.2f} GB, {times['convert']:.2f} s : {times['cp']:.2f} s)")
    if "numpy" in times:
        print(f"NumPy : convert                {times['numpy'] / times['convert']:.2f}   ({times['numpy']:.2f} s : {times['convert']:.2f} s)")
    shutil.rmtree(work)


main()
