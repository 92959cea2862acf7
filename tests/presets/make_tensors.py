#!/usr/bin/env python3
"""Lists the tensors that the real model classes have, for the presets of the rule packs.

usage: make_tensors.py [--rules rules] [--dtype bfloat16|float32] PACK [MODEL ...]
       make_tensors.py [--rules rules] --fp8 FOLDER PACK MODEL ...

For each model (a folder of rules/PACK/presets that holds config.json and maxtext.yml; all of them without names) this writes
beside them:

  hf.tensors                 transformers' class named in config.json, built on the meta device, as save_pretrained writes it
  maxtext.tensors            MaxText's model under jax.eval_shape, layers scanned, on the scan axis of maxtext.yml; not where
                             maxtext.yml has scan_layers: false
  maxtext_unscanned.tensors  the same with scan_layers=false

With --fp8 it writes another list into FOLDER instead:

  MODEL.tensors              transformers' class with the linear layers that it makes for weights in fp8, scales of blocks of
                             128 x 128. It keeps the scales of experts stacked; as published, each weight has its own.

A line has name, dtype as safetensors spells it, and shape; what differs in numbers only shares one. Nothing is downloaded and no
weight is allocated.

Needs Python 3.12 with maxtext==0.2.5 (it does not pull its own dependencies: jax flax orbax-checkpoint tensorstore safetensors
ml_dtypes omegaconf pydantic tabulate psutil etils jaxtyping absl-py tqdm sentencepiece huggingface_hub optax chex aqtp qwix grain
tensorboardx pillow pathwaysutils drjax tokamax tiktoken), transformers and torch. The lists were made with transformers 5.24.0.

How dtypes are decided. Neither class knows them: both build their weights in whatever type they are told.
- Hugging Face: --dtype. bfloat16, the default, is what most checkpoints are published in; the base models of Gemma 2, whose
  config.json the presets hold, are in float32; their names and shapes are the same.
- MaxText: what `to_maxtext` stores (--dtype is its --save_dtype, bfloat16 by default there too, so it makes the same of a float32
  source). Each tensor's type is found by running MaxText's own hooks for it on a few ones. eval_shape with weight_dtype=bfloat16
  calls everything BF16, and a checkpoint that was trained is; a converted Gemma has its norms in F32, since the hook's `w + 1.0`
  turns bfloat16 into float32 in NumPy and nothing casts it back.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib

os.environ.update(JAX_PLATFORMS="cpu", HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")

import ml_dtypes
import numpy as np
import torch
import transformers
import yaml

import maxtext
import series
from transformers.core_model_loading import revert_weight_conversion
from transformers.integrations.finegrained_fp8 import replace_with_fp8_linear
from transformers.quantizers.base import get_keys_to_not_convert
from transformers.utils.quantization_config import FineGrainedFP8Config
from maxtext.checkpoint_conversion.to_maxtext import get_maxtext_model_info
from maxtext.checkpoint_conversion.utils.param_mapping import HOOK_FNS
from maxtext.configs import pyconfig

DTYPES = {"bfloat16": (torch.bfloat16, ml_dtypes.bfloat16), "float32": (torch.float32, np.float32)}
MAXTEXT_VERSION = importlib.metadata.version("maxtext")
SAFETENSORS_NAMES = {"bfloat16": "BF16", "float32": "F32", "float8_e4m3fn": "F8_E4M3", "int32": "I32", "int64": "I64"}
FP8_BLOCK = 128
# What published checkpoints in fp8 leave in bfloat16, beside what transformers itself does: their `modules_to_not_convert` name routers,
# vision, and what has too few rows for blocks.
NOT_IN_FP8 = ["model.visual", "mlp.gate", "shared_expert_gate", "in_proj_ba"]


# Types that no hook of MaxText says, by the beginning of the model's name and the end of the tensor's: norms of w + 1 are those of its later
# Gemmas, ones are made as float32, and the model keeps its table of experts as float32, since integers have no gradient.
STORED = {
    ("gemma-", "norm-scale"): "F32",
    ("deepseek4-", "mhc_norm-scale"): "F32",
    ("deepseek4-", "tid2eid"): "F32",
}

# What a maxtext.yml decides; the rest of it is checked to be what MaxText has for the model.
DECIDED = ("param_scan_axis", "use_multimodal", "use_audio")


def hf_tensors(hf_config, dtype):
    """{name: (dtype, shape)} of what save_pretrained writes: the state dict as published, without tied copies."""
    model_class = getattr(transformers, hf_config["architectures"][0])
    # Its own type, by which it finds the names that it writes: Kimi K2 says another one.
    config = model_class.config_class.from_dict({**hf_config, "model_type": model_class.config_class.model_type})
    with torch.device("meta"):
        model = model_class(config).to(DTYPES[dtype][0])
    return stored(model)


def stored(model):
    state = model.state_dict()
    for tied in model.all_tied_weights_keys:
        state.pop(tied)
    return {
        name: (SAFETENSORS_NAMES[str(tensor.dtype).removeprefix("torch.")], tuple(tensor.shape))
        for name, tensor in revert_weight_conversion(model, state).items()
    }


def hf_fp8_tensors(hf_config):
    """The same with linear layers in fp8."""
    model_class = getattr(transformers, hf_config["architectures"][0])
    with torch.device("meta"):
        model = model_class(model_class.config_class.from_dict(hf_config)).to(torch.bfloat16)
    replace_with_fp8_linear(model, modules_to_not_convert=[*get_keys_to_not_convert(model), *NOT_IN_FP8], pre_quantized=True,
                            quantization_config=FineGrainedFP8Config(weight_block_size=(FP8_BLOCK, FP8_BLOCK)))
    tensors = {name: tensor for name, tensor in stored(model).items() if not name.endswith("proj_scale_inv")}
    for name, (dtype, shape) in list(tensors.items()):
        if dtype == "F8_E4M3":
            tensors[f"{name}_scale_inv"] = ("F32", tuple(-(-size // FP8_BLOCK) for size in shape))
    return tensors


def stored_dtype(hooks, rank, dtype):
    """The dtype that MaxText's hooks for one tensor leave behind, found by running them on a few ones."""
    ones = np.ones((2,) * rank, DTYPES[dtype][1])
    try:
        for hook in hooks if isinstance(hooks, list) else [hooks] if hooks else []:
            ones = hook(ones, (2,) * rank)
    except Exception:  # made for shapes like the model's: those only move numbers
        return SAFETENSORS_NAMES[dtype]
    return SAFETENSORS_NAMES[np.asarray(ones).dtype.name]


