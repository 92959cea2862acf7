#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows that a conversion keeps to its memory: prints the peak beside what `--memory` allows.

Each run is alone in a control group of the budget and 64 MiB for code and metadata, and would be killed above; without control
groups (they want root, or a folder of ours), what it had at most is held against that. The page cache of the group counts too,
but the system takes that back.

The build needs the targets rulec_cli and make_checkpoint.
"""

import argparse
import contextlib
import os
import pathlib
import re
import sys
import time

import inputs
import measure

BEYOND = 64 << 20
MODELS = {"small": ("gemma2-2b", ("--scale", 4, "--layers", 12)), "2b": ("gemma2-2b", ()), "9b": ("gemma2-9b", ())}
TURNED = "turned"  # one tensor of 1.5 GB, which takes two passes
ZSTD = ("--compression", "zstd")
# What is converted to what, by the names of folders.
WAYS = {
    "to Orbax": ("hf", "orbax", ()),
    "from Orbax": ("orbax", "back", ()),
    "to Orbax, float32": ("hf", "f32", ("--dtype", "f32")),
    "to Orbax, zstd": ("hf", "zstd", ZSTD),
    "from Orbax, zstd": ("zstd", "back", ()),
}
UNITS = {"MiB": 1 << 20, "GiB": 1 << 30}


class Group:
    """A control group of so many bytes; without `files`, none could be made."""

    def __init__(self, limit):
        self.files = None
        for parent, size in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
            group = pathlib.Path(parent) / f"rulec-bench-{os.getpid()}"
            with contextlib.suppress(OSError):
                if not (pathlib.Path(parent) / "cgroup.procs").exists():
                    continue
                group.mkdir()
                if (group / size).exists():
                    (group / size).write_text(str(limit))
                    self.files = group
                    return
                group.rmdir()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for _ in range(50):  # who was in it is still on the way out
            if self.files is None:
                return
            with contextlib.suppress(OSError):
                self.files.rmdir()
                return
            time.sleep(0.1)

    def around(self, command):
        if self.files is None:
            return command
        return ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', self.files, *command]


def size_of(text):
    found = re.fullmatch(r"(\d+)(MiB|GiB)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"expected a size such as 256MiB, found {text}")
    return int(found[1]) * UNITS[found[2]]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="2b", help=f"some of {','.join([*MODELS, TURNED])}; 2b (5.2 GB) unless given; 9b has 18.5 GB; "
                                                       "turned is one tensor of 1.5 GB; the disk needs room for it and for what is made of it")
    parser.add_argument("--budgets", default="64MiB,256MiB,1GiB")
    parser.add_argument("--ways", default=",".join(WAYS).replace(", ", " "), help=f"some of: {'; '.join(WAYS)}; without their commas")
    parser.add_argument("--build", default="build", type=pathlib.Path)
    parser.add_argument("--folder", type=pathlib.Path, help="where everything is made and removed; bench/ in the build unless given")
    parser.add_argument("--warm", action="store_true", help="leaves the machine's page cache as it is")
    args = parser.parse_args()
    args.models = args.models.split(",")
    args.budgets = {text: size_of(text) for text in args.budgets.split(",")}
    named = {way.replace(", ", " "): way for way in WAYS}
    args.ways = [named[way] for way in args.ways.split(",")]
    args.build = args.build.resolve()
    args.folder = (args.folder or args.build / "bench").resolve()
    return args


def one(args, model, way, budget, cache):
    """Prints a row; returns whether the run kept to its memory."""
    source, target, options = WAYS[way]
    allowed = args.budgets[budget] + BEYOND
    measure.remove(args.folder / target)
    if not args.warm:
        cache.settle()
    command = [args.build / "rulec", "convert", args.folder / source, args.folder / target, "--memory", budget, *options, *pack_of(model)]
    with Group(allowed) as group:
        try:
            run = measure.run(group.around(command))
        except measure.Failed as failed:
            print(f"| {model} | {way} | {budget} | **{str(failed).splitlines()[0].rpartition(': ')[2]}** | | |", flush=True)
            print(failed, file=sys.stderr)
            return False
        beyond = run.peak_rss - args.budgets[budget]
        fits = beyond <= BEYOND
        print(f"| {model} | {way} | {budget} | {run.peak_rss / 2**20:.0f} MiB | {'' if fits else '**'}{beyond / 2**20:+.0f} MiB"
              f"{'' if fits else '**'} | {run.seconds:.1f} s | {'a control group' if group.files else 'no limit'} |", flush=True)
        return fits


def pack_of(model):
    return ("--pack", inputs.PACKS / "huge.rules") if model == TURNED else ()


def make(args, model):
    if model == TURNED:
        inputs.Inputs(args.folder, args.build, inputs.SIZES["some"]).get("huge").rename(args.folder / "hf")
        return
    preset, options = MODELS[model]
    config = inputs.PRESET.parents[1] / preset / "config.json"
    measure.call([args.build / "make_checkpoint", config, args.folder / "hf", *options])


def main():
    args = arguments()
    measure.remove(args.folder)
    args.folder.mkdir(parents=True)
    cache = measure.Cache(1)
    print("| model | conversion | `--memory` | peak | beside the budget | time | in |\n|---|---|---|---|---|---|---|", flush=True)
    fits = True
    try:
        for model in args.models:
            make(args, model)
            for i, way in enumerate(args.ways):
                needed = {WAYS[later][0] for later in args.ways[i:]}
                source = WAYS[way][0]
                if not (args.folder / source).exists():
                    measure.call([args.build / "rulec", "convert", args.folder / "hf", args.folder / source, *WAYS_TO[source], *pack_of(model)])
                for path in args.folder.iterdir():
                    if path.name not in needed:
                        measure.remove(path)
                for budget in args.budgets:
                    fits = one(args, model, way, budget, cache) and fits
            for path in args.folder.iterdir():
                measure.remove(path)
    finally:
        measure.remove(args.folder)
    return 0 if fits else 1


WAYS_TO = {target: options for source, target, options in WAYS.values() if source == "hf"}

if __name__ == "__main__":
    try:
        sys.exit(main())
    except measure.Failed as failed:
        sys.exit(f"memory.py: {failed}")
