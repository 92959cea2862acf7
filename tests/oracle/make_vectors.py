#!/usr/bin/env python3
"""Makes the vectors in tests/data/oracle: what MaxText itself converts, on toy models of every family.

usage: JAX_PLATFORMS=cpu make_vectors.py [--out tests/data/oracle] [--keep DIR] [FAMILY-OR-CASE ...]

For every case (a model of MaxText with toy dimensions, cases.py) and both layouts (scanned and unscanned layers) the inputs are filled
by name (numbers_by_name.py), and MaxText's own code converts them, in both directions. Kept are the configurations, the lists of the inputs,
and a checksum (XXH3, 128 bits) of each tensor of the outputs. --keep writes the outputs themselves, for who has to find a difference.

No value is computed here. What is run:
- HF -> MaxText: the body of `to_maxtext.main` in lazy mode, its default: LazyHFLoader, PARAM_MAPPING, HOOK_FNS,
  `_get_hf_loading_function`, `_get_maxtext_weight`, then what the checkpoint writer does with each leaf.
- MaxText -> HF: the body of `to_huggingface.main`: leaves cast to weight_dtype, `_get_model_mappings`,
  `_transform_weights_to_full_model`, what `save_safetensor_file` casts.
Where MaxText's code fails on some tensors, the others are kept, and those are listed as missing, with its words.

Needs: maxtext==0.2.5 (with jax, orbax, transformers, torch, safetensors, ml_dtypes), xxhash; Python 3.12.
"""

import argparse
import contextlib
import copy
import enum
import io
import json
import logging
import os
import pathlib
import re
import sys
import tempfile
import types
import unittest.mock
import warnings

os.environ.setdefault("JAX_PLATFORMS", "cpu")
sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / "presets"))

import absl.logging
import jax
import jax.numpy as jnp
import numpy as np
import xxhash
import yaml
from safetensors.numpy import save_file

import numbers_by_name as numbers
import series
from cases import cases
from missing_shapes import SHAPES

import maxtext
from maxtext.checkpoint_conversion import to_huggingface, to_maxtext
from maxtext.checkpoint_conversion.utils import hf_model_configs, hf_shape, param_mapping, tensor_handling
from maxtext.configs import pyconfig


def quiet(function, *args, **kwargs):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)


def dotted(key):
    """MaxText's key as rulec names it: without the `params-` prefix, with dots."""
    return key.removeprefix("params-").replace("-", ".")


def flatten(paths):
    """All HF names in a value of the mapping (string, None, or lists and tuples of them)."""
    if paths is None:
        return []
    return [paths] if isinstance(paths, str) else [name for sub in paths for name in flatten(sub)]


def parts(key):
    return key if isinstance(key, tuple) else (key,)


# The configurations


def hf_config_for(case):
    """MaxText's own HF configuration of the model, with the toy values put in."""
    original = hf_model_configs.HF_MODEL_CONFIGS[case["model"]]
    if "hf_dict" in case:  # classes that derive values from their arguments are built anew
        values = copy.deepcopy(getattr(hf_model_configs, case["hf_dict"]))
        for section, changes in case["hf"].items():
            (values[section] if section else values).update(changes)
        return type(original)(**values)
    config = copy.deepcopy(original)
    for section, values in case["hf"].items():
        target = config
        for part in filter(None, section.split(".")):
            target = target[part] if isinstance(target, dict) else getattr(target, part)
        for key, value in values.items():
            if isinstance(target, dict):
                target[key] = value
            else:
                setattr(target, key, value)
        layers = values.get("num_hidden_layers")
        if layers and not isinstance(target, dict) and len(getattr(target, "layer_types", None) or []) > layers:
            target.layer_types = target.layer_types[:layers]
    return config


def maxtext_config_for(case, scan, weight_dtype, pydantic=False):
    base = pathlib.Path(maxtext.__file__).parent / "configs" / "base.yml"
    values = {
        "model_name": case["model"], "override_model_config": True, "scan_layers": scan, "weight_dtype": weight_dtype,
        "hardware": "cpu", "skip_jax_distributed_system": True, "run_name": "oracle", "log_config": False,
        "enable_checkpointing": False, "base_output_directory": "oracle_unused", "attention": "dot_product", **case["mt"],
    }
    said = [f"{k}={json.dumps(v) if isinstance(v, (list, dict, bool)) else v}" for k, v in values.items()]
    return (pyconfig.initialize_pydantic if pydantic else pyconfig.initialize)(["", str(base), *said])


def plain(value):
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in sorted(value.items()) if v is not None}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def maxtext_yml(case, config):
    """What a user's yml would say: the name, the layout, the keys of the model's own file and of the case."""
    own = pathlib.Path(maxtext.__file__).parent / "configs" / "models" / f"{case['model']}.yml"
    keys = ["model_name", "scan_layers", "param_scan_axis", "use_multimodal", "weight_dtype", *yaml.safe_load(own.read_text()), *case["mt"]]
    everything = config.get_keys()
    keys = [k for k in dict.fromkeys(keys) if k in everything and k not in ("base_config", "logical_axis_rules")]
    return yaml.safe_dump({k: plain(everything[k]) for k in keys}, sort_keys=False)


