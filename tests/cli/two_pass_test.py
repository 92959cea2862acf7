#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A tensor that memory does not hold and that is transposed is made in two passes: the same bytes, nothing left, and a
run that is killed in either pass goes on.

usage: two_pass_test.py RULEC MAKE_CHECKPOINT PACK
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from claims import claim, judged
from content import content, noted_units

RULEC, MAKE_CHECKPOINT, PACK = (pathlib.Path(arg).resolve() for arg in sys.argv[1:4])
FORMS = {
    "safetensors": ["--store", "safetensors"],
    "orbax": [],
    "files": ["--no-ocdbt", "--zarr", "2"],
    "zstd": ["--compression", "zstd", "--zarr", "2", "--no-ocdbt"],
}
LITTLE = ["--memory", "64MiB"]


def rulec(work, *args):
    return subprocess.run([RULEC, *args, "--pack", PACK], cwd=work, capture_output=True, text=True, timeout=300)


def convert(work, target, *options):
    run = rulec(work, "convert", "hf", target, "--progress", "none", "--format", "json", *options)
    claim(f"converts to {target}: {' '.join(options)}", run.returncode == 0, run.stdout + run.stderr)
    return json.loads(run.stdout)


def scratch(work):
    return list(work.rglob("scratch*"))


def has_scratch(process):
    """Whether it has the file open, which has no name."""
    try:
        return any("scratch-" in os.readlink(fd) for fd in pathlib.Path(f"/proc/{process.pid}/fd").iterdir())
    except OSError:
        return False


def kill(work, form, when):
    """Kills a conversion when it is like that, anew if it was over before; whether one was killed in time."""
    for _ in range(20):
        process = subprocess.Popen([RULEC, "convert", "hf", "out", "--progress", "none", "--pack", PACK, *LITTLE, *FORMS[form]], cwd=work,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not when(process):
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        if process.wait() == -signal.SIGKILL and not (work / "out").exists():
            return True
        for path in work.glob("out*"):
            shutil.rmtree(path)
    return False


def one(work, form):
    options = FORMS[form]
    plan = json.loads(rulec(work, "plan", "hf", "out", "--format", "json", *LITTLE, *options).stdout)
    claim(f"{form}: the plan says so", [t["strategy"] for t in plan["tensors"]] == ["two-pass"] and plan["scratch_bytes"] > 0)
    wide = convert(work, "wide", *options)
    little = convert(work, "out", *options, *LITTLE)
    claim(f"{form}: two passes, where memory is little", wide["bytes_scratch"] == 0 and little["bytes_scratch"] == plan["scratch_bytes"])
    dry = convert(work, "dry", *options, *LITTLE, "--dry-run")
    claim(f"{form}: --dry-run said so", all(dry[key] == little[key] for key in ("bytes_read", "bytes_written", "bytes_scratch")),
          f"{dry} {little}")
    wanted = content(work / "out")
    claim(f"{form}: the same checkpoint", rulec(work, "diff", "wide", "out").returncode == 0)
    claim(f"{form}: nothing is left", not scratch(work))
    shutil.rmtree(work / "out")
    shutil.rmtree(work / "wide")
    for what, when in (("first", has_scratch), ("second", lambda _: noted_units(work / "out.partial") > 0)):
        was_killed = kill(work, form, when)
        claim(f"{form}: killed in the {what} pass", was_killed)
        resumed = ["--resume"] if noted_units(work / "out.partial") > 0 else []
        convert(work, "out", *options, *LITTLE, *resumed)
        claim(f"{form}: the same bytes after that", content(work / "out") == wanted)
        claim(f"{form}: nothing is left after that", not scratch(work) and not (work / "out.partial").exists())
        shutil.rmtree(work / "out")
    if form == "zstd":
        return
    for part in ("1/2", "2/2"):
        convert(work, "out", *options, *LITTLE, "--part", part)
    claim(f"{form}: the same bytes in parts", content(work / "out") == wanted)
    claim(f"{form}: nothing is left of parts", not scratch(work))
    shutil.rmtree(work / "out")


def main():
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        for form in FORMS:
            # Primes, so that no chunk but the first ones is whole; what is compressed must be cut somewhere.
            sizes = {"hidden_size": 8192, "intermediate_size": 9216} if form == "zstd" else {"hidden_size": 8191, "intermediate_size": 9203}
            (work / "config.json").write_text(json.dumps(sizes))
            subprocess.run([MAKE_CHECKPOINT, "config.json", "hf", "--pack", PACK], cwd=work, check=True)
            one(work, form)
            shutil.rmtree(work / "hf")
    return judged()


sys.exit(main())
