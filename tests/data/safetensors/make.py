#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the files beside it with the format's own writer and huggingface_hub's own way of splitting.

    pip install safetensors==0.8.0 huggingface_hub==2.4.0 && python make.py

tests/store.cpp reads them, writes them again and compares the bytes.
"""

import ctypes
import json
import pathlib

from huggingface_hub import split_state_dict_into_shards_factory
from safetensors import TensorSpec, serialize_file

HERE = pathlib.Path(__file__).parent

# What the writer calls a type, and its bits. Its Python side does not know the 6-bit ones.
DTYPES = {
    "bool": 8, "float4_e2m1fn_x2": 4, "uint8": 8, "int8": 8, "float8_e5m2": 8,
    "float8_e4m3fn": 8, "float8_e8m0fnu": 8, "float8_e4m3fnuz": 8, "float8_e5m2fnuz": 8, "int16": 16, "uint16": 16,
    "float16": 16, "bfloat16": 16, "int32": 32, "uint32": 32, "float32": 32, "complex64": 64, "float64": 64, "int64": 64,
    "uint64": 64,
}


def tensor(name, dtype, shape):
    """Byte k is 31 k + the sum of the name's bytes, modulo 256; a bool is 0 or 1."""
    bits = DTYPES[dtype]
    for extent in shape:
        bits *= extent
    assert bits % 8 == 0
    salt = sum(name.encode())
    data = bytes((31 * k + salt) % (2 if dtype == "bool" else 256) for k in range(bits // 8))
    return {"dtype": dtype, "shape": shape, "data": data}


def spec(value, buffer):
    # The writer counts pairs of float4, and writes the number of elements.
    pairs = value["dtype"] == "float4_e2m1fn_x2"
    shape = value["shape"][:-1] + [value["shape"][-1] // 2] if pairs else value["shape"]
    return TensorSpec(dtype=value["dtype"], shape=shape, data_ptr=ctypes.addressof(buffer), data_len=len(value["data"]))


def write(name, tensors):
    buffers = {key: ctypes.create_string_buffer(value["data"], max(len(value["data"]), 1)) for key, value in tensors.items()}
    specs = {key: spec(value, buffers[key]) for key, value in tensors.items()}
    serialize_file(specs, str(HERE / name), {"format": "pt"})
    (HERE / name).chmod(0o644)


def size(value):
    return len(value["data"])


def write_shards(folder, tensors, max_shard_size):
    (HERE / folder).mkdir(exist_ok=True)
    split = split_state_dict_into_shards_factory(
        tensors, get_storage_size=size, filename_pattern="model{suffix}.safetensors", max_shard_size=max_shard_size
    )
    for file, names in split.filename_to_tensors.items():
        write(f"{folder}/{file}", {name: tensors[name] for name in names})
    index = {"metadata": split.metadata, "weight_map": split.tensor_to_filename}
    text = json.dumps(index, indent=2, sort_keys=True) + "\n"
    (HERE / folder / "model.safetensors.index.json").write_text(text, encoding="utf-8")


def main():
    write("empty.safetensors", {})
    kinds = {f"a.{dtype}": tensor(f"a.{dtype}", dtype, [4]) for dtype in DTYPES}
    kinds |= {f"b.{dtype}": tensor(f"b.{dtype}", dtype, [2, 4]) for dtype in reversed(DTYPES)}
    write("dtypes.safetensors", kinds)
    shapes = {"scalar": [], "none": [0], "hollow": [3, 0, 2], "cube": [2, 3, 4], "units": [1, 1, 1], "row": [7]}
    write("shapes.safetensors", {name: tensor(name, "bfloat16", shape) for name, shape in shapes.items()})
    names = ["plain", "", 'quote"', "back\\slash", "a/b", "..", "nul\0", "\b\f\n\r\t", "\x01\x1f", "\x7f\x80", "é", "漢字", "🙂", "\u2028"]
    write("names.safetensors", {name: tensor(name, "uint8", [3]) for name in names})
    rows = {f"layer.{i}.é": tensor(f"layer.{i}.é", "float32", [4 + i]) for i in range(5)}
    rows["big"] = tensor("big", "bfloat16", [64])
    rows["small"] = tensor("small", "int64", [1])
    write_shards("shards", rows, 50)


if __name__ == "__main__":
    main()
