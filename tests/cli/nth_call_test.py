#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whichever call to the system fails, a conversion says so and leaves nothing half-made, or what it can go on with.

usage: nth_call_test.py RULEC MAKE_CHECKPOINT RULES FAIL_CALL [all]

Of each kind of call the first fails, then the second, and so on until a run has no such call; without `all`, some.
Where each array is a folder, and each chunk a file, only some.
"""

import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import claims
from claims import judged
from content import content, noted_units

RULEC, MAKE_CHECKPOINT, RULES, FAIL_CALL = (pathlib.Path(arg).resolve() for arg in sys.argv[1:5])
ALL = sys.argv[5:] == ["all"]
KINDS = ("open", "mkdir", "fallocate", "pread", "pwrite", "write", "fsync", "fdatasync", "ftruncate", "rename")
FORMS = {
    "orbax": [],
    "zstd files": ["--compression", "zstd", "--no-ocdbt", "--zarr", "2"],
    "zstd": ["--compression", "zstd"],
    "safetensors": ["--store", "safetensors", "--max-shard-size", "8MB"],
}
# Longer than a run goes on without notes; writes that take so long make a run that has some.
PAUSE = 100_000
absorbed = refused = resumed = 0
claim = functools.partial(claims.claim, is_quiet=True)  # of very many


def convert(work, options, **variables):
    return subprocess.run([RULEC, "convert", "hf", "out", "--progress", "none", *options], cwd=work, text=True,
                          capture_output=True, timeout=120, env=os.environ | variables)


def one(work, form, call, pause, wanted):
    """Whether there was such a call."""
    global absorbed, refused, resumed
    what = f"{form}, {call}" + (", slowly" if pause else "")
    mark, partial = work / "mark", work / "out.partial"
    run = convert(work, FORMS[form], LD_PRELOAD=str(FAIL_CALL), FAIL_UNDER=str(work), FAIL_CALL=call,
                  FAIL_MARK=str(mark), FAIL_PAUSE=str(pause))
    text = run.stdout + run.stderr
    has_failed = mark.exists()
    mark.unlink(missing_ok=True)
    if run.returncode == 0:
        absorbed += has_failed
    else:
        refused += 1
        claim(f"{what}: told of", has_failed and run.returncode == 2 and re.search(r"error\[R\d{4} ", text) and
              "R0999" not in text and "terminate" not in text, f"code {run.returncode}\n{text}")
        claim(f"{what}: no target", not (work / "out").exists(), text)
        if partial.exists():
            resumed += 1
            claim(f"{what}: what stays can be gone on with", noted_units(partial) > 0, text)
            claim(f"{what}: and that is said", "--resume" in text, text)
        again = convert(work, [*FORMS[form], *(["--resume"] if partial.exists() else [])])
        claim(f"{what}: then it gets through", again.returncode == 0 and "R0847" not in again.stdout + again.stderr,
              again.stdout + again.stderr)
    made = content(work / "out") if (work / "out").exists() else {}
    if form == "zstd":  # chunks lie in the order in which they were done
        check = subprocess.run([RULEC, "diff", "hf", "out"], cwd=work, capture_output=True, text=True)
        claim(f"{what}: the same checkpoint", check.returncode == 0, check.stdout + check.stderr)
    else:
        claim(f"{what}: the same bytes", made == wanted[form])
    beside = [str(path) for path in work.glob("out?*")]
    claim(f"{what}: nothing beside it", not beside, str(beside))
    for path in work.glob("out*"):
        shutil.rmtree(path)
    return has_failed


def numbers(form):
    n = 1
    while True:
        yield n
        n += 4 * n if not ALL else 1 + n // 8 if "files" in form else 1  # one file or folder is much like another


def main():
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder).resolve()
        subprocess.run([MAKE_CHECKPOINT, RULES / "gemma2/presets/gemma2-2b/config.json", work / "hf", "--layers", "4",
                        "--scale", "8"], check=True)
        wanted = {}
        for form, options in FORMS.items():
            run = convert(work, options)
            claim(f"{form}: a whole run", run.returncode == 0, run.stdout + run.stderr)
            wanted[form] = content(work / "out")
            shutil.rmtree(work / "out")
        for turn, kind in enumerate(KINDS):
            for form in FORMS if ALL else [list(FORMS)[turn % len(FORMS)]]:
                counts = [0, 0]
                for mode, more in enumerate(("", "+")):
                    for n in numbers(form):
                        if not one(work, form, f"{kind}:{n}{more}", 0, wanted):
                            break
                        counts[mode] += 1
                print(f"{kind} of {form}: {counts[0]} and {counts[1]} tried")
                # What is raw is never cut.
                claim(f"{kind} of {form}: some failed", min(counts) > 0 or (kind == "ftruncate" and "zstd" not in form))
        for kind in ("pread", "pwrite", "write", "fdatasync"):
            for form in FORMS if ALL else ["orbax"]:
                for n in range(1, 60, 6) if ALL else [3, 40]:
                    if not one(work, form, f"{kind}:{n}+", PAUSE, wanted):
                        break
    claim("some were gone on with", resumed > 0)
    return judged(f"; {absorbed} faults absorbed, {refused} told of, {resumed} of them gone on with")


if b"__asan_init" in RULEC.read_bytes():
    print("skipped: sanitizers want to be loaded first")
    sys.exit(77)
sys.exit(main())
