#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A conversion that is killed at any moment goes on with --resume, to the same bytes, and does nothing twice.

usage: resume_test.py RULEC MAKE_CHECKPOINT RULES [KILLS]

With KILLS, each is a SIGKILL; without, there are a few of several signals.
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

from claims import claim, judged
from content import content, noted_bytes, noted_units, size

RULEC, MAKE_CHECKPOINT, RULES = (pathlib.Path(arg).resolve() for arg in sys.argv[1:4])
KILLS = int(sys.argv[4]) if len(sys.argv) > 4 else 5
SIGNALS = [signal.SIGKILL] if len(sys.argv) > 4 else [signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM]
ZSTD = ["--compression", "zstd"]
FORMS = {
    "orbax": [],
    "files": ["--no-ocdbt", "--zarr", "2"],
    "safetensors": ["--store", "safetensors", "--max-shard-size", "200MB"],
    "zstd": ZSTD,
    "zstd files": [*ZSTD, "--no-ocdbt", "--zarr", "2"],
}
# Documents, indices and headers, which are written anew.
SMALL = 1 << 20


def has_ended(pid):
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


class Run:
    """A conversion that may be killed, after some time; afterwards it has its code, its words, and how many bytes it
    wrote. With `stop`, it sleeps for so long before: what it has done till then is noted when it goes on."""

    def __init__(self, work, target, *options, kill=None, stop=None):
        with open(work / "words", "w+") as words:
            process = subprocess.Popen([RULEC, "convert", "hf", target, "--progress", "none", *options], cwd=work,
                                       stdout=words, stderr=subprocess.STDOUT)
            if stop is not None:
                time.sleep(stop[0])
                os.kill(process.pid, signal.SIGSTOP)
                time.sleep(stop[1])
                os.kill(process.pid, signal.SIGCONT)
                while not has_ended(process.pid) and noted_bytes(work / f"{target}.partial") < SMALL:
                    time.sleep(0.002)
            if kill is not None:
                time.sleep(kill[0])
                os.kill(process.pid, kill[1])  # not send_signal, which takes the code of one that has ended
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            try:
                told = pathlib.Path(f"/proc/{process.pid}/io").read_text()
                self.written = int(re.search(r"wchar: (\d+)", told)[1])
            except OSError:  # another kernel, or not our process to look at
                self.written = None
            self.code = process.wait(timeout=120)
            words.seek(0)
            self.text = words.read()


def one(work, form, wanted, took, chance):
    """Kills it once or more, each time somewhere, until a run gets through. Returns how often, and what came of it."""
    options, kills, before, spent = FORMS[form], 0, 0, 0
    total = sum(map(len, wanted.values()))
    while True:
        kill = (chance.uniform(0.05, 1.05) * took, chance.choice(SIGNALS)) if kills < 4 else None
        run = Run(work, "out", *options, *(["--resume"] if (work / "out.partial").exists() else []), kill=kill)
        spent += run.written or 0
        noted = noted_bytes(work / "out.partial")
        claim(f"{form}: {run.written} written, {before} noted before and {noted} now, of {total}",
              run.written is None or run.written + before <= total + SMALL)
        claim(f"{form}: all that was noted holds", "R0847" not in run.text, run.text)
        if run.code == 0 or (work / "out").exists():  # killed when it had its name
            break
        if kill is None or run.code not in (-kill[1], 128 + kill[1]):
            claim(f"{form}: goes on after {kills} kills", False, f"{run.code}\n{run.text}")
            shutil.rmtree(work / "out.partial", ignore_errors=True)
            break
        kills += 1
        before = noted
    same(work, form, wanted, f"after {kills} kills")
    return kills, spent / total


def same(work, form, wanted, when):
    if form == "zstd":  # chunks lie in the order in which they were done
        claim(f"{form}: as many files {when}", content(work / "out").keys() == wanted.keys())
        check = subprocess.run([RULEC, "diff", "hf", "out", "--format", "json"], cwd=work, capture_output=True, text=True)
        claim(f"{form}: the same checkpoint {when}", check.returncode == 0, check.stdout[-2000:] + check.stderr)
    else:
        claim(f"{form}: the same bytes {when}", content(work / "out") == wanted)
    claim(f"{form}: nothing is left beside it", not (work / "out.partial").exists())
    shutil.rmtree(work / "out", ignore_errors=True)


