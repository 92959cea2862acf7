#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Gemma 2 from an Orbax checkpoint of MaxText's to Hugging Face, as one would write it by hand with TensorStore and NumPy.

usage: numpy_gemma2_back.py SRC DST      needs numpy, ml_dtypes and tensorstore

Next to numpy_gemma2.py: one stacked tensor at a time, one output file. SRC is as rulec writes it: its config.json is in SRC/hf.
"""

import json
import pathlib
import sys

import ml_dtypes
import numpy as np
import tensorstore as ts

import numpy_store

BF16 = ml_dtypes.bfloat16


def parts_of(config):
    heads, kv, size, d = (config[k] for k in ("num_attention_heads", "num_key_value_heads", "head_dim", "hidden_size"))

    def norm(w):
        return (w.astype(np.float32) - np.float32(1)).astype(BF16)

    def scaled(w, factor):
        return (w.astype(np.float32) * np.float32(factor)).astype(BF16)

    def joined(n):
        return lambda w: w.reshape(d, n * size).T

    def query(w):
        return joined(heads)(scaled(w, np.sqrt(config["query_pre_attn_scalar"])))

    layer = {
        "pre_self_attention_norm_{}.scale": ("input_layernorm", norm),
        "post_self_attention_norm_{}.scale": ("post_attention_layernorm", norm),
        "pre_ffw_norm_{}.scale": ("pre_feedforward_layernorm", norm),
        "post_ffw_norm_{}.scale": ("post_feedforward_layernorm", norm),
        "self_attention_{}.query.kernel": ("self_attn.q_proj", query),
        "self_attention_{}.key.kernel": ("self_attn.k_proj", joined(kv)),
        "self_attention_{}.value.kernel": ("self_attn.v_proj", joined(kv)),
        "self_attention_{}.out.kernel": ("self_attn.o_proj", lambda w: w.reshape(heads * size, d).T),
        "mlp_{}.wi_0.kernel": ("mlp.gate_proj", lambda w: w.T),
        "mlp_{}.wi_1.kernel": ("mlp.up_proj", lambda w: w.T),
        "mlp_{}.wo.kernel": ("mlp.down_proj", lambda w: w.T),
    }
    return layer, lambda w: scaled(w, np.float32(1) / np.sqrt(np.float32(d))), norm


def convert(read, scanned, config):
    """Yields names and arrays."""
    layers = config["num_hidden_layers"]
    parts, embedding, norm = parts_of(config)
    yield "model.embed_tokens.weight", embedding(read("token_embedder.embedding"))
    yield "model.norm.weight", norm(read("decoder.decoder_norm.scale"))
    for kind, word in enumerate(("local", "global")):
        for name, (key, function) in parts.items():
            stacked = read("decoder.layers." + name.format(word)) if scanned else None
            for i in range(layers // 2):
                one = stacked[:, i] if scanned else read(f"decoder.layers_{i}." + name.format(word))
                yield f"model.layers.{2 * i + kind}.{key}.weight", function(one)


def main():
    source, target = (pathlib.Path(arg).resolve() for arg in sys.argv[1:3])
    store = {"driver": "ocdbt", "base": f"file://{source}/0/items/"}
    names = {key.decode().rsplit("/", 1)[0] for key in ts.KvStore.open(store).result().list().result() if b"/" in key}

    def read(name):
        spec = {"driver": "zarr3", "kvstore": {**store, "path": f"params.params.{name}/"}}
        return ts.open(spec, open=True).result().read().result()

    scanned = not any("layers_0" in name for name in names)
    config = json.loads((source / "hf/config.json").read_text())
    target.mkdir()
    numpy_store.save(target / "model.safetensors", convert(read, scanned, config), 2 + 11 * config["num_hidden_layers"])


main()
