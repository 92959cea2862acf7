#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What rulec says where things do not fit together: the right id, the place, the value that was found, what to do. And
that nothing is done in silence that nobody asked for.

usage: advice_test.py RULEC MAKE_CHECKPOINT RULES
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

RULEC, MAKE_CHECKPOINT, RULES = (pathlib.Path(arg).resolve() for arg in sys.argv[1:4])
failures = []


def rulec(*args, cwd):
    return subprocess.run([RULEC, *map(str, args)], capture_output=True, text=True, timeout=300, cwd=cwd)


def expect(code, *args, says=(), never=(), cwd):
    """Runs rulec in `cwd` and holds it to an exit code, to what it must say and to what it must not."""
    result = rulec(*args, cwd=cwd)
    spoken = result.stdout + result.stderr
    wrong = [] if result.returncode == code else [f"exit code {result.returncode}, not {code}"]
    wrong += [f"does not say: {words}" for words in ([says] if isinstance(says, str) else says) if words not in spoken]
    wrong += [f"says: {words}" for words in ([never] if isinstance(never, str) else never) if words in spoken]
    wrong += [f"leaves {p.name}" for p in cwd.iterdir() if ".partial" in p.name or (code != 0 and p.name == "out")]
    print(("FAILED  " if wrong else "ok      ") + f"rulec {' '.join(map(str, args))}")
    for line in wrong + ([spoken[:4000]] if wrong else []):
        print("        " + line.replace("\n", "\n        "))
    failures.extend(wrong)
    shutil.rmtree(cwd / "out", ignore_errors=True)
    return result


def edited(source, target, file, *changes):
    """Copies a folder and replaces (old, new) in one of its files."""
    shutil.copytree(source, target)
    text = (target / file).read_text()
    for old, new in changes:
        assert old in text, (file, old)
        text = text.replace(old, new)
    (target / file).write_text(text)


def scan_axis(work):
    expect(1, "convert", "hf", "out", "--set", "scan_axis=-1", says="R0412", cwd=work)
    expect(1, "convert", "hf", "out", "--set", "scan_axis=7", says=("R0412", "axis 7"), cwd=work)
    expect(0, "convert", "hf", "out", "--set", "scan_axis=3", cwd=work)
    (work / "axis.yml").write_text("param_scan_axis: -1\n")
    expect(1, "convert", "hf", "out", "--config", "maxtext=axis.yml", says=("R0412", "axis.yml:1"), cwd=work)


def tests_of_packs(work):
    (work / "tiny.rules").write_text("pack tiny : maxtext -> hf\ndecoder.layers.<i>.local -> model.layers.<2i>\n")
    expect(0, "test", "tiny.rules", says="skip", never="FAIL", cwd=work)


PARTS = (scan_axis, tests_of_packs)

with tempfile.TemporaryDirectory() as folder:
    root = pathlib.Path(folder)
    subprocess.run([MAKE_CHECKPOINT, RULES / "gemma2/presets/gemma2-2b/config.json", root / "hf", "--layers", "4",
                    "--scale", "16", "--seed", "1"], check=True)
    rulec("convert", "hf", "maxtext", cwd=root)
    for part in PARTS:
        part(root)
print(f"{len(failures)} failed")
sys.exit(1 if failures else 0)
