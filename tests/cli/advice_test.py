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


def expect(code, *args, says=(), never=(), errors=None, cwd):
    """Runs rulec in `cwd` and holds it to an exit code, to what it must say and to what it must not."""
    result = rulec(*args, cwd=cwd)
    spoken = result.stdout + result.stderr
    wrong = [] if result.returncode == code else [f"exit code {result.returncode}, not {code}"]
    wrong += [f"does not say: {words}" for words in ([says] if isinstance(says, str) else says) if words not in spoken]
    wrong += [f"says: {words}" for words in ([never] if isinstance(never, str) else never) if words in spoken]
    if errors is not None and spoken.count("error[") != errors:
        wrong.append(f"{spoken.count('error[')} errors, not {errors}")
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


def options_of_check(work):
    expect(0, "check", "gemma2", "--set", "scan_layers=false", says="no findings", cwd=work)
    expect(0, "check", "gemma2", "--set", "scan_layers=true", says="no findings", cwd=work)
    expect(0, "check", "gemma2", "--set", "scan_axis=0", says="no findings", cwd=work)
    expect(0, "check", "gemma2", "--set", "scan_axis=2", "--set", "scan_layers=true", says="no findings", cwd=work)
    expect(0, "check", "gemma2", "--set", "query_scale_from=head_dim", says="no findings", cwd=work)
    edited(RULES / "gemma2", work / "short", "gemma2.rules",
           ("    self_attention_<kind>.key.kernel      : [D K H] -> self_attn.k_proj.weight           : [(K H) D]\n", ""),
           ("[D K H] -> self_attn.v_proj.weight", "[K D H] -> self_attn.v_proj.weight"))
    for option in ("scan_layers=false", "scan_axis=0"):
        expect(1, "check", "short", "--set", option, says=("R0601", "k_proj", "R0306", "value.kernel"), cwd=work)
    # However many are checked at once, their lines come in the order that they were asked in.
    spoken = expect(1, "check", "llama", "short", "gemma3", "short", "olmo3", errors=6, cwd=work).stdout
    order = re.findall(r"^(\w+): ", spoken, re.MULTILINE)
    if order != ["llama", "gemma2", "gemma3", "gemma2", "olmo3"]:
        failures.append(f"in another order: {order}")
    for word in ("R0999", "index-hole"):
        expect(2, "check", "gemma2", "--enable", word, says=("always on", "R0310 transposed-sibling"), cwd=work)
    expect(2, "check", "gemma2", "--enable", "whatever", says="no such message", cwd=work)
    expect(0, "check", "--help", says="NAME|all", cwd=work)
    expect(0, "check", "gemma2", "--preset", "all", says="3 presets x 2 layouts", cwd=work)


