#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line from end to end: exit codes, a conversion there and back, targets that must survive, JSON.

usage: cli_test.py RULEC MAKE_CHECKPOINT RULES
"""

import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from claims import claim, judged

RULEC, MAKE_CHECKPOINT, RULES = (pathlib.Path(arg) for arg in sys.argv[1:4])


def rulec(*args, cwd=None):
    return subprocess.run([RULEC.resolve(), *map(str, args)], capture_output=True, text=True, timeout=300, cwd=cwd)


def expect(code, *args, says="", cwd=None):
    """Runs rulec and holds it to an exit code and a piece of its output; a bug of ours must look like nothing else."""
    result = rulec(*args, cwd=cwd)
    spoken = result.stdout + result.stderr
    what = f"{code}: rulec {' '.join(map(str, args))}" + (f"  ~ {says}" if says else "")
    claim(what, result.returncode == code and says in spoken, result.stdout + result.stderr)
    return result


def make_checkpoint(folder, layers=2, scale=32, seed=1):
    config = RULES / "gemma2/presets/gemma2-2b/config.json"
    options = ["--layers", str(layers), "--scale", str(scale), "--seed", str(seed)]
    subprocess.run([MAKE_CHECKPOINT, config, folder, *options], check=True)


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def left_behind(work):
    return [p.name for p in work.iterdir() if ".partial" in p.name]


def usage(work):
    expect(0, "--help", says="convert")
    expect(0, "--version", says="rulec ")
    expect(2)
    expect(2, "frobnicate")
    for command in ("convert", "check", "explain", "inspect", "diff", "verify", "test", "packs"):
        expect(0, command, "--help")
        expect(2, command, "--frobnicate")
    expect(2, "verify", work / "hf", "--checksums", "--only", "*", says="with --checksums there is none")
    expect(2, "check", "gemma2", "--hf", says="--hf; if it names a side, the checkpoint is missing behind it")
    expect(2, "check", "gemma2", "--presett", says="there is no option --presett; did you mean --preset?")
    expect(2, "convert", work / "hf", work / "x", "--dtype", "f8", says="--help")
    expect(2, "convert", work / "hf", work / "x", "--set", "scan_layers", says="OPTION=VALUE")
    expect(2, "convert", work / "hf", work / "x", "--max-shard-size", "much", says="5GB")
    expect(2, "convert", work / "hf", work / "x", "--pack", "nothing", says="R0221")
    expect(2, "convert", work / "hf", work / "x", "--to", "nowhere", says="R0223")
    expect(2, "convert", work / "nothing", work / "x", says="R08")
    expect(2, "inspect", work / "nothing", "--format", "json", says='"diagnostics"')
    expect(2, "check", "gemma2", "--nowhere", work / "hf", says="R0223")
    expect(2, "check", "gemma2", "--preset", "nothing", says="R0222")
    expect(2, "check", "gemma2", "--set", "nothing=1", says="R0217")
    expect(2, "explain", "R9999")
    expect(2, "check", "gemma2", "--enable", "R0311", says="R0310")
    claim("no target was made", not (work / "x").exists())


def looking(work):
    expect(0, "packs", says="gemma2")
    expect(0, "check", "gemma2", says="no findings")
    expect(0, "check", "gemma2", "--hf", work / "hf", says="no findings")
    expect(0, "check", "--hf", work / "hf", says="gemma2: 1 config x 1 layout proved")
    expect(0, "explain", "R0402", says="R0402")
    expect(0, "explain", "index-hole", says="R0402")
    expect(0, "explain", "gemma2", "model.layers.1.self_attn.q_proj.weight")
    expect(0, "explain", "gemma2", "decoder.layers_1.mlp_local.wo.kernel")
    expect(2, "explain", "gemma2", "model.layers.1.self_attn.q_prj.weight", says="R0202")
    expect(0, "inspect", work / "hf", says="fits side hf of pack gemma2")
    shutil.copytree(work / "hf", work / "bad_config")
    (work / "bad_config/config.json").write_text("{ not JSON")
    expect(2, "inspect", work / "bad_config", says="model.norm.weight")
    result = expect(2, "inspect", work / "bad_config", "--format", "json", says="R0901")
    claim("JSON: tensors beside a broken config", len(json.loads(result.stdout).get("tensors", [])) > 0)
    shutil.copytree(RULES / "gemma2", work / "broken")
    rules = work / "broken/gemma2.rules"
    rules.write_text(rules.read_text().replace("<2i + kind>", "<2i>"))
    expect(1, "check", work / "broken", "--preset", "gemma2-2b", says="error[R04")
    for args in (["packs"], ["check", "gemma2"], ["inspect", work / "hf"], ["check", work / "broken"]):
        claim(f"JSON: {args[0]}", isinstance(json.loads(rulec(*args, "--format", "json").stdout), dict))


def there_and_back(work):
    (work / "hf/tokenizer.json").write_text("{}")
    (work / "secret").write_text("mine")
    (work / "hf/tokenizer.model").symlink_to(work / "secret")
    (work / "hf/tokenizer_config.json").symlink_to("tokenizer.json")
    expect(0, "convert", work / "hf", work / "dry", "--dry-run", says="would write")
    claim("--dry-run writes nothing", not (work / "dry").exists() and not left_behind(work))
    result = expect(0, "convert", work / "hf", work / "mt", "--dtype", "f32", "--format", "json")
    claim("JSON: convert", json.loads(result.stdout)["to"] == "maxtext")
    claim("the tokenizer came along", (work / "mt/hf/tokenizer.json").exists() and (work / "mt/rulec.json").exists())
    claim("a link out of the folder did not", not (work / "mt/hf/tokenizer.model").exists())
    claim("a link within it did", (work / "mt/hf/tokenizer_config.json").read_text() == "{}")
    expect(0, "convert", work / "mt", work / "back")
    claim("so it did on the way back", (work / "back/tokenizer.json").exists())
    expect(0, "diff", work / "hf", work / "back")
    expect(0, "diff", work / "hf", work / "back", "--format", "json", says='"same"')
    expect(0, "convert", work / "hf", work / "rounded")  # bfloat16 has no room for 1 + w
    expect(0, "convert", work / "rounded", work / "back_rounded")
    expect(1, "diff", work / "hf", work / "back_rounded", says="--allow-class lets them pass")
    expect(0, "diff", work / "hf", work / "back_rounded", "--allow-class")
    # A pack of the user's own, by its path, on both sides; its name is that of one that is built in.
    shutil.copytree(RULES / "gemma2", work / "own/gemma2")
    own = work / "own/gemma2/gemma2.rules"
    (work / "own/mine.rules").write_text(own.read_text().replace("pack gemma2", "pack mine"))
    expect(0, "diff", work / "hf", work / "mt", "--pack", work / "own/mine.rules", "--allow-class")
    expect(0, "convert", work / "hf", work / "of_mine", "--pack", work / "own/mine.rules")
    for command in ("diff", "verify"):
        expect(1, command, work / "hf", work / "of_mine", says="made by the pack `mine`")
    expect(0, "verify", work / "hf", work / "of_mine", "--pack", work / "own/mine.rules")
    config = json.loads((work / "hf/config.json").read_text()) | {"quantization_config": {"bits": 8}}
    (work / "of_mine/hf/config.json").write_text(json.dumps(config))
    bits = work / "own/bits.rules"
    bits.write_text((work / "own/mine.rules").read_text() + '\noption weights_are : {"bf16", "fp8"} = "bf16"\n')
    for pack, is_kept in ((work / "own/mine.rules", True), (bits, False)):
        expect(0, "convert", work / "of_mine", work / "unpacked", "--pack", pack)
        config = json.loads((work / "unpacked/config.json").read_text())
        claim("a quantization_config stays where it may hold", ("quantization_config" in config) == is_kept)
        shutil.rmtree(work / "unpacked")
    (work / "of_mine/rulec.json").write_text("{")
    expect(1, "diff", work / "hf", work / "of_mine", says="compared by name")  # what lies beside them may be broken
    shutil.copytree(RULES / "common", work / "own/common")
    for rules in (own, work / "own/common/decoder.rules"):
        rules.write_text(rules.read_text().replace("maxtext", "jax").replace("<rulec>/", "../"))
    expect(0, "convert", work / "mt", work / "jax", "--pack", own, says="jax -> hf")
    expect(0, "diff", work / "hf", work / "jax", "--pack", "gemma2")
    for command in ("f32", "bf16"):
        expect(0, "convert", work / "mt", work / command, "--dtype", command)
        expect(0, "check", "--hf", work / command, says="no findings")  # config.json says what the weights are
        shutil.rmtree(work / command)
    expect(0, "convert", work / "hf", work / "flat", "--store", "safetensors", "--dtype", "f32")
    expect(0, "diff", work / "mt", work / "flat")  # `step` is there on one side only, and ignored by the pack
    expect(0, "convert", work / "hf", work / "mine", "--pack", work / "own/mine.rules")
    expect(1, "convert", work / "mine", work / "x", says="made by the pack `mine`")
    expect(2, "convert", work / "hf", work / "x.orbax-checkpoint-tmp-1", says="R0810")
    make_checkpoint(work / "other", seed=2)
    expect(1, "diff", work / "hf", work / "other")
    expect(0, "test", "gemma2")


def flip_a_bit(folder):
    """In the middle of the largest file, where weights are."""
    file = max((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 4
    file.write_bytes(data)


def verifying(work):
    expect(0, "verify", work / "hf", work / "mt", says="same\n")
    expect(0, "verify", work / "mt", work / "hf", "--memory", "64MiB", "--threads", "1")
    expect(0, "verify", work / "hf", work / "back", "--stats", says="deviation")
    result = expect(0, "verify", work / "hf", work / "mt", "--stats", "--format", "json", says='"statistics"')
    claim("JSON: verify", all(t["difference"] == "same" for t in json.loads(result.stdout)["tensors"]))
    expect(0, "convert", work / "hf", work / "narrow", "--dtype", "bf16", "--checksums")
    expect(0, "verify", work / "narrow", work / "hf", says="within class")
    expect(1, "verify", work / "narrow", work / "hf", "--exact", says="stable (<= 1 ulp)")
    expect(1, "verify", work / "hf", work / "narrow", "--dtype", "f32", says="F32 against BF16")
    expect(0, "verify", work / "narrow", "--checksums", says=", 0 not as")
    expect(0, "verify", work / "narrow/0/items", "--checksums", "--format", "json", says='"differences": []')
    shutil.copytree(work / "narrow", work / "flipped")
    flip_a_bit(work / "flipped")
    expect(1, "verify", work / "hf", work / "flipped", says="gemma2.rules:")
    expect(1, "verify", work / "flipped", "--checksums", says="has the checksum")
    expect(1, "verify", work / "hf", work / "flipped", "--pack", "gemma2", "--format", "json", says='"values"')
    (work / "flipped/checksums.json").write_text('{"tensors": {"a": {"dtype": "F32", "shape": [-1]}}}')
    expect(2, "verify", work / "flipped", "--checksums", says="R0901")
    expect(2, "verify", work / "hf", "--checksums", says="convert --checksums")
    expect(2, "verify", work / "hf", says="R0903")
    expect(2, "verify", work / "hf", work / "mt", "--checksums", says="R0903")
    expect(2, "verify", work / "hf", work / "nothing", says="R08")
    expect(2, "verify", work / "hf", work / "mt", "--memory", "1MiB", says="64MiB")


def orbax(work):
    data = pathlib.Path(__file__).parent.parent / "data/orbax"
    for folder in ("maxtext_scan_1dev", "maxtext_scan_1dev/0", "maxtext_scan_1dev/0/items"):
        expect(0, "inspect", data / folder, says="scan_layers: true, as _CHECKPOINT_METADATA says")
    result = json.loads(rulec("inspect", data / "maxtext_scan_1dev", "--format", "json").stdout)
    claim("JSON: facts and layouts of Orbax", result["facts"]["step"] == "0" and result["tensors"][0]["layout"] == "1 chunk, zstd")
    (work / "maxtext.yml").write_text("vocab_size: 128\n")
    configs = ("--config", f"hf={data / 'maxtext_hf_toy/config.json'}", "--config", f"maxtext={work / 'maxtext.yml'}")
    for layout in ("scan", "unscan"):
        expect(0, "convert", data / f"maxtext_{layout}_1dev", work / f"from_{layout}", "--to", "hf", *configs, says=f"scan_layers is {'true' if layout == 'scan' else 'false'}: `{data / f'maxtext_{layout}_1dev'}/0/_CHECKPOINT_METADATA` says so")
    expect(0, "diff", work / "from_scan", work / "from_unscan", says="46 tensors: 46 same")
    expect(0, "diff", data / "maxtext_scan_1dev", data / "maxtext_scan_1dev/0/items", says="25 tensors: 25 same")
    expect(1, "convert", data / "maxtext_scan_1dev", work / "x", "--to", "hf", *configs, "--set", "scan_layers=false", says="R0410")


def targets(work):
    before = contents(work / "mt")
    expect(2, "convert", work / "hf", work / "mt", says="--overwrite")
    claim("the target is as it was", contents(work / "mt") == before)
    expect(0, "convert", work / "hf", work / "mt", "--overwrite")
    expect(2, "convert", work / "hf", work / "hf", "--overwrite", says="R0810")
    expect(2, "convert", work / "hf", work / "hf/inside", says="R0810")
    for name in ("pad", "constant", "alias"):
        expect(0, "convert", work / "hf", work / "dry", "--dry-run", f"--{name}-policy", "drop")
    (work / "link").symlink_to(work / "mt")
    expect(2, "convert", work / "hf", work / "link", "--overwrite", says="R0810")
    (work / "files").mkdir()
    (work / "files/thesis.tex").write_text("mine")
    expect(2, "convert", work / "hf", work / "files", "--overwrite", says="R0810")
    claim("other people's files stay", (work / "files/thesis.tex").exists())
    expect(2, "convert", work / "hf", work / "no/such/folder", says="R0809")
    expect(2, "convert", work / "hf", work / "x", "--config", "hf=/nothing.json", says="R0")
    # A target that cannot be made is refused before the source is looked at: this source is none.
    (work / "empty").mkdir()
    for target in (".", "./", "..", "../empty", "../files/..", "/"):
        expect(2, "convert", "../nothing", target, cwd=work / "empty", says="R0810")
    expect(2, "convert", work / "nothing", work / "link/", "--overwrite", says="R0810")
    expect(2, "convert", work / "nothing", work / "files/thesis.tex", says="is a file")
    expect(2, "convert", work / "nothing", work / "files/thesis.tex/x", says="R0809")
    expect(2, "convert", work / "nothing", work / ("x" * 256), says="R0809")
    expect(2, "convert", work / "nothing", work / "\x01" / ("y/" * 2500), says="R0809")
    expect(0, "convert", work / "hf", str(work / ("z" * 250)) + "//", says="wrote")
    claim("other people's files stay, still", (work / "files/thesis.tex").read_text() == "mine")
    claim("nothing half-written is left", not left_behind(work))


def interrupted(work):
    make_checkpoint(work / "large", layers=12, scale=4)
    with subprocess.Popen([RULEC, "convert", work / "large", work / "never"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as run:
        while run.poll() is None and not left_behind(work):
            time.sleep(0.002)
        run.send_signal(signal.SIGINT)
    done = run.returncode == 0  # it was faster than the signal
    claim("an interrupted run leaves nothing", not left_behind(work) and (done or not (work / "never").exists()))
    claim("and says so by its exit code", done or run.returncode == 130)


with tempfile.TemporaryDirectory() as folder:
    root = pathlib.Path(folder)
    make_checkpoint(root / "hf")
    for part in (usage, looking, there_and_back, verifying, orbax, targets, interrupted):
        part(root)
sys.exit(judged())
