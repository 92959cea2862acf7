#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A conversion that several processes share, one after the other, at once, and killed; and one that is held to a plan.

usage: parts_test.py RULEC MAKE_CHECKPOINT RULES
"""

import itertools
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from claims import claim, judged

RULEC, MAKE_CHECKPOINT, RULES = (pathlib.Path(arg).resolve() for arg in sys.argv[1:4])
FORMS = {"orbax": [], "files": ["--no-ocdbt", "--zarr", "2"], "safetensors": ["--store", "safetensors"]}


def start(work, *options, target="out"):
    return subprocess.Popen([RULEC, "convert", "hf", target, "--progress", "none", *options], cwd=work,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def convert(work, *options, target="out"):
    run = start(work, *options, target=target)
    return run.communicate(timeout=120)[0], run.returncode


def same(work, form):
    check = subprocess.run([RULEC, "diff", "whole", "out", "--format", "json"], cwd=work, capture_output=True, text=True)
    claim(f"{form}: the whole conversion's tensors", check.returncode == 0, check.stdout[-2000:] + check.stderr)
    left = [path.name for path in (work / "out").iterdir() if "journal" in path.name]
    claim(f"{form}: nothing of the work is left", not left and not (work / "out.partial").exists(), str(left))
    files = {str(path.relative_to(work / "out")) for path in (work / "out").rglob("*") if path.is_file()}
    wanted = {str(path.relative_to(work / "whole")) for path in (work / "whole").rglob("*") if path.is_file()}
    data = re.compile(r"ocdbt\.process|/d/|^0/items/d/")  # their names are random
    claim(f"{form}: and its files", {f for f in files if not data.search(f)} == {f for f in wanted if not data.search(f)},
          f"{sorted(files ^ wanted)[:10]}")
    shutil.rmtree(work / "out")


def one_form(work, form, options):
    text, code = convert(work, *options, target="whole")
    claim(f"{form}: whole", code == 0, text)
    written = 0
    for number in (2, 3, 1):
        text, code = convert(work, *options, "--part", f"{number}/3", "--format", "json")
        claim(f"{form}: part {number} of 3, in any order", code == 0, text)
        result = json.loads(text[text.index("{\n"):])
        written += result["bytes_written"]
        claim(f"{form}: what is left to do: {result['open_parts']}", result["open_parts"] == {2: [1, 3], 3: [1], 1: []}[number])
        claim(f"{form}: there is a target with the last only", (work / "out").exists() == (number == 1))
    total = sum(t["bytes"] for t in result["tensors"])
    claim(f"{form}: nothing is written twice", written == total, f"{written} of {total}")
    same(work, form)

    runs = [start(work, *options, "--part", f"{number}/4") for number in (1, 2, 3, 4)]
    texts = [run.communicate(timeout=120)[0] for run in runs]
    claim(f"{form}: four at once", all(run.returncode == 0 for run in runs), "\n".join(texts))
    claim(f"{form}: one of them is the last", sum("all is complete" in text for text in texts) == 1, "\n".join(texts))
    same(work, form)


def every_order(work):
    """Of tensors so small that they lie in the nodes of the database, in no file that a part could leave behind."""
    subprocess.run([MAKE_CHECKPOINT, RULES / "llama/presets/llama3.1-8b/config.json", work / "small/hf", "--pack", "llama",
                    "--layers", "3", "--scale", "16"], check=True)
    small = work / "small"
    convert(small, target="whole")
    for order in itertools.permutations((1, 2, 3)):
        for number in order:
            text, code = convert(small, "--part", f"{number}/3")
            claim(f"small: part {number} of {order}", code == 0, text)
        same(small, f"small: {order}")


def noted(work, part):
    journal = work / f"out.partial/.rulec-journal.{part}"
    return len(journal.read_text().splitlines()) - 2 if journal.exists() else 0


def has_ended(work, part):
    return (work / f"out.partial/.rulec-journal.{part}").read_text().splitlines()[-1].startswith("end ")


def killed(work):
    """One part is killed, is told so, and goes on; the other does not mind."""
    for _ in range(50):
        shutil.rmtree(work / "out.partial", ignore_errors=True)
        shutil.rmtree(work / "out", ignore_errors=True)
        run = start(work, "--part", "1/2")
        until = time.monotonic() + 20
        while noted(work, "1-of-2") <= 0 and run.poll() is None and time.monotonic() < until:
            time.sleep(0.002)
        run.send_signal(signal.SIGKILL)
        run.communicate()
        if run.returncode != 0 and not has_ended(work, "1-of-2"):  # neither too early nor too late
            break
    claim("a part is killed after a note", noted(work, "1-of-2") > 0)
    text, code = convert(work)
    claim("a whole conversion keeps off", code == 2 and "[R0810 " in text, text)
    text, code = convert(work, "--part", "1/2")
    claim("the part says that it was begun", code == 2 and "[R0810 " in text and "--resume" in text, text)
    text, code = convert(work, "--part", "2/2")
    claim("the other is done", code == 0 and "open: 1" in text, text)
    text, code = convert(work, "--part", "1/2", "--resume", "--dtype", "f32")
    claim("another conversion is no part of it", code == 2 and "[R0845 " in text and "goes on with it" not in text, text)
    text, code = convert(work, "--part", "1/2", "--resume")
    claim("the part goes on, and completes all", code == 0 and "all is complete" in text, text)
    same(work, "killed")


def refusals(work):
    text, code = convert(work, "--part", "1/2", "--compression", "zstd")
    claim("compressed: R0848", code == 2 and "[R0848 " in text and not (work / "out").exists(), text)
    claim("and nothing is left beside it", not (work / "out.partial").exists())
    convert(work, "--part", "1/2")
    text, code = convert(work, "--resume")
    claim("all of what was begun in parts: R0810 names --part", code == 2 and "[R0810 " in text and "with the --part of each" in text, text)
    text, code = convert(work, "--part", "2/3")
    claim("another number of parts: R0845", code == 2 and "[R0845 " in text and "another number of parts than 3" in text, text)
    claim("and what was done is there", (work / "out.partial/.rulec-journal.1-of-2").exists())
    shutil.rmtree(work / "out.partial")
    for wrong in ("0/2", "3/2", "1", "a/b", "1/2/3", "-1/2"):
        text, code = convert(work, f"--part={wrong}")
        claim(f"--part {wrong}", code == 2 and "expected K/N with K from 1 to N" in text, text)


def plans(work):
    made = subprocess.run([RULEC, "plan", "hf", "out", "--memory", "128MiB", "--format", "json"], cwd=work, text=True,
                          capture_output=True, check=True).stdout
    (work / "plan.json").write_text(made)
    text, code = convert(work, "--plan", "plan.json", "--dtype", "f32")
    claim("another conversion than planned: R0849", code == 2 and "[R0849 " in text and not (work / "out").exists(), text)
    text, code = convert(work, "--plan", "plan.json", "--dtype", "f32", "--dry-run")
    claim("which --dry-run says, too", code == 2 and "[R0849 " in text, text)
    text, code = convert(work, "--plan", "plan.json", "--memory", "128MiB", "--part", "1/2", "--dry-run")
    claim("and of a part, that its figures are of all", code == 0 and "of all parts" in text, text)
    text, code = convert(work, "--plan", "plan.json", "--memory", "64MiB")
    claim("other memory than planned: R0849", code == 2 and "[R0849 " in text and "134217728" in text and
          not (work / "out").exists(), text)
    text, code = convert(work, "--plan", "plan.json", "--memory", "128MiB", "--part", "1/2")
    claim("a part of what was planned", code == 0, text)
    text, code = convert(work, "--plan", "plan.json", "--part", "2/2")
    claim("and the other", code == 0, text)
    same(work, "planned")
    for content, id in (("", "R0901"), ("[]", "R0901"), ('{"fingerprint": ""}', "R0901"), (None, "R0801")):
        path = work / "plan.json"
        path.unlink() if content is None else path.write_text(content)
        text, code = convert(work, "--plan", "plan.json")
        claim(f"a plan of {content!r}: {id}", code == 2 and f"[{id} " in text and not (work / "out").exists(), text)


def main():
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder).resolve()
        subprocess.run([MAKE_CHECKPOINT, RULES / "gemma2/presets/gemma2-2b/config.json", work / "hf", "--layers", "4",
                        "--scale", "2"], check=True)
        for form, options in FORMS.items():
            shutil.rmtree(work / "whole", ignore_errors=True)
            one_form(work, form, options)
        every_order(work)
        shutil.rmtree(work / "whole", ignore_errors=True)
        convert(work, target="whole")
        refusals(work)
        plans(work)
        killed(work)
    return judged()


sys.exit(main())
