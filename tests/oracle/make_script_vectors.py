#!/usr/bin/env python3
"""Makes the vectors of models for which MaxText has scripts of their own, not a mapping: toy models, converted by those scripts.

usage: JAX_PLATFORMS=cpu make_script_vectors.py [--out tests/data/oracle] [--keep DIR] [CASE ...]

The scripts convert to MaxText only. The files are those of make_vectors.py, but for the other direction. No value is
computed here: a checkpoint is filled by name (numbers_by_name.py), the script's own `main` or converting function runs on it, and what it
hands to the writer is kept, as checksums.

Needs what make_vectors.py needs.
"""

import json
import pathlib
import tempfile
import unittest.mock

import numpy as np
import orbax.checkpoint
import psutil
import transformers
from safetensors.numpy import save_file

from make_vectors import arguments, maxtext_config_for, maxtext_yml, numbers, plain, quiet, series, write_sums

from make_tensors import hf_tensors
from maxtext.checkpoint_conversion.standalone_scripts import (
    convert_deepseek_family_ckpt,
    convert_deepseek_family_unscanned_ckpt,
    convert_gemma_chkpt,
    llama4_ckpt_unscanned,
    llama_or_mistral_ckpt,
)


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
        "model": f"gemma-{size}", "tensors": tensors, "layouts": {"scan": lambda *where: gemma1_run(size, *where)},
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


# Llama 4: a script for each layout, of which the one for scanned layers leaves vision out


def llama4_case(model, every, layers, d, f, dense_f, n, k, h, experts, vocab, v):
    config = transformers.Llama4Config(
        architectures=["Llama4ForConditionalGeneration"],
        text_config={"hidden_size": d, "intermediate_size": f, "intermediate_size_mlp": dense_f, "num_hidden_layers": layers,
                     "num_attention_heads": n, "num_key_value_heads": k, "head_dim": h, "vocab_size": vocab, "num_local_experts": experts,
                     "interleave_moe_layer_step": every, "pad_token_id": None},
        vision_config={"hidden_size": v["d"], "intermediate_size": v["f"], "num_hidden_layers": v["layers"], "num_attention_heads": v["n"],
                       "image_size": 8, "patch_size": 4, "projector_input_dim": v["in"], "projector_output_dim": v["out"],
                       "vision_output_dim": v["out"]})
    params = {"num_layers": layers, "num_heads": n, "num_kv_heads": k, "dims_per_head": h, "vocab": vocab, "base_emb_dim": d,
              "num_experts": experts, "interleave_moe_layer_step": every, "num_layers_vit": v["layers"], "num_att_head_vit": v["n"],
              "hidden_size_vit": v["d"]}
    # What the scripts know of the model beside its sizes.
    params = {**llama_or_mistral_ckpt.MODEL_PARAMS_DICT[model], **params}

    def run(script, inputs, folder):
        save_file(inputs, folder / "model.safetensors")
        return script._convert_huggingface_to_jax_weights(str(folder), model, params, psutil.Process())

    return {
        "model": model, "config": config, "tensors": {name: shape for name, (_, shape) in hf_tensors(config.to_dict(), "bfloat16").items()},
        "layouts": {"scan": lambda *where: run(llama_or_mistral_ckpt, *where), "unscan": lambda *where: run(llama4_ckpt_unscanned, *where)},
        "mt": {"base_emb_dim": d, "base_mlp_dim": f if every == 1 else dense_f, "base_moe_mlp_dim": f, "base_num_query_heads": n,
               "base_num_kv_heads": k, "head_dim": h, "base_num_decoder_layers": layers, "vocab_size": vocab, "num_experts": experts},
        "mt_unscan": {"use_multimodal": True, "hidden_size_for_vit": v["d"], "intermediate_size_for_vit": v["f"],
                      "num_hidden_layers_for_vit": v["layers"], "num_attention_heads_for_vit": v["n"], "image_size_for_vit": 8,
                      "patch_size_for_vit": 4},
    }


# Kimi K2: the scripts of the DeepSeek family, which make float16 of everything


