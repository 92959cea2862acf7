#!/usr/bin/env python3
"""Makes the vectors of models for which MaxText has scripts of their own, not a mapping: toy models, converted by those scripts.

usage: JAX_PLATFORMS=cpu make_script_vectors.py [--out tests/data/oracle] [--keep DIR] [CASE ...]

The scripts convert to MaxText only, in one layout each. The files are those of make_vectors.py, but for the other direction. No value is
computed here: a checkpoint is filled by name (numbers_by_name.py), the script's own `main` or converting function runs on it, and what it
hands to the writer is kept, as checksums.

Needs what make_vectors.py needs.
"""

import argparse
import json
import logging
import pathlib
import tempfile
import unittest.mock

import absl.logging
import numpy as np
import orbax.checkpoint
import transformers
from safetensors.numpy import save_file

from make_vectors import maxtext_config_for, maxtext_yml, numbers, plain, quiet, series, write_sums

from maxtext.checkpoint_conversion.standalone_scripts import convert_gemma_chkpt


def flat(tree, prefix=""):
    """{dotted name: array} of a tree of dictionaries."""
    return {name: value for key, sub in tree.items()
            for name, value in (flat(sub, f"{prefix}{key}.") if isinstance(sub, dict) else {f"{prefix}{key}": sub}).items()}


# Gemma 1, as released for Flax: two levels, the first of which has slashes in its names


def gemma1_case(size, layers, d, f, n, k, h, vocab):
    tensors = {"transformer/embedder.input_embedding": (vocab, d), "transformer/final_norm.scale": (d,)}
    for i in range(layers):
        inside = {
            "pre_attention_norm.scale": (d,), "pre_ffw_norm.scale": (d,), "attn/attn_vec_einsum.w": (n, h, d),
            "mlp/gating_einsum.w": (2, d, f), "mlp/linear.w": (f, d),
            **({"attn/qkv_einsum.w": (3, n, d, h)} if k == n else {"attn/q_einsum.w": (n, d, h), "attn/kv_einsum.w": (2, k, d, h)}),
        }
        tensors |= {f"transformer/layer_{i}/{name}": shape for name, shape in inside.items()}
    return {
        "model": f"gemma-{size}", "scan": True, "tensors": tensors, "run": lambda inputs, folder: gemma1_run(size, inputs, folder),
        "config": transformers.GemmaConfig(hidden_size=d, intermediate_size=f, num_hidden_layers=layers, num_attention_heads=n,
                                           num_key_value_heads=k, head_dim=h, vocab_size=vocab - 3),
        "mt": {"base_emb_dim": d, "base_mlp_dim": f, "base_num_query_heads": n, "base_num_kv_heads": k, "head_dim": h,
               "base_num_decoder_layers": layers, "vocab_size": vocab},
    }


def gemma1_run(size, inputs, folder):
    tree = {}
    for name, value in inputs.items():
        path, leaf = name.rsplit(".", 1)
        tree.setdefault(path, {})[leaf] = value
    release = folder / "release"
    orbax.checkpoint.PyTreeCheckpointer().save(release, tree)
    written = []
    checkpointing = convert_gemma_chkpt.checkpointing
    with unittest.mock.patch.multiple(checkpointing, create_orbax_checkpoint_manager=lambda *_: object(),
                                      save_checkpoint=lambda _, step, state: written.append(state) or True,
                                      reached_preemption=lambda *_: False):
        convert_gemma_chkpt.main(["--base_model_path", str(release), "--maxtext_model_path", str(folder), "--model_size", size])
    return written[0].params["params"]


def cases():
    return {
        # layers, d, f, n, k, h, vocab
        "gemma-2b-flax": gemma1_case("2b", 3, 14, 20, 4, 1, 6, 40),
        "gemma-7b-flax": gemma1_case("7b", 3, 14, 20, 4, 4, 6, 40),
    }


def make(name, case, out, keep):
    layout = out / name / ("scan" if case["scan"] else "unscan")
    layout.mkdir(parents=True, exist_ok=True)
    dtypes = {tensor: ("BF16", shape) for tensor, shape in case["tensors"].items()}
    (out / name / "config.json").write_text(json.dumps(plain(case["config"].to_dict()), indent=1) + "\n")
    (out / name / "hf.tensors").write_text("".join(series.lines(dtypes)))
    config = quiet(maxtext_config_for, case, case["scan"], "bfloat16")
    (layout / "maxtext.yml").write_text(maxtext_yml(case, config))
    with tempfile.TemporaryDirectory() as folder:
        inputs = {tensor: numbers.filled(tensor, *spec) for tensor, spec in dtypes.items()}
        made = quiet(case["run"], inputs, pathlib.Path(folder))
    made = {tensor: np.asarray(value) for tensor, value in flat(made).items()}
    write_sums(layout / "maxtext.sums", made, {})
    if keep:
        (keep / name).mkdir(parents=True, exist_ok=True)
        save_file({tensor: np.ascontiguousarray(value) for tensor, value in made.items()}, keep / name / "maxtext.safetensors")
    print(f"{name}: {len(made)} tensors of maxtext", flush=True)


def main():
    parser = argparse.ArgumentParser(description="Makes vectors of what MaxText's scripts convert.")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("tests/data/oracle"))
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("wanted", nargs="*")
    args = parser.parse_args()
    absl.logging.set_verbosity(absl.logging.ERROR)
    logging.disable(logging.WARNING)
    for name, case in cases().items():
        if not args.wanted or name in args.wanted:
            make(name, case, args.out, args.keep)


if __name__ == "__main__":
    main()
