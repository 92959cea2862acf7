#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What only gets another name shares its blocks with the source where the file system can; the bytes are the same everywhere.

usage: reflink_test.py RULEC MAKE_CHECKPOINT RULES FAKE

FAKE is preloaded, so that any file system can. With RULEC_REFLINK_DIR, a folder on one that really can, it is not.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from claims import claim, judged
from content import content

RULEC, MAKE_CHECKPOINT, RULES, FAKE = (pathlib.Path(arg).resolve() for arg in sys.argv[1:5])
REAL = os.environ.get("RULEC_REFLINK_DIR")
PACK = RULES.parent / "tools/bench/packs/renamed.rules"
FILES = ["--max-shard-size", "20MB"]


class Run:
    def __init__(self, work, *options, fake=True, kill=None):
        log = work / "log"
        log.unlink(missing_ok=True)
        environment = {**os.environ, "REFLINK_LOG": str(log)}
        if fake and not REAL:
            environment["LD_PRELOAD"] = str(FAKE)
        if kill:
            environment["REFLINK_KILL"] = str(kill)
        run = subprocess.run([RULEC, "convert", "hf", "out", "--pack", PACK, "--progress", "none", "--format", "json", *options],
                             cwd=work, env=environment, capture_output=True, text=True, check=False)
        self.code, self.words = run.returncode, run.stderr
        self.result = json.loads(run.stdout) if self.code == 0 else {}
        self.calls = log.stat().st_size if log.exists() else 0

    def shared(self):
        return self.result.get("bytes_reflinked", 0) / max(1, self.result.get("bytes_written", 0))


def finished(work, what, run, wanted):
    claim(f"{what}: is done", run.code == 0, run.words)
    claim(f"{what}: the same bytes", content(work / "out") == wanted)
    shutil.rmtree(work / "out", ignore_errors=True)


def same_bytes(work):
    """With and without; returns what all runs have to make."""
    plain = Run(work, *FILES, "--threads", "1", fake=False)
    claim("without: all is copied", plain.code == 0 and (REAL or plain.shared() == 0), plain.words)
    wanted = content(work / "out")
    check = subprocess.run([RULEC, "diff", "hf", "out", "--pack", PACK], cwd=work, capture_output=True, text=True, check=False)
    claim("without: the same tensors", check.returncode == 0, check.stdout)
    claim("several files", len(wanted) > 2)
    shutil.rmtree(work / "out")
    run = Run(work, *FILES, "--trace", "trace.json")
    claim(f"with: nearly all is shared, {run.shared():.4f}", run.shared() > 0.99, run.words)
    claim("with: what is shared is not read", run.result["bytes_read"] < 0.01 * run.result["bytes_written"])
    events = [e for e in json.loads((work / "trace.json").read_text()) if e["name"] == "reflink"]
    claim("with: the trace has it", sum(e["args"]["bytes"] for e in events) == run.result["bytes_reflinked"])
    finished(work, "with", run, wanted)
    return wanted


def others(work):
    """Nothing is shared that is changed, nor by parts, which would not know of each other's."""
    run = Run(work, "--dtype", "f32")
    claim("another type: nothing is shared", run.code == 0 and run.shared() == 0 and run.calls == 0, run.words)
    shutil.rmtree(work / "out")
    for part in ("1/2", "2/2"):
        run = Run(work, *FILES, "--part", part)
        claim(f"part {part}: nothing is shared", run.code == 0 and run.shared() == 0 and run.calls == 0, run.words)


def killed(work, wanted):
    """In the middle of a call, and gone on with where it works, and where it does not."""
    for kill in (1, 3, 8):
        for fake in (True, False):
            run = Run(work, *FILES, kill=kill)
            claim(f"killed in call {kill}", run.code == -9, run.words)
            run = Run(work, *FILES, "--resume", fake=fake)
            claim(f"killed in call {kill}: goes on {'with' if fake else 'without'}", (run.shared() > 0.99) == fake)
            finished(work, f"killed in call {kill}", run, wanted)


def main():
    with tempfile.TemporaryDirectory(dir=REAL) as folder:
        work = pathlib.Path(folder).resolve()
        subprocess.run([MAKE_CHECKPOINT, RULES / "gemma2/presets/gemma2-2b/config.json", work / "hf", "--layers", "4",
                        "--scale", "4"], check=True)
        wanted = same_bytes(work)
        others(work)
        finished(work, "parts", Run(work, *FILES, "--overwrite"), wanted)
        if not REAL:
            killed(work, wanted)
    return judged()


if not REAL and b"__asan_init" in RULEC.read_bytes():
    print("skipped: sanitizers want to be loaded first")
    sys.exit(77)
sys.exit(main())