def same(a, b):
    """Whether two values of a config are; YAML takes `1e-6` for a text."""
    try:
        return a == b or float(a) == float(b)
    except (TypeError, ValueError):
        return str(a) == str(b)


def maxtext_tensors(model, expected, hf_config, dtype, scan_layers):
    """{name: (dtype, shape)} of a checkpoint that MaxText converts; checks maxtext.yml against MaxText on the way."""
    base = pathlib.Path(maxtext.__file__).parent / "configs" / "base.yml"
    decided = [f"{key}={value}" for key, value in expected.items() if key in DECIDED]
    config = pyconfig.initialize(["", str(base), f"model_name={model}", f"scan_layers={scan_layers}", *decided, "hardware=cpu",
                                  f"weight_dtype={dtype}", "attention=dot_product", "skip_jax_distributed_system=True"])
    for key, value in {**expected, "scan_layers": scan_layers}.items():
        if key == "logical_axis_rules":  # of shards: merged with many others
            continue
        actual = getattr(config, key)
        actual = getattr(actual, "value", actual)
        if not same(actual, value):
            raise SystemExit(f"{model}/maxtext.yml says {key}: {value}, MaxText {actual}")
    shapes, _ = get_maxtext_model_info(config)
    hooks = HOOK_FNS[model](hf_config, config, scan_layers, saving_to_hf=False) if model in HOOK_FNS else {}
    known = {end: stored for (start, end), stored in STORED.items() if model.startswith(start)}
    return {
        key.removeprefix("params-").replace("-", "."):
            (next((stored for end, stored in known.items() if key.endswith(end)), None) or stored_dtype(hooks.get(key), len(shape), dtype), shape)
        for key, (_, shape) in shapes.items()
    }


def write(path, what, tensors):
    path.write_text("".join(f"# {line}\n" for line in what) + "".join(series.lines(tensors)))
    print(f"{path}: {len(tensors)} tensors")


def main():
    parser = argparse.ArgumentParser(description="Lists the tensors that the real model classes have.")
    parser.add_argument("--rules", type=pathlib.Path, default=pathlib.Path("rules"))
    parser.add_argument("--dtype", choices=DTYPES, default="bfloat16")
    parser.add_argument("--fp8", type=pathlib.Path)
    parser.add_argument("pack")
    parser.add_argument("models", nargs="*")
    args = parser.parse_args()
    presets = args.rules / args.pack / "presets"
    for model in args.models or sorted(folder.name for folder in presets.iterdir() if folder.is_dir()):
        folder = presets / model
        hf_config = json.loads((folder / "config.json").read_text())
        expected = yaml.safe_load((folder / "maxtext.yml").read_text())
        class_name = hf_config["architectures"][0]
        if args.fp8:
            write(args.fp8 / f"{model}.tensors", [
                f"Made by make_tensors.py --fp8: {class_name} of transformers {transformers.__version__}, linear layers in fp8.",
            ], hf_fp8_tensors(hf_config))
            continue
        if hasattr(transformers, class_name):
            write(folder / "hf.tensors", [
                f"Made by make_tensors.py: {class_name} of transformers {transformers.__version__}, without tied copies.",
                f"{args.dtype}, as asked for.",
            ], hf_tensors(hf_config, args.dtype))
        else:
            print(f"{model}: transformers has no {class_name}, so there is no hf.tensors")
        for scan_layers, name in (True, "maxtext"), (False, "maxtext_unscanned"):
            if scan_layers and not expected["scan_layers"]:
                continue  # MaxText cannot stack the layers of this model
            write(folder / f"{name}.tensors", [
                f"Made by make_tensors.py: {model} of MaxText {MAXTEXT_VERSION}, scan_layers={str(scan_layers).lower()}.",
                "Types as its converter stores them.",
            ], maxtext_tensors(model, expected, hf_config, args.dtype, scan_layers))


if __name__ == "__main__":
    main()
