#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a loss of power would leave: in which order `rulec convert` puts a target on the disk, as strace sees it.

usage: durable_test.py RULEC MAKE_CHECKPOINT RULES
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from claims import claim, judged

RULEC, MAKE_CHECKPOINT, RULES = (pathlib.Path(arg).resolve() for arg in sys.argv[1:4])
CALLS = "fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,rmdir"


def traced(work, *args):
    """Runs rulec under strace; returns its calls in order: ("fsync", path), ("rename", from, to), ("remove", path)."""
    log = work / "strace.log"
    # A process that is traced cannot look for leaks.
    environment = os.environ | {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
    run = subprocess.run(["strace", "-f", "-y", "-s", "4096", "-e", f"trace={CALLS}", "-o", log, RULEC, *args], cwd=work,
                         capture_output=True, text=True, timeout=300, env=environment)
    claim(f"rulec {' '.join(map(str, args))}", run.returncode == 0)
    if run.returncode != 0:
        print(run.stdout + run.stderr)
    calls = []
    for line in log.read_text().splitlines():
        found = re.match(r"\d+ +(\w+)\((.*)\) += 0", line)
        if not found:
            continue
        name, rest = found.groups()
        if name not in CALLS.split(","):  # strace shows calls that it does not know, wanted or not
            continue
        at = re.findall(r"<([^>]*)>", rest)
        words = [str(work / word) for word in re.findall(r'"([^"]*)"', rest)]
        if name in ("fsync", "fdatasync"):
            calls.append(("fsync", at[0]))
        elif name.startswith("rename"):
            calls.append(("rename", *words))
        else:
            # Relative to a descriptor, as fs::remove_all goes down.
            calls.append(("remove", str(pathlib.Path(at[0]) / re.findall(r'"([^"]*)"', rest)[0]) if at else words[0]))
    return calls


def synced_by(calls):
    """What is on the disk after these calls, under the names that it has by then."""
    synced = set()
    for kind, path, *to in calls:
        if kind == "fsync":
            synced.add(path)
        elif kind == "rename":
            moved = {p for p in synced if p == path or p.startswith(path + "/")}
            synced = synced - moved | {to[0] + p[len(path):] for p in moved}
            synced.discard(str(pathlib.Path(to[0]).parent))  # its names have changed
    return synced


def check(work, target, calls, old):
    renames = [i for i, call in enumerate(calls) if call[0] == "rename" and call[2] == str(target)]
    claim("one rename makes the target", len(renames) == 1)
    if len(renames) != 1:
        print(*calls, sep="\n")
        return
    rename = renames[0]
    partial = pathlib.Path(calls[rename][1])
    synced = synced_by(calls[:rename])
    for path in sorted(target.rglob("*")):
        inside = partial / path.relative_to(target)
        claim(f"{path.relative_to(target)} is on the disk before it", str(inside) in synced)
    claim("so are the names in the folder", str(partial) in synced)
    after = [i for i, call in enumerate(calls) if i > rename and call == ("fsync", str(work))]
    claim("the new name is on the disk after it", bool(after))
    removed = [i for i, call in enumerate(calls) if call[0] == "remove" and ".partial" in call[1]
               and not call[1].endswith(".rulec-journal")]
    claim("what was replaced is removed" if old else "nothing is removed", bool(removed) == old)
    claim("nothing is removed before that", all(after and i > after[0] for i in removed))


def main():
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder).resolve()
        config = RULES / "gemma2/presets/gemma2-2b/config.json"
        subprocess.run([MAKE_CHECKPOINT, config, work / "hf", "--layers", "2", "--scale", "32", "--seed", "1"], check=True)
        (work / "hf/tokenizer.json").write_text("{}")
        (work / "hf/maxtext.yml").write_text("scan_layers: true\n")
        check(work, work / "mt", traced(work, "convert", "hf", "mt"), old=False)
        check(work, work / "files", traced(work, "convert", "hf", "files", "--no-ocdbt"), old=False)
        check(work, work / "flat", traced(work, "convert", "hf", "flat", "--store", "safetensors"), old=False)
        check(work, work / "back", traced(work, "convert", "mt", "back", "--max-shard-size", "1MB"), old=False)
        check(work, work / "mt", traced(work, "convert", "hf", "mt", "--overwrite"), old=True)
    return judged()


if shutil.which("strace") is None or subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode:
    print("skipped: strace is not installed, or may not trace here")
    sys.exit(77)
sys.exit(main())
