#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Gemma 2 from Hugging Face to MaxText's scanned layout, bfloat16 kept, as one would write it by hand with NumPy.

usage: numpy_gemma2.py SRC DST      needs numpy and ml_dtypes

What rulec is measured against: memory-mapped input, one output file, one stacked tensor at a time.
"""

import json
import pathlib
import sys

import ml_dtypes
import numpy as np

TYPES = {"BF16": ml_dtypes.bfloat16, "F32": np.float32}


def load(folder):
    tensors = {}
    for file in sorted(folder.glob("*.safetensors")):
        raw = np.memmap(file, np.uint8, "r")
        size = int(raw[:8].view("<u8")[0])
        for name, info in json.loads(bytes(raw[8 : 8 + size])).items():
            if name != "__metadata__":
                begin, end = (8 + size + at for at in info["data_offsets"])
                tensors[name] = raw[begin:end].view(TYPES[info["dtype"]]).reshape(info["shape"])
    return tensors


def plan(hf, config):
    """Yields name, dtype, shape and a function that makes the tensor."""
    layers, heads, kv, size = (config[k] for k in ("num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim"))
    d = config["hidden_size"]

    def norm(w):
        return w.astype(np.float32) + np.float32(1)

    def scaled(factor):
        return lambda w: (w.astype(np.float32) * np.float32(factor)).astype(w.dtype)

    def split(n):
        return lambda w: w.T.reshape(d, n, size)

    query = scaled(config["query_pre_attn_scalar"] ** -0.5)
    parts = {
        "pre_self_attention_norm_{}.scale": ("input_layernorm", norm),
        "post_self_attention_norm_{}.scale": ("post_attention_layernorm", norm),
        "pre_ffw_norm_{}.scale": ("pre_feedforward_layernorm", norm),
        "post_ffw_norm_{}.scale": ("post_feedforward_layernorm", norm),
        "self_attention_{}.query.kernel": ("self_attn.q_proj", lambda w: split(heads)(query(w))),
        "self_attention_{}.key.kernel": ("self_attn.k_proj", split(kv)),
        "self_attention_{}.value.kernel": ("self_attn.v_proj", split(kv)),
        "self_attention_{}.out.kernel": ("self_attn.o_proj", lambda w: w.T.reshape(heads, size, d)),
        "mlp_{}.wi_0.kernel": ("mlp.gate_proj", lambda w: w.T),
        "mlp_{}.wi_1.kernel": ("mlp.up_proj", lambda w: w.T),
        "mlp_{}.wo.kernel": ("mlp.down_proj", lambda w: w.T),
    }
    yield "token_embedder.embedding", lambda: scaled(np.sqrt(d))(hf["model.embed_tokens.weight"])
    yield "decoder.decoder_norm.scale", lambda: norm(hf["model.norm.weight"])
    for kind, word in enumerate(("local", "global")):
        for name, (key, function) in parts.items():
            yield "decoder.layers." + name.format(word), lambda key=key, function=function, kind=kind: np.stack(
                [function(hf[f"model.layers.{i}.{key}.weight"]) for i in range(kind, layers, 2)], axis=1
            )


def main():
    source, target = (pathlib.Path(arg) for arg in sys.argv[1:3])
    hf = load(source)
    target.mkdir()
    names = {ml_dtypes.bfloat16: "BF16", np.float32: "F32"}
    header, offset = {}, 0
    with open(target / "data", "wb") as out:
        for name, make in plan(hf, json.loads((source / "config.json").read_text())):
            array = np.ascontiguousarray(make())
            out.write(array.view(np.uint8).data)
            header[name] = {
                "dtype": names[array.dtype.type], "shape": array.shape, "data_offsets": [offset, offset + array.nbytes]
            }
            offset += array.nbytes
    (target / "header.json").write_text(json.dumps(header))


main()