def configs_that_lie(work):
    """Where a config and a checkpoint disagree, both are named, and no consequence of it is."""
    for number, (key, wrong, name) in enumerate((("hidden_size", 160, "D"), ("vocab_size", 16128, "V"),
                                                 ("num_key_value_heads", 2, "K"), ("head_dim", 32, "H"),
                                                 ("num_attention_heads", 4, "N"), ("intermediate_size", 577, "F"))):
        right = json.loads((work / "hf/config.json").read_text())[key]
        line = f'"{key}": {right}'
        edited(work / "hf", work / f"lie{number}", "config.json", (line, f'"{key}": {wrong}'))
        says = ("R0611", f"lie{number}/config.json:", f"`{name}` is {wrong} in the config, and {right} in the checkpoint")
        expect(1, "convert", f"lie{number}", "out", says=says, errors=1, cwd=work)
        expect(1, "check", "gemma2", "--hf", f"lie{number}", says=says, errors=1, cwd=work)
    edited(work / "hf", work / "lie_of_layers", "config.json", ('"num_hidden_layers": 4', '"num_hidden_layers": 6'))
    expect(1, "convert", "maxtext", "out", "--config", "hf=lie_of_layers/config.json",
           says=("R0611", "lie_of_layers/config.json:", "`L` is 6 in the config, and 4 in the checkpoint"), cwd=work)
    (work / "vocab.yml").write_text("vocab_size: 16128\n")
    expect(1, "convert", "maxtext", "out", "--config", "maxtext=vocab.yml", says=("R0611", "vocab.yml:1:13"), cwd=work)
    # Two configs of different models, whichever checkpoint there is.
    other = RULES / "gemma2/presets/gemma2-9b/maxtext.yml"
    for command in (("convert", "hf", "out"), ("convert", "maxtext", "out"), ("check", "gemma2", "--hf", "hf")):
        expect(1, *command, "--config", f"maxtext={other}", cwd=work,
               says=("R0216", "the configs are those of two models", "`D` is 144", "`maxtext.base_emb_dim` is 3584"))
    # MaxText has padded the vocabulary, and nobody says to what.
    (work / "padded.yml").write_text("vocab_size: 16128\n")
    expect(0, "convert", "hf", "padded", "--config", "maxtext=padded.yml", cwd=work)
    (work / "padded/maxtext.yml").unlink()
    expect(1, "convert", "padded", "out", says=("R0611", "--config maxtext=FILE", "vocab_size: 16128"), cwd=work)
    expect(0, "convert", "padded", "out", "--config", "maxtext=padded.yml", cwd=work)


def without_config(work):
    """Names and shapes tell the pack; what they do not tell is named."""
    shutil.copytree(work / "maxtext", work / "bare")
    shutil.rmtree(work / "bare/hf")
    (work / "bare/rulec.json").unlink()
    shutil.copytree(work / "hf", work / "bare_hf")
    (work / "bare_hf/config.json").unlink()
    unknown = "hf.query_pre_attn_scalar"
    expect(0, "inspect", "bare", says=("fits side maxtext of pack gemma2: 24 of 24 names", unknown), cwd=work)
    expect(0, "inspect", "bare_hf", says=("fits side hf of pack gemma2: 46 of 46 names", unknown, "hf.head_dim"), cwd=work)
    expect(0, "inspect", "bare", "--format", "json", says='"unknown": [\n        "hf.query_pre_attn_scalar"\n', cwd=work)
    for source in ("bare", "bare_hf"):
        expect(1, "convert", source, "out", says=("R0201", "hf.", "--config hf=FILE"), never="R0612", cwd=work)
        expect(0, "convert", source, "out", "--config", "hf=hf/config.json", cwd=work)
    expect(0, "diff", "bare", "bare", says=("pack gemma2: bare is on its side maxtext, bare on maxtext", unknown,
                                            "25 same"), cwd=work)
    expect(0, "diff", "hf", "bare", says="24 same", cwd=work)