def kimi_case(d, f, n, layers, dense, vocab, moe_f, experts, kv, nope, rope, v, q):
    sizes = {
        "hidden_size": d, "intermediate_size": f, "num_attention_heads": n, "num_key_value_heads": n, "num_hidden_layers": layers,
        "vocab_size": vocab, "first_k_dense_replace": dense, "moe_intermediate_size": moe_f, "n_routed_experts": experts,
        "n_shared_experts": 1, "num_experts_per_tok": 2, "kv_lora_rank": kv, "q_lora_rank": q, "qk_nope_head_dim": nope,
        "qk_rope_head_dim": rope, "v_head_dim": v, "n_group": 1, "topk_group": 1, "topk_method": "noaux_tc",
    }  # fmt: skip
    config = transformers.DeepseekV3Config(architectures=["DeepseekV3ForCausalLM"], pad_token_id=None, **sizes)
    model = "kimi-k2-1t"
    params = {
        **convert_deepseek_family_ckpt.MODEL_PARAMS_DICT[model], "num_layers": layers, "first_num_dense_layers": dense,
        "base_num_query_heads": n, "base_emb_dim": d, "num_experts": experts, "q_lora_rank": q, "kv_lora_rank": kv,
        "qk_nope_head_dim": nope, "qk_rope_head_dim": rope, "v_head_dim": v,
    }  # fmt: skip

    def run(script, inputs, folder):
        save_file(inputs, folder / "model.safetensors")
        made = flat(script._convert_huggingface_to_jax_weights(str(folder), params, psutil.Process()))
        # The model looks for the biases of routers in another collection.
        return {f"MoEBiasVar.{name}" if name.endswith("MoeBlock_0.gate.bias") else name: value for name, value in made.items()}

    return {
        "model": model, "config": config, "tensors": {name: shape for name, (_, shape) in hf_tensors(config.to_dict(), "bfloat16").items()},
        "layouts": {"scan": lambda *where: run(convert_deepseek_family_ckpt, *where),
                    "unscan": lambda *where: run(convert_deepseek_family_unscanned_ckpt, *where)},
        "mt": {
            "base_emb_dim": d, "base_mlp_dim": f, "base_num_query_heads": n, "base_num_kv_heads": n, "base_num_decoder_layers": layers,
            "vocab_size": vocab, "first_num_dense_layers": dense, "base_moe_mlp_dim": moe_f, "num_experts": experts, "shared_experts": 1,
            "num_experts_per_tok": 2, "kv_lora_rank": kv, "q_lora_rank": q, "qk_nope_head_dim": nope, "qk_rope_head_dim": rope,
            "v_head_dim": v,
        },
    }  # fmt: skip


def cases():
    vision = {"d": 12, "f": 26, "n": 3, "layers": 2, "in": 14, "out": 18}
    return {
        # layers, d, f, n, k, h, vocab
        "gemma-2b-flax": gemma1_case("2b", 3, 14, 20, 4, 1, 6, 40),
        "gemma-7b-flax": gemma1_case("7b", 3, 14, 20, 4, 4, 6, 40),
        # every, layers, d (the scripts take n * h for it), f, dense f, n, k, h, experts, vocab
        "llama4-17b-16e": llama4_case("llama4-17b-16e", 1, 8, 24, 10, 20, 4, 2, 6, 3, 37, vision),
        "llama4-17b-128e": llama4_case("llama4-17b-128e", 2, 8, 24, 10, 20, 4, 2, 6, 3, 37, vision),
        # d, f, n, layers, dense layers, vocab, moe f, experts, kv rank, nope, rope, v, q rank
        "kimi-k2-1t-f16": kimi_case(14, 20, 4, 4, 1, 37, 10, 3, 9, 6, 4, 7, 11),
    }


def make(name, case, out, keep):
    dtypes = {tensor: ("BF16", shape) for tensor, shape in case["tensors"].items()}
    for layout, run in case["layouts"].items():
        folder = out / name / layout
        folder.mkdir(parents=True, exist_ok=True)
        (out / name / "config.json").write_text(json.dumps(plain(case["config"].to_dict()), indent=1) + "\n")
        (out / name / "hf.tensors").write_text("".join(series.lines(dtypes)))
        said = {**case, "mt": {**case["mt"], **case.get(f"mt_{layout}", {})}}
        (folder / "maxtext.yml").write_text(maxtext_yml(said, quiet(maxtext_config_for, said, layout == "scan", "bfloat16")))
        with tempfile.TemporaryDirectory() as scratch:
            inputs = {tensor: numbers.filled(tensor, *spec) for tensor, spec in dtypes.items()}
            made = quiet(run, inputs, pathlib.Path(scratch))
        made = {tensor: np.ascontiguousarray(value) for tensor, value in flat(made).items()}
        write_sums(folder / "maxtext.sums", made, {})
        if keep:
            (keep / name / layout).mkdir(parents=True, exist_ok=True)
            save_file(made, keep / name / layout / "maxtext.safetensors")
        print(f"{name} {layout}: {len(made)} tensors of maxtext", flush=True)


def main():
    args = arguments("Makes vectors of what MaxText's scripts convert.")
    for name, case in cases().items():
        if not args.wanted or name in args.wanted:
            make(name, case, args.out, args.keep)


if __name__ == "__main__":
    main()
