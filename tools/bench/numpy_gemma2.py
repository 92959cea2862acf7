#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Gemma 2 from Hugging Face to MaxText's layout, as one would write it by hand with NumPy.

usage: numpy_gemma2.py SRC DST [--unscanned] [--f32]      needs numpy and ml_dtypes

What rulec is measured against: memory-mapped input, one output file, one stacked tensor at a time.
"""

import json
import pathlib
import sys

import numpy as np

import numpy_store


def parts_of(config, dtype):
    """MaxText's name of a layer's tensor -> Hugging Face's, and what makes the one out of the other."""
    heads, kv, size, d = (config[k] for k in ("num_attention_heads", "num_key_value_heads", "head_dim", "hidden_size"))

    def norm(w):
        return w.astype(np.float32) + np.float32(1)

    def scaled(w, factor):
        return (w.astype(np.float32) * np.float32(factor)).astype(dtype or w.dtype)

    def split(n):
        return lambda w: w.T.reshape(d, n, size)

    def query(w):
        return split(heads)(scaled(w, config["query_pre_attn_scalar"] ** -0.5))

    layer = {
        "pre_self_attention_norm_{}.scale": ("input_layernorm", norm),
        "post_self_attention_norm_{}.scale": ("post_attention_layernorm", norm),
        "pre_ffw_norm_{}.scale": ("pre_feedforward_layernorm", norm),
        "post_ffw_norm_{}.scale": ("post_feedforward_layernorm", norm),
        "self_attention_{}.query.kernel": ("self_attn.q_proj", query),
        "self_attention_{}.key.kernel": ("self_attn.k_proj", split(kv)),
        "self_attention_{}.value.kernel": ("self_attn.v_proj", split(kv)),
        "self_attention_{}.out.kernel": ("self_attn.o_proj", lambda w: w.T.reshape(heads, size, d)),
        "mlp_{}.wi_0.kernel": ("mlp.gate_proj", lambda w: w.T),
        "mlp_{}.wi_1.kernel": ("mlp.up_proj", lambda w: w.T),
        "mlp_{}.wo.kernel": ("mlp.down_proj", lambda w: w.T),
    }
    return layer, lambda w: scaled(w, np.sqrt(d)), norm


def convert(hf, config, scanned, dtype):
    """Yields names and arrays."""
    layers = config["num_hidden_layers"]
    parts, embedding, norm = parts_of(config, dtype)
    yield "token_embedder.embedding", embedding(hf["model.embed_tokens.weight"])
    yield "decoder.decoder_norm.scale", norm(hf["model.norm.weight"])
    for kind, word in enumerate(("local", "global")):
        for name, (key, function) in parts.items():
            made = (function(hf[f"model.layers.{i}.{key}.weight"]) for i in range(kind, layers, 2))
            if scanned:
                yield "decoder.layers." + name.format(word), np.stack(list(made), axis=1)
            else:
                yield from ((f"decoder.layers_{i}." + name.format(word), array) for i, array in enumerate(made))


def main():
    source, target = (pathlib.Path(arg) for arg in sys.argv[1:3])
    dtype = np.float32 if "--f32" in sys.argv else None
    hf = numpy_store.load(source)
    config = json.loads((source / "config.json").read_text())
    arrays = convert(hf, config, "--unscanned" not in sys.argv, dtype)
    target.mkdir()
    as_wanted = ((name, array.astype(dtype or array.dtype, copy=False)) for name, array in arrays)
    numpy_store.save(target / "model.safetensors", as_wanted, len(hf))


main()