# The two conversions, by MaxText's own functions


def to_maxtext_run(config, hf_config, inputs, save_dtype):
    """The body of `to_maxtext.main` between reading and saving. {name: array}, {name: what went wrong}"""
    param_map = param_mapping.PARAM_MAPPING[config.model_name](hf_config, config, config.scan_layers)
    hooks = param_mapping.HOOK_FNS[config.model_name](hf_config, config, config.scan_layers, saving_to_hf=False)
    abstract, _ = to_maxtext.get_maxtext_model_info(config)
    keys = to_maxtext.validate_and_filter_param_map_keys(param_map.keys(), abstract.keys())
    weights = [None] * len(abstract)
    out, failed = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        save_file(inputs, os.path.join(folder, "model.safetensors"))
        getter = to_maxtext.LazyHFLoader(folder, None, save_dtype=save_dtype).get_tensor
        for key in keys:
            index, shape = to_maxtext._get_maxtext_indices_and_shapes(key, abstract)
            load = to_maxtext._get_hf_loading_function(param_map[key], getter, hooks.get(key), shape, config, key)
            to_maxtext._get_maxtext_weight(load, index, shape, key, weights, save_dtype, True)
        for name, leaf in zip(abstract, weights):
            try:
                out[name] = np.ascontiguousarray(np.array(leaf)).reshape(leaf.shape)
            except Exception as error:
                failed[name] = str(error)
                # MaxText has a second builder, which loads HF weights without a conversion. That one may still do.
                if name in keys and isinstance(param_map[name], list):
                    target = jax.ShapeDtypeStruct(abstract[name][1], jnp.dtype(save_dtype))
                    with contextlib.suppress(Exception):
                        value = np.asarray(tensor_handling.get_hf_loading_function(
                            param_map[name], getter, hooks.get(name), target, config, name)())
                        if value.shape == tuple(target.shape):
                            out[name] = value
    return out, failed


def to_huggingface_run(config, hf_config, state, shapes):
    """The body of `to_huggingface.main` behind restoring. `shapes` stand in where MaxText's own table fails."""
    restored = {
        k: jnp.asarray(v).astype(config.weight_dtype) if jnp.issubdtype(v.dtype, jnp.floating) else jnp.asarray(v)
        for k, v in state.items()
    }
    supplied = {config.model_name: (lambda _: shapes)} if shapes else {}
    with unittest.mock.patch.dict(hf_shape.HF_SHAPE, supplied):
        mappings = to_huggingface._get_model_mappings(config.model_name, config.scan_layers, hf_config, config)
    param_map = mappings["param_mapping"]
    keys = to_huggingface.validate_and_filter_param_map_keys(param_map, set(restored))
    if not config.use_multimodal:
        keys = [k for k in keys if not any("vision_encoder" in part for part in parts(k))]
    rest = (param_map, mappings["hook_fn_mapping"], mappings["shape_mapping"])
    out, failed = {}, {}
    for key in keys:
        try:
            out.update(to_huggingface._transform_weights_to_full_model(config, [key], dict(restored), *rest))
        except Exception as error:
            failed[" + ".join(dotted(part) for part in parts(key))] = str(error)
            # MaxText slices some leaves of a scanned model along the wrong axis: the same function along axis 0.
            with contextlib.suppress(Exception):
                axis0 = config.model_copy(update={"scan_layers": False})
                out.update(to_huggingface._transform_weights_to_full_model(axis0, [key], dict(restored), *rest))
    return {name: np.asarray(value) for name, value in out.items()}, failed


# One case


def hf_shapes(case, hf_config, names):
    """From MaxText's HF_SHAPE, or from the case where MaxText has none, or a wrong one."""
    shapes = {}
    source = hf_shape.HF_SHAPE.get(case["model"]) or hf_shape.HF_SHAPE.get(case.get("shape_model", ""))
    for key, value in ((source(hf_config) if source else None) or {}).items():
        shapes.update(zip(parts(key), value if isinstance(key, tuple) else [value]))
    if case.get("shapes"):
        shapes.update(SHAPES[case["shapes"]](hf_config, case))
    return {name: tuple(shapes[name]) for name in names if name in shapes}


def dtype_of(name, patterns):
    return next((dtype for pattern, dtype in patterns.items() if re.search(pattern, name)), "BF16")


