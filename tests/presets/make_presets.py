#!/usr/bin/env python3
"""Writes config.json and maxtext.yml of the presets of a rule pack.

usage: make_presets.py [--rules rules] [--multimodal] [--unscanned] PACK MODEL ...

A model is one of MaxText's configs/models. Its maxtext.yml is that file and the defaults that a converter reads; with --multimodal, it turns
the model's vision on, which MaxText has off; with --unscanned, it has scan_layers: false, for models whose layers MaxText cannot stack. Its config.json
is what MaxText's converter takes for Hugging Face's config of the model (utils/hf_model_configs), or, for models that it has none
for, what the table below says; it is written by transformers' own class, all of it but what is not of the model.

Needs what make_tensors.py needs, and is followed by it.
"""

import argparse
import json
import os
import pathlib
import re

os.environ.update(JAX_PLATFORMS="cpu", HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")

import transformers
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

import maxtext
from maxtext.checkpoint_conversion.utils.hf_model_configs import HF_MODEL_CONFIGS


def llama(hidden_size, intermediate_size, layers, heads, kv_heads, vocab_size=32000, **more):
    return transformers.LlamaConfig(hidden_size=hidden_size, intermediate_size=intermediate_size, num_hidden_layers=layers,
                                    num_attention_heads=heads, num_key_value_heads=kv_heads, vocab_size=vocab_size, **more)


LLAMA3 = {"vocab_size": 128256, "rope_theta": 500000.0}
LLAMA31 = {**LLAMA3, "rope_scaling": {"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                                      "original_max_position_embeddings": 8192, "rope_type": "llama3"}}


class KimiK2Config(transformers.DeepseekV3Config):
    """That of DeepSeek V3 under another name; it brings its own code."""

    model_type = "kimi_k2"


def llama4(experts, step, qk_norm, **more):
    return transformers.Llama4Config(
        architectures=["Llama4ForConditionalGeneration"],
        text_config={"hidden_size": 5120, "intermediate_size": 8192, "intermediate_size_mlp": 16384, "num_hidden_layers": 48,
                     "num_attention_heads": 40, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 202048, "num_experts_per_tok": 1,
                     "num_local_experts": experts, "interleave_moe_layer_step": step, "use_qk_norm": qk_norm, "rope_theta": 500000.0, **more},
        vision_config={"hidden_size": 1408, "intermediate_size": 5632, "num_hidden_layers": 34, "num_attention_heads": 16, "image_size": 336,
                       "patch_size": 14, "projector_input_dim": 4096, "projector_output_dim": 4096, "vision_output_dim": 4096})


PUBLISHED = {
    "gemma-2b": lambda: transformers.GemmaConfig(
        hidden_size=2048, intermediate_size=16384, num_hidden_layers=18, num_attention_heads=8, num_key_value_heads=1,
        head_dim=256, vocab_size=256000),
    "gemma-7b": lambda: transformers.GemmaConfig(
        hidden_size=3072, intermediate_size=24576, num_hidden_layers=28, num_attention_heads=16, num_key_value_heads=16,
        head_dim=256, vocab_size=256000),
    "llama2-7b": lambda: llama(4096, 11008, 32, 32, 32),
    "llama2-13b": lambda: llama(5120, 13824, 40, 40, 40),
    "llama2-70b": lambda: llama(8192, 28672, 80, 64, 8),
    "llama3-8b": lambda: llama(4096, 14336, 32, 32, 8, **LLAMA3),
    "llama3-70b": lambda: llama(8192, 28672, 80, 64, 8, **LLAMA3),
    "llama3.1-405b": lambda: llama(16384, 53248, 126, 128, 8, **LLAMA31),
    "llama3.3-70b": lambda: llama(8192, 28672, 80, 64, 8, **LLAMA31),
    "mistral-7b": lambda: transformers.MistralConfig(
        hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=8,
        vocab_size=32000, sliding_window=4096, rope_theta=10000.0),
    "llama4-17b-16e": lambda: llama4(16, 1, True),
    "llama4-17b-128e": lambda: llama4(128, 2, False),
    "kimi-k2-1t": lambda: KimiK2Config(
        architectures=["DeepseekV3ForCausalLM"], hidden_size=7168, intermediate_size=18432, moe_intermediate_size=2048,
        num_hidden_layers=61, num_attention_heads=64, num_key_value_heads=64, vocab_size=163840, first_k_dense_replace=1,
        n_routed_experts=384, n_shared_experts=1, num_experts_per_tok=8, n_group=1, topk_group=1, topk_method="noaux_tc",
        scoring_func="sigmoid", routed_scaling_factor=2.827, q_lora_rank=1536, kv_lora_rank=512, qk_nope_head_dim=128, qk_rope_head_dim=64,
        v_head_dim=128, max_position_embeddings=131072, rope_theta=50000.0,
        rope_scaling={"beta_fast": 1.0, "beta_slow": 1.0, "factor": 32.0, "mscale": 1.0, "mscale_all_dim": 1.0,
                      "original_max_position_embeddings": 4096, "type": "yarn", "rope_type": "yarn"}),
    # MaxText has the defaults of transformers' class for it, which are those of no model.
    "qwen3-omni-30b-a3b": lambda: transformers.Qwen3OmniMoeConfig(
        architectures=["Qwen3OmniMoeForConditionalGeneration"],
        thinker_config={
            "audio_config": {"output_dim": 2048},
            "vision_config": {"out_hidden_size": 2048},
            "text_config": {"head_dim": 128, "intermediate_size": 768, "max_position_embeddings": 65536, "num_attention_heads": 32,
                            "num_hidden_layers": 48, "vocab_size": 152064},
        },
        talker_config={"spatial_merge_size": 2, "text_config": {"head_dim": 128, "shared_expert_intermediate_size": 768}}),
}
# Keys of every class, which say nothing of a model.
COMMON = {"_name_or_path", "chunk_size_feed_forward", "id2label", "is_encoder_decoder", "label2id", "output_attentions",
          "output_hidden_states", "return_dict"}
DEFAULTS = {"scan_layers": "true", "param_scan_axis": "1"}


def terse(value, default):
    """Without what every class has, and without nulls that a class assumes anyway."""
    if not isinstance(value, dict):
        return value
    default = default if isinstance(default, dict) else {}
    return {key: terse(one, default.get(key)) for key, one in sorted(value.items())
            if key not in COMMON and (one is not None or default.get(key) is not None)}


def hf_config(model):
    config = PUBLISHED[model]() if model in PUBLISHED else HF_MODEL_CONFIGS[model]
    if not config.architectures:
        config.architectures = [MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[config.model_type]]
    if config.dtype is None:
        config.dtype = "bfloat16"
    if not hasattr(config, "tie_word_embeddings"):
        config.tie_word_embeddings = False  # what a class of transformers without the key does
    default = type(config)()
    return terse(json.loads(config.to_json_string(use_diff=False)), json.loads(default.to_json_string(use_diff=False)))


def maxtext_yml(model, decided):
    own = (pathlib.Path(maxtext.__file__).parent / "configs" / "models" / f"{model}.yml").read_text()
    own = re.sub(r"\A(#.*\n|\s*\n)*", "", own)
    return f"""# MaxText's config of {model}, as far as a converter reads it.
# Copyright 2023-2026 Google LLC, Apache License 2.0.
#
# From configs/models/{model}.yml of MaxText 0.2.5, unchanged:

{own.rstrip()}

# The name, and defaults from configs/base.yml of MaxText 0.2.5, which every model has unless told otherwise:

model_name: "{model}"
""" + "".join(
        f"{key}: {value}\n" for key, value in {**DEFAULTS, **decided}.items() if not re.search(f"^{key}:", own, re.M))


def main():
    parser = argparse.ArgumentParser(description="Writes config.json and maxtext.yml of the presets of a rule pack.")
    parser.add_argument("--rules", type=pathlib.Path, default=pathlib.Path("rules"))
    parser.add_argument("--multimodal", action="store_true")
    parser.add_argument("--unscanned", action="store_true")
    parser.add_argument("pack")
    parser.add_argument("models", nargs="+")
    args = parser.parse_args()
    decided = {**({"use_multimodal": "true"} if args.multimodal else {}), **({"scan_layers": "false"} if args.unscanned else {})}
    for model in args.models:
        folder = args.rules / args.pack / "presets" / model
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(hf_config(model), indent=2) + "\n")
        (folder / "maxtext.yml").write_text(maxtext_yml(model, decided))


if __name__ == "__main__":
    main()