def half_done(work, form, took):
    for part in (0.5, 0.4, 0.6, 0.3, 0.7) * 4:
        Run(work, "out", *FORMS[form], stop=(part * took, 0.55), kill=(0, signal.SIGKILL))
        if noted_bytes(work / "out.partial") >= SMALL:
            break
        for path in work.glob("out*"):
            shutil.rmtree(path)
    claim(f"{form}: something is noted", noted_units(work / "out.partial") > 0)


def refusals(work, took):
    """What is not the same conversion, or not begun, is not gone on with; and nothing is lost by asking."""
    def says(number, *options):
        run = Run(work, "out", *options)
        claim(f"{number}: {' '.join(options) or 'anew'}", run.code == 2 and f"[{number} " in run.text, run.text)

    says("R0846", "--resume")
    half_done(work, "orbax", took)
    before = noted_units(work / "out.partial")
    says("R0810")
    says("R0845", "--resume", "--dtype", "f32")
    says("R0845", "--resume", "--store", "safetensors")
    says("R0845", "--resume", "--compression", "zstd")
    claim("and it is all still there", noted_units(work / "out.partial") == before)
    stat = (work / "hf/model.safetensors").stat()
    os.utime(work / "hf/model.safetensors")
    says("R0845", "--resume")
    os.utime(work / "hf/model.safetensors", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    journal = work / "out.partial/.rulec-journal"
    text = journal.read_text()
    journal.write_text(text.replace("rulec journal 2", "rulec journal 1"))
    says("R0845", "--resume")
    journal.write_text("notes\n" + text)
    says("R0801", "--resume")
    journal.write_text(text[:-4])  # torn in its last line
    run = Run(work, "out", "--resume")
    claim("a torn journal is gone on with", run.code == 0, run.text)
    journal = work / "out/.rulec-journal"  # as power that is lost between the last two steps leaves it
    journal.write_text(text)
    run = Run(work, "out", "--overwrite")
    claim("a target with its journal is replaced like any", run.code == 0 and not journal.exists() and
          not (work / "out.partial").exists(), run.text)
    shutil.rmtree(work / "out", ignore_errors=True)


def lies(work, form, wanted, took):
    """A disk that has not kept what it had confirmed."""
    half_done(work, form, took)
    noted = noted_units(work / "out.partial")
    for path in (work / "out.partial").rglob("*"):
        if path.is_file() and path.stat().st_size > SMALL:
            with open(path, "r+b") as file:
                for at in range(SMALL, path.stat().st_size, 4 * SMALL):
                    file.seek(at)
                    file.write(b"\xa5" * 512)
    run = Run(work, "out", *FORMS[form], "--resume")
    told = re.search(r"R0847 lost-writes\]: (\d+) of (\d+) finished parts", run.text)
    claim(f"{form}: what was lost is told of, and made again",
          run.code == 0 and told and 0 < int(told[1]) <= int(told[2]) == noted, f"{run.code} {noted}\n{run.text}")
    same(work, form, wanted, "after a disk that lies")


def main():
    chance = random.Random(1)
    with tempfile.TemporaryDirectory(dir=os.environ.get("RULEC_RESUME_DIR")) as folder:
        work = pathlib.Path(folder).resolve()
        subprocess.run([MAKE_CHECKPOINT, RULES / "gemma2/presets/gemma2-2b/config.json", work / "hf", "--layers", "8",
                        "--scale", "2"], check=True)
        wanted, took = {}, {}
        for form, options in FORMS.items():
            start = time.monotonic()
            run = Run(work, "out", *options)
            claim(f"{form}: a whole run", run.code == 0, run.text)
            took[form] = time.monotonic() - start
            wanted[form] = content(work / "out")
            print(f"        {size(work / 'out')} bytes in {took[form]:.2f} s")
            shutil.rmtree(work / "out")
        refusals(work, took["orbax"])
        for form in ("safetensors", "zstd"):
            lies(work, form, wanted[form], took[form])
        kills, spent = 0, []
        while kills < KILLS:
            for form in FORMS:
                more, part = one(work, form, wanted[form], took[form], chance)
                kills += more
                spent.append((part, more, form))
    return judged(f", {kills} kills, written {sum(s[0] for s in spent) / len(spent):.2f} times in the mean,"
                  " at most {:.2f} times, with {} kills, as {}".format(*max(spent)))


sys.exit(main())
