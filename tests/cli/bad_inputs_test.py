#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad inputs and faults, end to end: whatever a checkpoint, a config, a pack or the system does, `rulec convert` says
what is wrong and where, ends with the right code, and leaves no target and nothing half-made behind.

usage: bad_inputs_test.py RULEC MAKE_CHECKPOINT RULES
"""

import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

RULEC, MAKE_CHECKPOINT, RULES = (pathlib.Path(arg).resolve() for arg in sys.argv[1:4])
NOBODY = 65534
failures = []


def claim(what, holds, spoken=""):
    print(("ok      " if holds else "FAILED  ") + what)
    if not holds:
        failures.append(what)
        print("        " + spoken[:3000].replace("\n", "\n        "))


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


# ---- checkpoints ------------------------------------------------------------------------------------------------------


def safetensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else header.encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(members, data=8):
    return safetensors('{"t":{' + members + "}}", b"x" * data)


def two(first, second, data, names=("a", "b")):
    member = '":{"dtype":"U8","shape":[4],"data_offsets":'
    return safetensors('{"' + names[0] + member + first + '},"' + names[1] + member + second + "}}", b"x" * data)


GOOD = tensor('"dtype":"U8","shape":[8],"data_offsets":[0,8]')
META = '"t":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}'

FILES = {
    "1 an empty file": (b"", "R0802"),
    "2 less than a length": (b"12345", "R0802"),
    "3 a header longer than its file": (safetensors("{}", length=1000), "R0802"),
    "4 a length of 2^63": (safetensors("{}", length=2**63), "R08"),
    "4 a length of 2^64 - 1": (safetensors("{}", length=2**64 - 1), "R08"),
    "6 no header": (safetensors(""), "R0802"),
    "7 a comma in front": (safetensors(",{}"), "R0802"),
    "8 no UTF-8": (safetensors(b'{"\xff":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'), "R0802"),
    "8 a NUL": (safetensors(b"{\0}"), "R0802"),
    "8 a byte order mark": (safetensors(b"\xef\xbb\xbf{}"), "R0802"),
    "9 half a surrogate": (safetensors(r'{"\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'), "R0802"),
    "10 text behind the header": (safetensors("{}x"), "R0802"),
    "11 lists in lists": (safetensors('{"t":' + "[" * 100_000 + "]" * 100_000 + "}"), "R0803"),
    "12 a tensor twice": (two("[0,4]", "[4,8]", 8, ("a", "a")), "R0804"),
    "13 a member twice": (tensor('"dtype":"U8","dtype":"U8","shape":[8],"data_offsets":[0,8]'), "R0804"),
    "14 metadata that is a tensor": (safetensors('{"__metadata__":[],' + META + "}", b"x" * 8), "R0802"),
    "14 metadata of numbers": (safetensors('{"__metadata__":{"a":1},' + META + "}", b"x" * 8), "R0802"),
    "15 a name twice, spelt differently": (two("[0,4]", "[4,8]", 8, ("a", r"\u0061")), "R0804"),
    "16 a negative size": (tensor('"dtype":"U8","shape":[-8],"data_offsets":[0,8]'), "R0804"),
    "16 a size with a point": (tensor('"dtype":"U8","shape":[8.0],"data_offsets":[0,8]'), "R0804"),
    "16 a size with an exponent": (tensor('"dtype":"U8","shape":[8e0],"data_offsets":[0,8]'), "R0804"),
    "16 a size in quotes": (tensor('"dtype":"U8","shape":["8"],"data_offsets":[0,8]'), "R0804"),
    "16 a size over 64 bits": (tensor('"dtype":"U8","shape":[18446744073709551624],"data_offsets":[0,8]'), "R0804"),
    "17 sizes whose product wraps": (
        tensor('"dtype":"U8","shape":[4194305,4194305,211106198978564],"data_offsets":[0,4]', 4), "R0804"),
    "18 no cells of too many": (tensor('"dtype":"U8","shape":[0,9223372036854775808],"data_offsets":[0,0]', 0), "R0804"),
    "19 a thousand axes": (tensor('"dtype":"U8","shape":[' + "1," * 999 + '8],"data_offsets":[0,8]'), "R0803"),
    "20 offsets that run backwards": (tensor('"dtype":"U8","shape":[8],"data_offsets":[8,0]'), "R0804"),
    "20 three offsets": (tensor('"dtype":"U8","shape":[8],"data_offsets":[0,8,8]'), "R0804"),
    "20 no offsets": (tensor('"dtype":"U8","shape":[8]'), "R0804"),
    "20 an offset over 64 bits": (tensor('"dtype":"U8","shape":[8],"data_offsets":[0,18446744073709551616]'), "R0804"),
    "21 a size that is not the shape's": (tensor('"dtype":"F32","shape":[8],"data_offsets":[0,8]'), "R0804"),
    "22 tensors that overlap": (two("[0,4]", "[2,6]", 6), "R0804"),
    "23 a hole": (two("[0,4]", "[6,10]", 10), "R0804"),
    "24 bytes in front": (tensor('"dtype":"U8","shape":[4],"data_offsets":[4,8]'), "R0804"),
    "25 bytes behind": (GOOD + b"PK\x03\x04 and a whole archive", "R0802"),
    "26 an unknown type": (tensor('"dtype":"F7","shape":[8],"data_offsets":[0,8]'), "R0804"),
    "26 half a byte": (tensor('"dtype":"F4","shape":[3],"data_offsets":[0,2]', 2), "R0804"),
    "26 offsets past the end": (tensor('"dtype":"U8","shape":[800],"data_offsets":[0,800]'), "R08"),
    "30 a Git LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "R0811"),
    "31 a file cut short": (GOOD[:-3], "R08"),
    "no JSON": (safetensors("<html>not found</html>"), "R0802"),
    "a pickle": (b"PK\x03\x04archive/data.pkl" + b"\0" * 64, "R08"),
}


def files(work):
    for what, (content, id) in FILES.items():
        (work / "ckpt").mkdir()
        (work / "ckpt/model.safetensors").write_bytes(content)
        run = convert(work, "ckpt")
        found = re.search(rf"error\[({id}\d*) ", spoken_by(run))
        refused(work, what, run, 2, found.group(1) if found else id, "ckpt/model.safetensors")
        shutil.rmtree(work / "ckpt")
    (work / "ckpt").mkdir()
    with open(work / "ckpt/model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", 100_000_001) + b"{")
        file.truncate(100_000_100)
    refused(work, "5 a header over 100 MB", convert(work, "ckpt"), 2, "R0803", "ckpt/model.safetensors")
    shutil.rmtree(work / "ckpt")


def index_of(shards):
    return json.dumps({"metadata": {"total_size": 8}, "weight_map": shards})


INDEX = "model.safetensors.index.json"


def indexes(work):
    rows = {}
    for name in ("../x", "/etc/passwd", "a/../../b", "C:\\x", "\\\\host\\x", "", ".", ".."):
        rows[f"34 a shard called `{name}`"] = (index_of({"t": name}), {}, "R0806", INDEX)
    rows |= {
        "38 a shard that is not there": (index_of({"t": "a.safetensors"}), {}, "R0807", INDEX),
        "39 a tensor of another shard": (index_of({"t": "a.safetensors", "u": "b.safetensors"}),
                                         {"a": GOOD, "b": GOOD}, "R0808", "ckpt"),
        "40 a tensor in two shards": (index_of({"t": "a.safetensors", "u": "b.safetensors"}),
                                      {"a": GOOD, "b": two("[0,4]", "[4,8]", 8, ("t", "u"))}, "R0808",
                                      "ckpt"),
        "43 a map that is a list": ('{"weight_map":[]}', {}, "R0805", INDEX),
        "43 a shard that is null": ('{"weight_map":{"t":null}}', {}, "R0805", INDEX),
        "43 no map": ("{}", {}, "R0805", INDEX),
        "43 a tensor twice": ('{"weight_map":{"t":"a.safetensors","t":"a.safetensors"}}', {"a": GOOD}, "R0805", INDEX),
        "an index that is cut": ('{"weight_map":{"t":"a.saf', {}, "R0805", INDEX),
        "a shard that is cut": (index_of({"t": "a.safetensors"}), {"a": GOOD[:-1]}, "R08", "a.safetensors"),
    }
    for what, (text, shards, id, path) in rows.items():
        (work / "ckpt").mkdir()
        (work / "ckpt" / INDEX).write_text(text)
        for name, content in shards.items():
            (work / f"ckpt/{name}.safetensors").write_bytes(content)
        run = convert(work, "ckpt")
        found = re.search(rf"error\[({id}\d*) ", spoken_by(run))
        refused(work, what, run, 2, found.group(1) if found else id, path)
        shutil.rmtree(work / "ckpt")
    (work / "ckpt").mkdir()
    with open(work / "ckpt" / INDEX, "wb") as file:
        file.truncate(500_000_000)
    refused(work, "44 an index of 500 MB", convert(work, "ckpt"), 2, "R0803", INDEX)
    shutil.rmtree(work / "ckpt")


def shard_kinds(work):
    """35-37: what a shard may be instead of a file of the folder. None may be read, and none may hang."""
    def link(to):
        return lambda path: path.symlink_to(to)

    def unix_socket(path):
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as one:
            one.bind(str(path))

    (work / "outside.safetensors").write_bytes(GOOD)
    rows = {
        "35 a link out of the folder": (link("../outside.safetensors"), "R0806"),
        "35 a link to a device": (link("/dev/zero"), "R0806"),
        "35 a link into /proc": (link("/proc/self/environ"), "R0806"),
        "36 a link to itself": (link("a.safetensors"), "R0801"),
        "36 a link to nothing": (link("gone.safetensors"), "R0807"),
        "37 a pipe": (os.mkfifo, "R0806"),
        "37 a folder": (lambda path: path.mkdir(), "R0806"),
        "37 a socket": (unix_socket, "R0806"),
    }
    for what, (make, id) in rows.items():
        (work / "ckpt").mkdir()
        (work / "ckpt" / INDEX).write_text(index_of({"t": "a.safetensors"}))
        make(work / "ckpt/a.safetensors")
        refused(work, what, convert(work, "ckpt", timeout=60), 2, id, "a.safetensors")
        shutil.rmtree(work / "ckpt")
    os.mkfifo(work / "pipe.safetensors")
    refused(work, "a pipe as the checkpoint", convert(work, "pipe.safetensors", timeout=60), 2, "R0806", "pipe.safetensors")
    (work / "pipe.safetensors").unlink()
    for what, source in {"an empty folder": "nothing", "no such folder": "absent"}.items():
        (work / "nothing").mkdir(exist_ok=True)
        refused(work, what, convert(work, source), 2, "R0814" if source == "nothing" else "R0801", source)
    refused(work, "a folder of text", convert(work, work / "rules"), 2, "R0814", "rules")
    (work / "outside.safetensors").unlink()


# ---- checkpoints against rules ----------------------------------------------------------------------------------------


def read(path):
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8:8 + length])
    begin = 8 + length
    return {name: (one["dtype"], one["shape"], content[begin + one["data_offsets"][0]:begin + one["data_offsets"][1]])
            for name, one in header.items() if name != "__metadata__"}


def write(path, tensors):
    header, data = {}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    path.write_bytes(safetensors(json.dumps(header), data))


def contents(work):
    """A good checkpoint whose tensors are not those of its pack."""
    tensors = read(work / "hf/model.safetensors")
    norm = "model.norm.weight"

    def with_norm(dtype, shape, content):
        return tensors | {norm: (dtype, shape, content)}

    size = tensors[norm][1][0]
    query = "model.layers.0.self_attn.q_proj.weight"
    shape = tensors[query][1]
    rows = {
        "a tensor that is missing": ({k: v for k, v in tensors.items() if k != norm}, "R0610", norm),
        "29 a tensor that is too many": (tensors | {"../\nevil\x1b[31m": ("BF16", [1], b"xx")}, "R0601", "../\\nevil\\x1b"),
        "a tensor that is too long": (with_norm("BF16", [size + 1], b"x" * 2 * (size + 1)), "R0306", norm),
        "a tensor with an axis more": (with_norm("BF16", [size, 1], b"x" * 2 * size), "R0306", norm),
        "a tensor of whole numbers": (tensors | {query: ("I8", shape, b"x" * shape[0] * shape[1])}, "R0215", "mul"),
    }
    for what, (changed, id, path) in rows.items():
        shutil.copytree(work / "hf", work / "ckpt")
        write(work / "ckpt/model.safetensors", changed)
        run = convert(work, "ckpt", "--pack", "gemma2", "--to", "maxtext")
        found = re.search(rf"error\[({id}\d*) ", spoken_by(run))
        refused(work, what, run, 1, found.group(1) if found else id, path)
        shutil.rmtree(work / "ckpt")
    (work / "ckpt").mkdir()
    write(work / "ckpt/model.safetensors", {"who.knows": ("F32", [1], b"1234")})
    refused(work, "a checkpoint of no pack", convert(work, "ckpt"), 1, "R0612", "ckpt")
    shutil.rmtree(work / "ckpt")


CONFIGS = {
    "84 no JSON": ("{", 2, "R0901"),
    "84 a list": ("[]", 2, "R0901"),
    "84 lists in lists": ("[" * 100_000, 2, "R0901"),
    "84 a key twice": ('{"a": 1, "a": 2}', 2, "R0902"),
    "84 NaN": ('{"num_hidden_layers": NaN}', 2, "R0901"),
    "84 1e400": ('{"num_hidden_layers": 1e400}', 2, "R0901"),
    "84 a byte order mark": ("\ufeff{}", 2, "R0901"),
}
LIES = {  # num_hidden_layers
    "84 -1 layers": (-1, 1), "84 no layers": (0, 1), "84 a billion layers": (10**9, 1), "84 26.0 layers": (26.0, 1),
    '84 "26" layers': ("26", 1), "84 null layers": (None, 1), "84 three layers": (3, 1), "84 four layers": (4, 1),
    "84 2^63 layers": (2**63, 1), "84 a list of layers": ([2], 1),
}
YAMLS = {
    "85 an alias bomb": ("a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(12)), "R0901"),
    "85 a tag": ('a: !!python/object/apply:os.system ["true"]\n', "R0901"),
    "85 a key twice": ("a: 1\na: 2\n", "R0902"),
    "85 a tab": ("a:\n\tb: 1\n", "R0901"),
    "85 brackets in brackets": ("a: " + "[" * 10_000 + "\n", "R0901"),
}


def configs(work):
    shutil.copytree(work / "hf", work / "ckpt")
    config = json.loads((work / "hf/config.json").read_text())
    for what, (text, code, id) in CONFIGS.items():
        (work / "ckpt/config.json").write_text(text)
        refused(work, what, convert(work, "ckpt"), code, id, "ckpt/config.json")
    for what, (layers, code) in LIES.items():
        (work / "ckpt/config.json").write_text(json.dumps(config | {"num_hidden_layers": layers}))
        run = convert(work, "ckpt")
        found = re.search(r"error\[(R0\d*) ", spoken_by(run))
        place = "ckpt" if layers in (0, None, 4) else "gemma2.rules"
        refused(work, what, run, code, found.group(1) if found else "R0", place)
    del config["hidden_size"]
    (work / "ckpt/config.json").write_text(json.dumps(config | {"hiden_size": 72}))
    run = convert(work, "ckpt", "--pack", "gemma2", "--to", "maxtext")
    refused(work, "84 a key that is missing", run, 1, "R0201", "hidden_size")
    os.truncate(work / "ckpt/config.json", 70_000_000)
    refused(work, "a config of 70 MB", convert(work, "ckpt"), 2, "R0803", "ckpt/config.json")
    (work / "ckpt/config.json").unlink()
    (work / "ckpt/config.json").symlink_to("config.json")
    run = convert(work, "ckpt", "--config", "hf=ckpt/config.json")
    refused(work, "a config that is a link to itself", run, 2, "R0801", "ckpt/config.json")
    shutil.rmtree(work / "ckpt")
    for what, (text, id) in YAMLS.items():
        (work / "m.yml").write_text(text)
        run = convert(work, "hf", "--config", "maxtext=m.yml", timeout=60)
        refused(work, what, run, 2, id, "m.yml")
    (work / "m.yml").unlink()
    for what, text in {"a record that is no JSON": "{", "a record that is a list": "[]"}.items():
        shutil.copytree(work / "hf", work / "ckpt")
        (work / "ckpt/rulec.json").write_text(text)
        refused(work, what, convert(work, "ckpt"), 2, "R0901", "ckpt/rulec.json")
        shutil.rmtree(work / "ckpt")


HEAD = "pack p : maxtext -> hf\n"
PACKS = {
    "86 an import cycle": (HEAD + 'import "p.rules"\n', 1, "R02"),
    "86 an import from outside": (HEAD + 'import "../../../../etc/passwd"\n', 1, "R02"),
    "86 an import of a device": (HEAD + 'import "/dev/zero"\n', 1, "R02"),
    "87 a billion indices": (HEAD + "for i in 0..1000000000 { a.<i> -> b.<i> }\n", 1, "R0411"),
    "88 a division by zero": (HEAD + "let D = 4 / 0\na : [D] -> model.norm.weight\n", 1, "R02"),
    "88 numbers that overflow": (HEAD + "let D = 9223372036854775807 * 3\na : [D] -> model.norm.weight\n", 1, "R0"),
    "89 two rules for one tensor": (HEAD + "a -> model.norm.weight\nb -> model.norm.weight\n", 1, "R04"),
    "92 braces in braces": (HEAD + "when true {" * 10_000 + "\n", 1, "R0103"),
    "92 brackets in brackets": (HEAD + "let D = " + "(" * 100_000 + "\n", 1, "R0103"),
    "93 no UTF-8": (HEAD.encode() + b"let \xff = 1\n", 1, "R0102"),
    "93 letters of other alphabets": (HEAD + "let \u0430 = 1\n", 1, "R0101"),
    "an empty pack": ("", 2, "R0221"),
}


def packs(work):
    for what, (text, code, id) in PACKS.items():
        (work / "p.rules").write_bytes(text if isinstance(text, bytes) else text.encode())
        run = convert(work, "hf", "--pack", "p.rules", "--to", "maxtext")
        found = re.search(rf"error\[({id}\d*) ", spoken_by(run))
        refused(work, what, run, code, found.group(1) if found else id, "p.rules")
    (work / "p.rules").unlink()
    for what, path in {"a pack that is a device": "/dev/zero", "a pack that is not there": "gone.rules"}.items():
        refused(work, what, convert(work, "hf", "--pack", path), 2, "R0221", path)


# ---- the system -------------------------------------------------------------------------------------------------------


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
    run = convert(work, "ckpt", *options, "--memory", "4GiB", preexec_fn=at_most(resource.RLIMIT_AS, 1_000_000_000))
    refused(work, "98 memory that runs out", run, 2, "R0906", "not enough memory")
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
            if not (not half_made(work) and (whole if code == 0 else is_told)):
                claim(f"100 {number.name} after {delay} s: code {code}, target {whole}, {half_made(work)}", False)
            shutil.rmtree(work / "out", ignore_errors=True)
    claim("100 signals leave nothing half-made", not half_made(work))


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


def main():
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
        for part in (files, indexes, shard_kinds, contents, configs, packs, permissions, full_disk, limits, streams,
                     at_once, names):
            part(work)
    print(f"{len(failures)} failed")
    return 1 if failures else 0


sys.exit(main())
