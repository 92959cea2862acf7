#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad inputs, end to end: what is wrong with a checkpoint, a config or a pack is said, and nothing is made of it.

usage: bad_inputs_test.py RULEC MAKE_CHECKPOINT RULES
"""

import contextlib
import json
import os
import re
import shutil
import socket
import struct
import sys

from refusals import convert, HEAD, INDEX, index_of, refused, run_parts, safetensors, spoken_by

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


sys.exit(run_parts((files, indexes, shard_kinds, contents, configs, packs)))
