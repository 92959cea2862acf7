#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Faults, end to end: whatever the system does, a conversion that cannot be made is told of, and nothing is half-made.

usage: faults_test.py RULEC MAKE_CHECKPOINT RULES
"""

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

from content import noted_units
from refusals import claim, convert, crashed, half_made, HEAD, INDEX, index_of, refused, RULEC
from refusals import run_parts, safetensors, spoken_by

NOBODY = 65534


def permissions(work):
    if os.geteuid() != 0:
        print("skipped: only root can become somebody else; as oneself, files are simply closed")
    how = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    shutil.copytree(work / "hf", work / "ckpt")
    (work / "open").mkdir()
    (work / "open").chmod(0o777)
    target = work / "open/out"

    def case(what, id, path, source="ckpt", target=target):
        run = convert(work, source, target=target, **how)
        refused(work, what, run, 2, id, path)
        claim(f"{what}: no target", not target.exists())

    (work / "ckpt/model.safetensors").chmod(0)
    case("47 a file that may not be read", "R0801", "ckpt/model.safetensors")
    (work / "ckpt/model.safetensors").chmod(0o644)
    (work / "ckpt/config.json").chmod(0)
    case("a config that may not be read", "R0801", "ckpt/config.json")
    (work / "ckpt/config.json").chmod(0o644)
    (work / "ckpt/tokenizer.json").write_text("{}")
    (work / "ckpt/tokenizer.json").chmod(0)
    case("a tokenizer that may not be read", "R0801", "ckpt/tokenizer.json")
    (work / "ckpt").chmod(0)
    case("47 a folder that may not be read", "R0801", "ckpt")
    (work / "ckpt").chmod(0o755)
    (work / "closed").mkdir(mode=0o555)
    case("107 a target's folder that is read-only", "R0809", "closed/out", source="hf", target=work / "closed/out")
    if os.geteuid() == 0:
        (work / "sticky").mkdir()
        (work / "sticky").chmod(0o1777)
        (work / "sticky/out").mkdir()
        run = convert(work, "hf", target=work / "sticky/out", **how)
        text = spoken_by(run)
        claim("107 a target of somebody else's in a sticky folder", run.returncode == 2 and "[R0809 " in text, text)
        claim("107 and it is as it was", not any((work / "sticky/out").iterdir()) and not half_made(work))
    for name in ("ckpt", "open", "closed", "sticky"):
        shutil.rmtree(work / name, ignore_errors=True)


@contextlib.contextmanager
def small_disk(path, size):
    path.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], capture_output=True)
    try:
        yield made.returncode == 0
    finally:
        if made.returncode == 0:
            subprocess.run(["umount", "-l", path], check=True)
        path.rmdir()


def full_disk(work):
    with small_disk(work / "disk", "256k") as is_mounted:
        if not is_mounted:
            print("skipped: no small disk can be mounted here")
            return
        run = convert(work, "hf", target="disk/out")
        refused(work, "94 a disk that is too small", run, 2, "R0809", "disk/out")
        claim("94 and it is empty again", not any((work / "disk").iterdir()))
        claim("94 and says how much is missing", "bytes, " in spoken_by(run), spoken_by(run))
        run = convert(work, "hf", target="disk")
        claim("a disk of its own as the target", run.returncode == 2 and "[R0810 " in spoken_by(run), spoken_by(run))
    # A disk with room for the tokenizer, and none for the weights.
    shutil.copytree(work / "hf", work / "ckpt")
    (work / "ckpt/tokenizer.json").write_bytes(b" " * 3_000_000)
    with small_disk(work / "disk", "4m"):
        run = convert(work, "ckpt", target="disk/out")
        refused(work, "94 a disk that fills up", run, 2, "R0809", "items/d/")
        claim("94 and it is empty again", not any((work / "disk").iterdir()))
        run = convert(work, "hf", target="disk/out")
        claim("105 another disk is fine", run.returncode == 0 and (work / "disk/out/rulec.json").exists(), spoken_by(run))
    shutil.rmtree(work / "ckpt")


def limits(work):
    def at_most(kind, value):
        return lambda: resource.setrlimit(kind, (value, value))

    run = convert(work, "hf", preexec_fn=at_most(resource.RLIMIT_FSIZE, 100_000))
    refused(work, "94 a limit on files", run, 2, "R0809", "items/d/")
    run = convert(work, "hf", "--store", "safetensors", preexec_fn=at_most(resource.RLIMIT_FSIZE, 100_000))
    refused(work, "94 a limit on files of safetensors", run, 2, "R0809", "model.safetensors")
    (work / "ckpt").mkdir()
    names = [f"{i:02}" for i in range(60)]
    (work / "ckpt" / INDEX).write_text(index_of({name: f"{name}.safetensors" for name in names}))
    for name in names:
        header = {name: {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}}
        (work / f"ckpt/{name}.safetensors").write_bytes(safetensors(json.dumps(header), b"x" * 8))
    run = convert(work, "ckpt", preexec_fn=at_most(resource.RLIMIT_NOFILE, 24))
    refused(work, "97 a limit on open files", run, 2, "R0801", "ckpt")
    shutil.rmtree(work / "ckpt")
    if b"__asan_init" in RULEC.read_bytes():
        print("skipped: sanitizers need all of the address space")
        return
    # A tensor of 2 GB to be turned; the file has holes in it.
    (work / "ckpt").mkdir()
    rows, columns = 50_000, 20_000
    entry = {"dtype": "BF16", "shape": [rows, columns], "data_offsets": [0, 2 * rows * columns]}
    with open(work / "ckpt/model.safetensors", "wb") as file:
        file.write(safetensors(json.dumps({"w": entry})))
        file.truncate(file.tell() + 2 * rows * columns)
    (work / "p.rules").write_text(HEAD + f"let R = {rows}, C = {columns}\nx : [C R] -> w : [R C]\n")
    options = ("--pack", "p.rules", "--to", "maxtext", "--one-chunk")
    # Wherever it runs out: in a buffer, a thread's stack, or the smallest of strings.
    for megabytes in (60, 80, 100, 140, 200, 300, 500, 1000):
        run = convert(work, "ckpt", *options, "--memory", "4GiB", preexec_fn=at_most(resource.RLIMIT_AS, megabytes * 10**6))
        refused(work, f"98 memory that runs out at {megabytes} MB", run, 2, "R0906", "not enough memory")
    run = convert(work, "ckpt", *options, "--memory", "256MiB", preexec_fn=at_most(resource.RLIMIT_AS, 1_000_000_000))
    claim("98 memory that is allowed for is not exceeded", run.returncode == 0)
    shutil.rmtree(work / "out", ignore_errors=True)
    shutil.rmtree(work / "ckpt")


def streams(work):
    """112: streams that are closed, full, or gone before the end."""
    if os.path.exists("/dev/full"):
        for command in (["packs"], ["inspect", "hf"], ["check", "gemma2"], ["convert", "hf", "full", "--format", "json"]):
            with open("/dev/full", "wb") as full:
                run = subprocess.run([work / "rulec", *command], cwd=work, stdout=full, stderr=subprocess.PIPE, timeout=120)
            text = spoken_by(run)
            claim(f"{command[0]} with a full stdout", run.returncode == 2 and "[R0809 " in text and not crashed(text), text)
        shutil.rmtree(work / "full", ignore_errors=True)
    closed = lambda *fds: lambda: [os.close(fd) for fd in fds]
    # In safetensors, since an Orbax checkpoint has random names and times in it.
    run = convert(work, "hf", "--store", "safetensors", target="plain")
    claim("a conversion", run.returncode == 0, spoken_by(run))
    (work / "trace").symlink_to("/dev/full")  # a device is written to, and neither it nor its name replaced
    run = convert(work, "hf", "--trace", "trace")
    claim("a trace that cannot be written is an error", run.returncode == 2 and "[R0809 " in spoken_by(run), spoken_by(run))
    claim("and its place is what it was", (work / "trace").is_symlink())
    (work / "trace").unlink()
    shutil.rmtree(work / "out.partial", ignore_errors=True)
    run = convert(work, "hf", preexec_fn=closed(1))
    claim("a closed stdout is an error", run.returncode == 2 and "[R0809 " in spoken_by(run), spoken_by(run))
    shutil.rmtree(work / "out", ignore_errors=True)
    for fds in ((2,), (0, 1, 2)):
        convert(work, "hf", "--store", "safetensors", "-v", "--progress", "plain", preexec_fn=closed(*fds))
        same = all((work / "out" / path.relative_to(work / "plain")).read_bytes() == path.read_bytes()
                   for path in (work / "plain").rglob("*") if path.is_file())
        claim(f"nothing is printed into a checkpoint without the streams {fds}", same)
        shutil.rmtree(work / "out", ignore_errors=True)
    reader, writer = os.pipe()
    os.close(reader)
    run = convert(work, "hf", "-v", stdout=subprocess.PIPE, stderr=writer, capture_output=False,
                  preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL))
    os.close(writer)
    claim("a pipe that is gone leaves a whole target or none",
          not half_made(work) and (run.returncode != 0 or (work / "out/rulec.json").exists()))
    shutil.rmtree(work / "out", ignore_errors=True)
    shutil.rmtree(work / "plain")


def at_once(work):
    """100 and 103: two runs with one target, and signals at any moment."""
    runs = [subprocess.Popen([work / "rulec", "convert", "hf", "out"], cwd=work, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE) for _ in range(4)]
    texts = [run.communicate(timeout=300)[1].decode() for run in runs]
    codes = sorted(run.returncode for run in runs)
    claim(f"103 of four runs, one makes the target: {codes}", codes == [0, 2, 2, 2], "\n".join(texts))
    claim("103 the others say so", sum("[R0810 " in text for text in texts) == 3, "\n".join(texts))
    claim("103 and leave nothing", not half_made(work))
    shutil.rmtree(work / "out", ignore_errors=True)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        for delay in (0.01, 0.02, 0.03, 0.05, 0.08):
            with subprocess.Popen([work / "rulec", "convert", "large", "out"], cwd=work, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as run:
                time.sleep(delay)
                run.send_signal(number)
                code = run.wait(timeout=60)
            # Before the conversion begins, signals do what they always do.
            is_told = code in (128 + number, -number)
            whole = (work / "out/rulec.json").exists()
            is_kept = code != 0 and noted_units(work / "out.partial") > 0  # for --resume
            if not ((is_kept or not half_made(work)) and (whole if code == 0 else is_told)):
                claim(f"100 {number.name} after {delay} s: code {code}, target {whole}, {half_made(work)}", False)
            for left in ("out", "out.partial"):
                shutil.rmtree(work / left, ignore_errors=True)
    claim("100 signals leave nothing half-made but what --resume goes on with", not half_made(work))


def names(work):
    """108: names that are long, or no UTF-8."""
    folder = work / os.fsdecode(b"\xff\x1b[31m")
    shutil.copytree(work / "hf", folder)
    run = convert(work, folder)
    claim("108 a name that is no UTF-8 is fine", run.returncode == 0, spoken_by(run))
    shutil.rmtree(work / "out", ignore_errors=True)
    (folder / "model.safetensors").write_bytes(b"")
    run = convert(work, folder)
    refused(work, "108 and it is shown escaped", run, 2, "R0802", "\\xff\\x1b[31m/model.safetensors")
    claim("108 and not as it is", b"\x1b[31m" not in run.stderr)
    shutil.rmtree(folder)
    refused(work, "108 a source over 4096 bytes", convert(work, "y/" * 2500), 2, "R0801", "y/y/y")
    run = convert(work, "hf", target="x" * 256)
    claim("108 a target over 255 bytes", run.returncode == 2 and "[R0809 " in spoken_by(run), spoken_by(run))


sys.exit(run_parts((permissions, full_disk, limits, streams, at_once, names)))