class Layout:
    """One case in one layout: MaxText's configurations, and what they say of both sides."""

    def __init__(self, case, scan):
        self.case, self.scan = case, scan
        self.dtype = case.get("weight_dtype", "bfloat16")
        self.config = quiet(maxtext_config_for, case, scan, self.dtype)
        self.hf_object = hf_config_for(case)
        self.hf_config = self.hf_object.to_dict()
        self.param_map = param_mapping.PARAM_MAPPING[case["model"]](copy.deepcopy(self.hf_config), self.config, scan)
        self.info = to_maxtext.get_maxtext_model_info
        abstract, _ = quiet(self.info, self.config)
        # MaxText refuses models of which it keeps leaves in another collection than the mapping says: they are run with
        # those leaves where the mapping looks for them.
        moved = case.get("moved_collections") or {}
        self.moved = {key: next((new + key.removeprefix(old) for old, new in moved.items() if key.startswith(old)), key)
                      for key in abstract}
        self.maxtext = {self.moved[key]: (dotted(key), value[1]) for key, value in abstract.items()}
        names = [name for key, paths in self.param_map.items() if all(part in self.maxtext for part in parts(key))
                 for name in flatten(paths)]
        self.hf = hf_shapes(case, self.hf_config, dict.fromkeys(names))
        missing = [name for name in names if name not in self.hf]
        if missing:
            raise SystemExit(f"no HF shape for {missing[:6]}")

    def hf_inputs(self):
        return {n: (dtype_of(n, self.case.get("dtypes", {})), shape) for n, shape in self.hf.items()}

    def maxtext_inputs(self):
        return {n: (dtype_of(n, self.case.get("mt_dtypes", {})), shape) for n, shape in self.maxtext.values()}

    def to_maxtext(self):
        def moved_info(config):
            info, tree = self.info(config)
            return {self.moved[key]: value for key, value in info.items()}, tree

        inputs = {n: numbers.filled(n, *spec) for n, spec in self.hf_inputs().items()}
        with unittest.mock.patch.object(to_maxtext, "get_maxtext_model_info", moved_info):
            out, failed = quiet(to_maxtext_run, self.config, copy.deepcopy(self.hf_config), inputs,
                                self.case.get("save_dtype", "bfloat16"))
        return {self.maxtext[k][0]: v for k, v in out.items()}, {self.maxtext[k][0]: v for k, v in failed.items()}

    def to_huggingface(self):
        state = {key: numbers.filled(n, dtype_of(n, self.case.get("mt_dtypes", {})), shape)
                 for key, (n, shape) in self.maxtext.items()}
        config = quiet(maxtext_config_for, self.case, self.scan, self.dtype, pydantic=True)
        supplied = None
        if self.case.get("shapes") or self.case.get("shape_model"):
            every = dict.fromkeys(n for paths in self.param_map.values() for n in flatten(paths))
            supplied = {n: list(s) for n, s in hf_shapes(self.case, self.hf_config, every).items()}
            for paths in self.param_map.values():
                for group in [paths] if isinstance(paths, tuple) else paths if isinstance(paths, list) else []:
                    if isinstance(group, tuple) and all(n in supplied for n in group):
                        supplied[group] = tuple(supplied[n] for n in group)
        return quiet(to_huggingface_run, config, copy.deepcopy(self.hf_config), state, supplied)


def write_sums(path, out, failed):
    lines = [f"# Made by {pathlib.Path(sys.argv[0]).name} with MaxText 0.2.5: type, shape and XXH3 (128 bits) of what it writes.\n"]
    for name, why in sorted(failed.items()):
        made = "made by another way of its own" if name in out else "missing here"
        lines.append(f"# MaxText fails on {name}, {made}: {' '.join(why.split())[:200]}\n")
    for name, value in sorted(out.items()):
        value = np.ascontiguousarray(value)
        sum = xxhash.xxh3_128_hexdigest(value.tobytes())
        lines.append(f"{name} {numbers.NAMES[value.dtype]} [{' '.join(map(str, value.shape))}] {sum}\n")
    path.write_text("".join(lines))


def make(name, case, out, keep):
    for scan in case.get("scan", (True, False)):
        layout = Layout(case, scan)
        folder = out / name / ("scan" if scan else "unscan")
        folder.mkdir(parents=True, exist_ok=True)
        (out / name / "config.json").write_text(json.dumps(plain(layout.hf_config), indent=1) + "\n")
        (folder / "maxtext.yml").write_text(maxtext_yml(case, layout.config))
        (out / name / "hf.tensors").write_text("".join(series.lines(layout.hf_inputs())))
        (folder / "maxtext.tensors").write_text("".join(series.lines(layout.maxtext_inputs())))
        for target, run in ("maxtext", layout.to_maxtext), ("hf", layout.to_huggingface):
            made, failed = run()
            write_sums(folder / f"{target}.sums", made, failed)
            if keep:
                (keep / name / folder.name).mkdir(parents=True, exist_ok=True)
                save_file(made, keep / name / folder.name / f"{target}.safetensors")
            print(f"{name} {folder.name}: {len(made)} tensors of {target}, {len(failed)} refused", flush=True)


def arguments(description):
    """Those of a script that makes vectors; what it imports falls silent."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("tests/data/oracle"))
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("wanted", nargs="*")
    args = parser.parse_args()
    absl.logging.set_verbosity(absl.logging.ERROR)
    logging.disable(logging.WARNING)
    return args


def main():
    args = arguments("Makes vectors of what MaxText itself converts.")
    to_huggingface.gc = types.SimpleNamespace(collect=lambda: 0)  # a full collection after every tensor is slow
    for name, case in cases().items():
        if not args.wanted or name in args.wanted or case["family"] in args.wanted:
            make(name, case, args.out, args.keep)


if __name__ == "__main__":
    main()