def wrong_way(work):
    expect(2, "convert", "maxtext", "out", "--to", "maxtext", says=("R0904", "is on the side `maxtext`"), never="R0601",
           cwd=work)
    expect(2, "convert", "hf", "out", "--to", "hf", says=("R0904", "is on the side `hf`"), never="R0601", cwd=work)
    expect(2, "check", "gemma2", "--hf", "maxtext", says=("R0904", "is on the side `maxtext`"), never="R0601", cwd=work)
    # Names tell the side although something else is wrong, which is told.
    expect(0, "convert", "hf", "unscanned", "--set", "scan_layers=false", cwd=work)
    for folder in ("maxtext", "unscanned"):
        (work / folder / "rulec.json").unlink()
    (work / "a.yml").write_text("scan_layers: true\n")
    (work / "b.yml").write_text("param_scan_axis: 0\n")
    expect(1, "convert", "unscanned", "out", "--config", "maxtext=a.yml", says=("R0410", "a.yml:1:14"), never="R0904",
           cwd=work)
    expect(1, "convert", "maxtext", "out", "--config", "maxtext=b.yml", says=("R0410", "b.yml:1:18"), never="R0904",
           cwd=work)
    (work / "tiny.rules").write_text("pack tiny : maxtext -> hf\ndecoder.layers.<i>.local -> model.layers.<2i>\n")
    header = json.dumps({f"decoder.layers.{i}.local": {"dtype": "F32", "shape": [1], "data_offsets": [4 * i, 4 * i + 4]}
                         for i in range(2)}).encode()
    (work / "tiny.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    expect(1, "convert", "tiny.safetensors", "out", "--pack", "tiny.rules", says="R0402", never="R0904", cwd=work)


def layouts_that_contradict(work):
    expect(0, "convert", "hf", "flat", "--set", "scan_layers=false", cwd=work)
    metadata = "flat/0/_CHECKPOINT_METADATA"
    (work / "scanned.yml").write_text("scan_layers: true\n")
    expect(1, "convert", "flat", "out", "--config", "maxtext=scanned.yml", says=("R0410", "scanned.yml:1:14"), cwd=work)
    expect(1, "convert", "flat", "out", "--set", "scan_layers=true",
           says=("R0410", f"--> {metadata}", "leave the option out"), cwd=work)
    record = json.loads((work / "flat/rulec.json").read_text())
    (work / "flat/rulec.json").write_text(json.dumps(record | {"options": {"scan_layers": "true"}}))
    expect(1, "convert", "flat", "out", says=("R0410", "flat/rulec.json", metadata), never="leave the option out",
           cwd=work)
    (work / "flat/rulec.json").write_text(json.dumps(record | {"options": {"scan_layers": "perhaps"}}))
    expect(2, "convert", "flat", "out", says=("R0218", "--> flat/rulec.json"), cwd=work)
    (work / "flat/rulec.json").write_text(json.dumps(record))
    text = (work / metadata).read_text()
    (work / metadata).write_text(re.sub(r'"scan_layers": *false', '"scan_layers": true', text))
    expect(1, "convert", "flat", "out", says=("R0410", f"--> {metadata}"), cwd=work)


def presets(work):
    expect(2, "convert", "hf", "out", "--preset", "gemma2-3b", says=("R0222", "did you mean"), cwd=work)
    expect(2, "diff", "hf", "hf", "--preset", "nope", says="R0222", cwd=work)
    expect(1, "convert", "hf", "out", "--preset", "gemma2-2b", says=("R0611", "gemma2-2b/config.json"), never="R0306",
           cwd=work)


def slips(work):
    expect(2, "chek", says=("no subcommand chek", "did you mean check"), cwd=work)
    expect(2, "frobnicate", says="there are convert, plan, check", cwd=work)
    expect(2, "convert", "hf", "out", "--compresion", "zstd", says="did you mean --compression", cwd=work)
    expect(2, "check", "gemma2", "--presett", "gemma2-2b", says="did you mean --preset", cwd=work)
    expect(2, "inspect", "hf", "--format", "jsn", says=("expected json, text, found jsn", "did you mean json"), cwd=work)
    expect(2, "convert", "hf", "out", "--progress", "plai", says="did you mean plain", cwd=work)
    expect(2, "convert", "hf", "out", "--chunks", "0=2,0=3", says="axis 0 stands twice", cwd=work)
    expect(0, "convert", "hf", "out", "--progress", "plain", says="100 %", cwd=work)


PARTS = (scan_axis, tests_of_packs, options_of_check, configs_that_lie, without_config, wrong_way,
         layouts_that_contradict, presets, slips)

with tempfile.TemporaryDirectory() as folder:
    root = pathlib.Path(folder)
    subprocess.run([MAKE_CHECKPOINT, RULES / "gemma2/presets/gemma2-2b/config.json", root / "hf", "--layers", "4",
                    "--scale", "16", "--seed", "1"], check=True)
    rulec("convert", "hf", "maxtext", cwd=root)
    for part in PARTS:
        here = root / part.__name__
        here.mkdir()
        for name in ("hf", "maxtext"):
            shutil.copytree(root / name, here / name)
        part(here)
print(f"{len(failures)} failed")
sys.exit(1 if failures else 0)
