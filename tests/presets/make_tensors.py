#!/usr/bin/env python3
"""Lists the tensors that the real model classes have, for the presets of the rule packs.

usage: make_tensors.py [--presets rules/gemma2/presets] [--dtype bfloat16|float32] [MODEL ...]

For each model (a folder of presets that holds config.json and maxtext.yml; all of them without names) this writes beside them:

  hf.tensors                 transformers' class named in config.json, built on the meta device
  maxtext.tensors            MaxText's model under jax.eval_shape, layers scanned, on the scan axis of maxtext.yml
  maxtext_unscanned.tensors  the same with scan_layers=false

One tensor a line, sorted by name: name, dtype as safetensors spells it, shape. Nothing is downloaded and no weight is allocated.

Needs Python 3.12 with maxtext==0.2.5 (it does not pull its own dependencies: jax flax orbax-checkpoint tensorstore safetensors
ml_dtypes omegaconf pydantic tabulate psutil etils jaxtyping absl-py tqdm sentencepiece huggingface_hub optax chex aqtp qwix grain
tensorboardx pillow pathwaysutils drjax tokamax tiktoken), transformers and torch. The lists were made with transformers 5.24.0.

How dtypes are decided. Neither class knows them: both build their weights in whatever type they are told.
- Hugging Face: --dtype. bfloat16, the default, is what the instruction-tuned Gemma 2 checkpoints are published in. The base
  checkpoints, whose config.json the presets hold, are published in float32; their names and shapes are the same.
- MaxText: what `to_maxtext` stores (--dtype is its --save_dtype, bfloat16 by default there too, so it makes the same of a float32
  source). Each tensor's type is found by running MaxText's own hook for it on one element. eval_shape with weight_dtype=bfloat16
  calls everything BF16, and a checkpoint that was trained is; a converted one has its norms in F32, since the hook's `w + 1.0`
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
from maxtext.checkpoint_conversion.to_maxtext import get_maxtext_model_info
from maxtext.checkpoint_conversion.utils.param_mapping import HOOK_FNS
from maxtext.configs import pyconfig

DTYPES = {"bfloat16": (torch.bfloat16, ml_dtypes.bfloat16), "float32": (torch.float32, np.float32)}
MAXTEXT_VERSION = importlib.metadata.version("maxtext")
SAFETENSORS_NAMES = {"bfloat16": "BF16", "float32": "F32"}


def hf_tensors(hf_config, dtype):
    """{name: (dtype, shape)} of what save_pretrained writes: the state dict without tied copies."""
    model_class = getattr(transformers, hf_config["architectures"][0])
    config = model_class.config_class.from_dict(hf_config)
    with torch.device("meta"):
        model = model_class(config).to(DTYPES[dtype][0])
    tied = model._tied_weights_keys if config.tie_word_embeddings else ()
    return {
        name: (SAFETENSORS_NAMES[str(tensor.dtype).removeprefix("torch.")], tuple(tensor.shape))
        for name, tensor in model.state_dict().items()
        if name not in tied
    }


def stored_dtype(hooks, rank, dtype):
    """The dtype that MaxText's hooks for one tensor leave behind, found by running them on one element."""
    element = np.ones((1,) * rank, DTYPES[dtype][1])
    for hook in hooks if isinstance(hooks, list) else [hooks] if hooks else []:
        element = hook(element, (1,) * rank)
    return SAFETENSORS_NAMES[element.dtype.name]


def maxtext_tensors(model, expected, hf_config, dtype, scan_layers):
    """{name: (dtype, shape)} of a checkpoint that MaxText converts; checks maxtext.yml against MaxText on the way."""
    base = pathlib.Path(maxtext.__file__).parent / "configs" / "base.yml"
    options = [f"model_name={model}", f"scan_layers={scan_layers}", f"param_scan_axis={expected['param_scan_axis']}",
               f"weight_dtype={dtype}", "hardware=cpu", "attention=dot_product", "skip_jax_distributed_system=True"]
    config = pyconfig.initialize(["", str(base), *options])
    for key, value in {**expected, "scan_layers": scan_layers}.items():
        actual = getattr(config, key)
        if getattr(actual, "value", actual) != value:
            raise SystemExit(f"{model}/maxtext.yml says {key}: {value}, MaxText {actual}")
    shapes, _ = get_maxtext_model_info(config)
    hooks = HOOK_FNS[model](hf_config, config, scan_layers, saving_to_hf=False)
    return {
        key.removeprefix("params-").replace("-", "."): (stored_dtype(hooks.get(key), len(shape), dtype), shape)
        for key, (_, shape) in shapes.items()
    }


def write(path, what, tensors):
    rows = sorted((name, dtype, f"[{' '.join(map(str, shape))}]") for name, (dtype, shape) in tensors.items())
    width = max(len(row[0]) for row in rows)
    head = "".join(f"# {line}\n" for line in what)
    path.write_text(head + "".join(f"{name:<{width}}  {dtype:<4}  {shape}\n" for name, dtype, shape in rows))
    print(f"{path}: {len(rows)} tensors")


def main():
    parser = argparse.ArgumentParser(description="Lists the tensors that the real model classes have.")
    parser.add_argument("--presets", type=pathlib.Path, default=pathlib.Path("rules/gemma2/presets"))
    parser.add_argument("--dtype", choices=DTYPES, default="bfloat16")
    parser.add_argument("models", nargs="*")
    args = parser.parse_args()
    for model in args.models or sorted(folder.name for folder in args.presets.iterdir() if folder.is_dir()):
        folder = args.presets / model
        hf_config = json.loads((folder / "config.json").read_text())
        expected = yaml.safe_load((folder / "maxtext.yml").read_text())
        class_name = hf_config["architectures"][0]
        write(folder / "hf.tensors", [
            f"Made by make_tensors.py: {class_name} of transformers {transformers.__version__}, without tied copies.",
            f"{args.dtype}, as asked for. Base models are published in float32, instruction-tuned ones in bfloat16.",
        ], hf_tensors(hf_config, args.dtype))
        for scan_layers, name in (True, "maxtext"), (False, "maxtext_unscanned"):
            write(folder / f"{name}.tensors", [
                f"Made by make_tensors.py: {model} of MaxText {MAXTEXT_VERSION}, scan_layers={str(scan_layers).lower()}.",
                "Types as its converter stores them: norms in float32, which w + 1 is in NumPy. After training all are weight_dtype.",
            ], maxtext_tensors(model, expected, hf_config, args.dtype, scan_layers))


if __name__ == "__main__":
    main()
