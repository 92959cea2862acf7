# SPDX-License-Identifier: Apache-2.0
"""What the tests of bad inputs and of faults have in common: `rulec convert` says what is wrong and where, ends with the
right code, and leaves no target and nothing half-made behind."""

import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

from claims import claim, judged

RULEC, MAKE_CHECKPOINT, RULES = (pathlib.Path(arg).resolve() for arg in sys.argv[1:4])


def spoken_by(run):
    return (run.stdout or b"").decode(errors="replace") + (run.stderr or b"").decode(errors="replace")


def convert(work, source, *options, target="out", timeout=120, **how):
    command = [work / "rulec", "convert", source, target, *options]
    return subprocess.run(command, cwd=work, timeout=timeout,
                          **({"capture_output": True, "stdin": subprocess.DEVNULL} | how))


def crashed(text):
    return any(word in text for word in ("Sanitizer", "runtime error:", "terminate called", "R0999", "Traceback"))


def half_made(work):
    return [str(path) for path in work.rglob("*.partial*")]


def refused(work, what, run, code, id, path):
    """The claims on every run that must fail. `path` is what the message must name."""
    text = spoken_by(run)
    holds = run.returncode == code and f"[{id} " in text and path in text and not crashed(text)
    claim(f"{what}: {code}, {id}, {path}", holds, f"exit code {run.returncode}\n{text}")
    claim(f"{what}: no target, nothing half-made", not (work / "out").exists() and not half_made(work),
          str(half_made(work)))
    if (work / "out").is_dir():
        shutil.rmtree(work / "out")


INDEX = "model.safetensors.index.json"
HEAD = "pack p : maxtext -> hf\n"


def safetensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else header.encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def index_of(shards):
    return json.dumps({"metadata": {"total_size": 8}, "weight_map": shards})


def run_parts(parts):
    """Calls each with a folder that has a program for everybody, `rulec`, and the checkpoints `hf` and `large`."""
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder).resolve()
        work.chmod(0o755)
        shutil.copy2(RULEC, work / "rulec")  # where somebody else finds it too
        (work / "rulec").chmod(0o755)
        (work / "rules").mkdir()
        (work / "rules/README").write_text("no weights")
        config = RULES / "gemma2/presets/gemma2-2b/config.json"
        for name, scale, layers in (("hf", 32, 2), ("large", 8, 8)):
            subprocess.run([MAKE_CHECKPOINT, config, work / name, "--layers", str(layers), "--scale", str(scale), "--seed",
                            "1"], check=True)
        for part in parts:
            part(work)
    return judged()
