#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Power is lost at any moment of a conversion, and --resume makes the same bytes of what is left, whatever the journal
says of what is lost.

usage: power_loss_test.py RULEC MAKE_CHECKPOINT RULES [MOMENTS]

One conversion is traced, and from the trace comes what each of MOMENTS would leave: once nothing that was not synced,
once some of it, torn.
"""

import functools
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import claims
from claims import judged
from content import content, noted_units
from traced import CALLS, Trace

RULEC, MAKE_CHECKPOINT, RULES = (pathlib.Path(arg).resolve() for arg in sys.argv[1:4])
MOMENTS = int(sys.argv[4]) if len(sys.argv) > 4 else 8
FORMS = {
    "orbax": [],
    "zstd": ["--compression", "zstd"],
    "files": ["--no-ocdbt", "--zarr", "2"],
    "safetensors": ["--store", "safetensors", "--max-shard-size", "2MB"],
}
# Of each write in microseconds, so that there is time for notes.
PAUSE = 60_000
left = {"nothing": 0, "a part": 0, "noted": 0, "lost": 0, "the target": 0}
claim = functools.partial(claims.claim, is_quiet=True)  # of very many


def convert(work, *options, before=()):
    # A process that is traced cannot look for leaks.
    environment = os.environ | {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
    return subprocess.run([*before, RULEC, "convert", "../hf", "out", "--progress", "none", *options], cwd=work,
                          capture_output=True, text=True, timeout=300, env=environment)


def one(form, trace, made, moment, chance, work):
    what = f"{form}, after {moment} of {trace.length} calls, " + ("torn" if chance else "nothing unsynced")
    work.mkdir()
    trace.leave(moment, chance, made, work)
    if (work / "out").exists():
        left["the target"] += 1
        for path in (made / "out").rglob("*"):
            same = work / path.relative_to(made)
            claim(f"{what}: {path.name}", same.is_dir() if path.is_dir() else
                  same.exists() and same.read_bytes() == path.read_bytes())
    else:
        is_there = (work / "out.partial").exists()
        noted = noted_units(work / "out.partial")
        left["noted" if noted else "a part" if is_there else "nothing"] += 1
        run = convert(work, *FORMS[form], *(["--resume"] if is_there else []))
        text = run.stdout + run.stderr
        left["lost"] += "R0847" in text
        claim(f"{what}: goes on from {noted} units", run.returncode == 0, text)
        if form == "zstd":
            check = subprocess.run([RULEC, "diff", "../hf", "out"], cwd=work, capture_output=True, text=True)
            claim(f"{what}: the same checkpoint", check.returncode == 0, check.stdout + check.stderr)
        else:
            claim(f"{what}: the same bytes", content(work / "out") == content(made / "out"))
        claim(f"{what}: nothing beside it", [path.name for path in work.iterdir()] == ["out"])
    shutil.rmtree(work)


def main():
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder).resolve()
        subprocess.run([MAKE_CHECKPOINT, RULES / "gemma2/presets/gemma2-2b/config.json", root / "hf", "--layers", "6",
                        "--scale", "16"], check=True)
        (root / "hf/tokenizer.json").write_text("{}")
        for form, options in FORMS.items():
            made = root / "made"
            made.mkdir()
            run = convert(made, *options, before=[
                "strace", "-f", "-y", "-s", "16384", "-e", f"trace={CALLS}", "-e", f"inject=pwrite64:delay_exit={PAUSE}",
                "-o", root / "log"])
            claim(f"{form}: a whole run", run.returncode == 0, run.stdout + run.stderr)
            trace = Trace(root / "log", made)
            moments = range(trace.length + 1) if MOMENTS > trace.length else sorted(
                chance.sample(range(trace.length + 1), MOMENTS))
            for moment in moments:
                for by in (None, chance):
                    one(form, trace, made, moment, by, root / "left")
            shutil.rmtree(made)
            print(f"{form}: {trace.length} calls, {len(moments)} moments")
    claim("some were gone on with", left["noted"] > 0)
    return judged(f"; what was left: {left}")


if shutil.which("strace") is None or subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode:
    print("skipped: strace is not installed, or may not trace here")
    sys.exit(77)
sys.exit(main())
