#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the vectors of weights in few bits: toy checkpoints as they are published, and the bfloat16 that others make of them.

usage: make_quantized_vectors.py [--out tests/data/quantized]

For each format a folder: config.json, few_bits.safetensors, and bf16.safetensors, in which the weights are what the published code
makes of these bits: transformers for fp8 (its blocks have to divide the weights) and mxfp4, compressed-tensors for int4. No value is
computed here. Names and shapes are those of the models that transformers builds.

Needs tests/orbax/requirements-logits.txt and compressed-tensors 0.20.0, with Python 3.12.
"""

import argparse
import json
import pathlib
import tempfile

import torch
import transformers
from compressed_tensors.compressors.pack_quantized.helpers import pack_to_int32, unpack_from_int32
from compressed_tensors.quantization import QuantizationArgs
from compressed_tensors.quantization.lifecycle.forward import dequantize
from safetensors.torch import load_file, save_file
from transformers.integrations.finegrained_fp8 import Fp8Dequantize
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

BLOCK = 16  # rows and columns of fp8 that share a scale
GROUP = 32  # weights of a row of int4 that share one


def published(config):
    """The tensors of a random model by the names that it is saved with."""
    torch.manual_seed(1)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return load_file(f"{folder}/model.safetensors")


def bytes_below(most, shape):
    return torch.randint(0, most, shape, dtype=torch.uint8)


def mxfp4(name, weight):
    """Experts of GPT-OSS, [E D F], as blocks of 32 numbers in 16 bytes, [E F D/32 16], each with an exponent."""
    experts, rows, columns = weight.shape
    blocks = bytes_below(256, (experts, columns, rows // 32, 16))
    scales = 117 + bytes_below(21, (experts, columns, rows // 32))
    return {f"{name}_blocks": blocks, f"{name}_scales": scales}, convert_moe_packed_tensors(blocks, scales)


def fp8(name, weight):
    numbers = bytes_below(255, weight.shape)
    numbers[numbers == 127] = 0  # 127 and 255 are no numbers
    numbers = numbers.view(torch.float8_e4m3fn)
    scales = torch.rand([size // BLOCK for size in weight.shape]) / 100
    return {name: numbers, f"{name}_scale_inv": scales}, Fp8Dequantize(None)._dequantize_one(numbers, scales, torch.bfloat16)


def int4(name, weight):
    rows, columns = weight.shape
    packed = pack_to_int32(bytes_below(16, weight.shape).to(torch.int8) - 8, 4)
    scale = (torch.rand(rows, columns // GROUP) / 10).to(torch.bfloat16)
    form = QuantizationArgs(num_bits=4, strategy="group", group_size=GROUP, symmetric=True)
    weights = dequantize(unpack_from_int32(packed, 4, weight.shape), scale, args=form, dtype=torch.bfloat16)
    return {f"{name}_packed": packed, f"{name}_scale": scale, f"{name}_shape": torch.tensor(weight.shape)}, weights


def deepseek():
    return transformers.DeepseekV3Config(
        architectures=["DeepseekV3ForCausalLM"], hidden_size=64, intermediate_size=48, moe_intermediate_size=32, num_hidden_layers=2,
        first_k_dense_replace=1, num_attention_heads=2, num_key_value_heads=2, n_routed_experts=2, n_shared_experts=1,
        num_experts_per_tok=1, n_group=1, topk_group=1, kv_lora_rank=32, q_lora_rank=48, qk_nope_head_dim=24, qk_rope_head_dim=16,
        v_head_dim=8, vocab_size=8, pad_token_id=None)


CASES = {
    "mxfp4": (transformers.GptOssConfig(
        architectures=["GptOssForCausalLM"], hidden_size=64, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, num_local_experts=2, num_experts_per_tok=1, vocab_size=8, pad_token_id=None,
        layer_types=["sliding_attention", "full_attention"]), mxfp4, lambda name: name.endswith(("gate_up_proj", "down_proj"))),
    "fp8": (deepseek(), fp8, lambda name: "_proj" in name),
    "int4": (deepseek(), int4, lambda name: ".experts." in name),
}


def make(out, case):
    config, reduce, is_reduced = CASES[case]
    few, wide = {}, {}
    for name, weight in published(config).items():
        if is_reduced(name):
            bits, made = reduce(name, weight)
            assert made.shape == weight.shape and made.dtype == torch.bfloat16 and made.isfinite().all(), name
        else:
            bits, made = {name: weight}, weight
        few |= {key: value.contiguous() for key, value in bits.items()}
        wide[name] = made.contiguous()
    folder = out / case
    folder.mkdir(parents=True, exist_ok=True)
    document = config.to_dict()
    if case == "fp8":
        document["quantization_config"] = {"quant_method": "fp8", "weight_block_size": [BLOCK, BLOCK]}
    (folder / "config.json").write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    save_file(few, folder / "few_bits.safetensors")
    save_file(wide, folder / "bf16.safetensors")
    print(f"{case}: {len(few)} tensors, of which {len(few) - len(set(few) & set(wide))} are not in bfloat16's checkpoint")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parents[1] / "data/quantized")
    args = parser.parse_args()
    for case in CASES:
        make(args.out, case)


if __name__ == "__main__":
    main()
