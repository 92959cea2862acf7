#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A conversion that is killed at any moment goes on with --resume, to the same bytes, and does nothing twice.

usage: resume_test.py RULEC MAKE_CHECKPOINT RULES [KILLS]
"""

import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

RULEC, MAKE_CHECKPOINT, RULES = (pathlib.Path(arg).resolve() for arg in sys.argv[1:4])
KILLS = int(sys.argv[4]) if len(sys.argv) > 4 else 3
FORMS = {
    "orbax": [],
    "files": ["--no-ocdbt", "--zarr", "2"],
    "safetensors": ["--store", "safetensors", "--max-shard-size", "200MB"],
}
failures = []


def claim(what, holds, more=""):
    print(("ok      " if holds else "FAILED  ") + what)
    if not holds:
        failures.append(what)
        print(more)


def content(folder):
    """The bytes of every file. Times, and the database that refers to the data by random names, are not compared."""
    skipped = re.compile(r"_CHECKPOINT_METADATA|manifest\.ocdbt|ocdbt\.process|\.rulec-journal")
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items()
            if not skipped.search(name) and path.stat().st_size > 65536}


def convert(work, target, *options, **how):
    return subprocess.Popen([RULEC, "convert", "hf", target, "--progress", "none", *options], cwd=work,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **how)


def noted(work):
    journal = work / "out.partial/.rulec-journal"
    return len(journal.read_text().splitlines()) - 2 if journal.exists() else 0


def killed(work, options, delay, how):
    run = convert(work, "out", *options)
    time.sleep(delay)
    run.send_signal(how)
    run.communicate(timeout=60)
    return run.returncode


def one(work, form, wanted, took, chance):
    """Kills it once or more, each time somewhere, until a run gets through."""
    options, kills = FORMS[form], 0
    more = []
    while kills < 4:
        how = chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
        code = killed(work, [*options, *more], chance.uniform(0.1, 1.1) * took, how)
        if code == 0:
            break
        kills += 1
        if noted(work) > 0:
            more = ["--resume"]
        else:
            more = []
            shutil.rmtree(work / "out.partial", ignore_errors=True)
    else:
        run = convert(work, "out", *options, *more)
        text = run.communicate(timeout=60)[0]
        claim(f"{form}: goes on after {kills} kills", run.returncode == 0, text)
    claim(f"{form}: the same bytes after {kills} kills", content(work / "out") == wanted)
    claim(f"{form}: nothing is left beside it", not (work / "out.partial").exists())
    check = subprocess.run([RULEC, "diff", "hf", "out", "--format", "json"], cwd=work, capture_output=True, text=True)
    claim(f"{form}: and it is the same checkpoint", check.returncode == 0, check.stdout[-2000:] + check.stderr)
    shutil.rmtree(work / "out", ignore_errors=True)
    return kills


def refusals(work, took):
    """What is not the same conversion, or not begun, is not gone on with; and nothing is lost by asking."""
    def says(number, *options):
        run = convert(work, "out", *options)
        text = run.communicate(timeout=60)[0]
        claim(f"{number}: {' '.join(options) or 'anew'}", run.returncode == 2 and f"[{number} " in text, text)

    says("R0846", "--resume")
    for _ in range(50):
        killed(work, [], took * 0.7, signal.SIGKILL)
        if noted(work) > 0:
            break
        shutil.rmtree(work / "out.partial", ignore_errors=True)
        shutil.rmtree(work / "out", ignore_errors=True)
    before = noted(work)
    claim("something is noted", before > 0)
    says("R0810")
    says("R0845", "--resume", "--dtype", "f32")
    says("R0845", "--resume", "--store", "safetensors")
    claim("and it is all still there", noted(work) == before)
    stat = (work / "hf/model.safetensors").stat()
    os.utime(work / "hf/model.safetensors")
    says("R0845", "--resume")
    os.utime(work / "hf/model.safetensors", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    journal = work / "out.partial/.rulec-journal"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:-1]) + lines[-1][:-4])  # torn in its last line
    strace = shutil.which("strace")
    command = [RULEC, "convert", "hf", "out", "--progress", "none", "--resume"]
    if strace:
        command = [strace, "-f", "-qq", "-e", "trace=pwrite64", "-o", work / "log", *command]
    # A process that is traced cannot look for leaks.
    environment = os.environ | {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
    run = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=120, env=environment)
    claim("a torn journal is gone on with", run.returncode == 0, run.stdout + run.stderr)
    if strace:
        written = sum(int(found) for found in re.findall(r"pwrite64\(.*= (\d+)$", (work / "log").read_text(), re.M))
        size = sum(path.stat().st_size for path in (work / "out").rglob("*") if path.is_file())
        claim(f"what was done is not done again: {written} of {size} bytes", written < size)
    shutil.rmtree(work / "out")


def main():
    chance = random.Random(1)
    with tempfile.TemporaryDirectory(dir=os.environ.get("RULEC_RESUME_DIR")) as folder:
        work = pathlib.Path(folder).resolve()
        subprocess.run([MAKE_CHECKPOINT, RULES / "gemma2/presets/gemma2-2b/config.json", work / "hf", "--layers", "4",
                        "--scale", "2"], check=True)
        wanted, took = {}, {}
        for form, options in FORMS.items():
            start = time.monotonic()
            run = convert(work, "out", *options)
            text = run.communicate(timeout=120)[0]
            claim(f"{form}: a whole run", run.returncode == 0, text)
            took[form] = time.monotonic() - start
            wanted[form] = content(work / "out")
            shutil.rmtree(work / "out")
        refusals(work, took["orbax"])
        kills = 0
        while kills < KILLS:
            for form in FORMS:
                kills += one(work, form, wanted[form], took[form], chance)
    print(f"{len(failures)} failed, {kills} kills")
    return 1 if failures else 0


sys.exit(main())
