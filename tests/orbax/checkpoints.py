# SPDX-License-Identifier: Apache-2.0
"""The checkpoints that rulec writes here, in every form, and what must come back of them."""

import os
import pathlib
import subprocess

DEVICES = 8
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={DEVICES}"

# pylint: disable=wrong-import-position
import jax
import ml_dtypes
import numpy as np

import safetensors_file

FORMS = {
    "default": [],
    "stacked": ["--stacked", "1", "--chunk-bytes", "4000"],
    "stacked, in small blocks": ["--stacked", "1", "--chunk-bytes", "4000", "--block-bytes", "999"],
    "first axis": ["--chunk-bytes", "4000"],
    "cut for a mesh": ["--chunks", "0", "8", "--chunks", "1", "2"],
    "one chunk": ["--one-chunk"],
    "zstd": ["--zstd"],
    "zstd, many chunks": ["--zstd", "--chunk-bytes", "4000", "--stacked", "1"],
    "zstd, one chunk": ["--zstd", "--one-chunk"],
    "several data files": ["--data-file-bytes", "20000", "--chunk-bytes", "4000"],
    "several data files, zstd": ["--data-file-bytes", "20000", "--chunk-bytes", "4000", "--zstd"],
    "zarr 2": ["--zarr", "2"],
    "zarr 2, many chunks": ["--zarr", "2", "--chunk-bytes", "4000", "--stacked", "1"],
    "zarr 2, zstd": ["--zarr", "2", "--zstd", "--chunk-bytes", "4000"],
    "folders": ["--no-ocdbt"],
    "folders, many chunks": ["--no-ocdbt", "--chunk-bytes", "4000", "--stacked", "1"],
    "folders, zstd": ["--no-ocdbt", "--zstd"],
    "folders, zarr 2": ["--no-ocdbt", "--zarr", "2", "--chunk-bytes", "4000"],
    "folders, zarr 2, zstd": ["--no-ocdbt", "--zarr", "2", "--zstd"],
}


def model():
  """Layers stacked along axis 1, as MaxText has them, and every element type."""
  rng = np.random.default_rng(1)
  bf16 = ml_dtypes.bfloat16
  shapes = {
      "token_embedder.embedding": (bf16, (128, 32)),
      "decoder.decoder_norm.scale": (np.float32, (32,)),
      "decoder.layers.mlp.wi_0.kernel": (bf16, (32, 4, 64)),
      "decoder.layers.mlp.wo.kernel": (np.float32, (64, 4, 32)),
      "decoder.layers.self_attention.query.kernel": (bf16, (32, 4, 4, 16)),
      "decoder.layers.pre_norm.scale": (np.float32, (32, 4)),
      "decoder.odd.seven": (np.int32, (7, 5, 3)),
      "decoder.scalar": (np.float32, ()),
  }
  for name, dtype in safetensors_file.TYPES.items():
    shapes[f"types.{name}"] = (dtype, (16, 3))
  return {name: safetensors_file.random_array(rng, *form) for name, form in sorted(shapes.items())}


def leaves_of(tree, path=()):
  if isinstance(tree, dict) and tree:
    return {name: leaf for key, value in tree.items() for name, leaf in leaves_of(value, path + (key,)).items()}
  return {".".join(path): tree}


def check(tree, tensors):
  leaves = leaves_of(tree)
  assert int(leaves.pop("step")) == 0
  assert leaves.pop("opt_state") in ({}, None)
  expected = {"params.params." + name: array for name, array in tensors.items()}
  assert leaves.keys() == expected.keys(), leaves.keys() ^ expected.keys()
  for name, array in expected.items():
    leaf = np.asarray(leaves[name])
    assert (leaf.dtype, leaf.shape) == (array.dtype, array.shape), f"{name}: {leaf.dtype} {leaf.shape}"
    assert leaf.tobytes() == array.tobytes(), f"{name}: the bits differ"


def target_of(tensors):
  """Arrays that do not exist yet, spread over all devices along the first axis that they divide."""
  mesh = jax.sharding.Mesh(np.array(jax.devices()), ("x",))
  def spread(array):
    axes = [None] * array.ndim
    fits = [axis for axis, extent in enumerate(array.shape) if extent % DEVICES == 0]
    if fits:
      axes[fits[0]] = "x"
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*axes))
    return jax.ShapeDtypeStruct(array.shape, array.dtype, sharding=sharding)
  tree = {"step": 0, "params": {"params": {}}, "opt_state": {}}
  for name, array in tensors.items():
    *path, last = name.split(".")
    node = tree["params"]["params"]
    for key in path:
      node = node.setdefault(key, {})
    node[last] = spread(array)
  return tree


def check_spread(tree, target):
  wanted = leaves_of(target)
  for name, leaf in leaves_of(tree).items():
    if isinstance(wanted[name], jax.ShapeDtypeStruct):
      assert isinstance(leaf, jax.Array) and leaf.sharding == wanted[name].sharding, name


def written(program, scratch, tensors):
  """Writes each form with WRITE_CHECKPOINT: its name, its options, its folder."""
  source = pathlib.Path(scratch) / "model.safetensors"
  safetensors_file.write(source, tensors)
  for number, (form, options) in enumerate(FORMS.items()):
    run = pathlib.Path(scratch) / str(number)
    subprocess.run([program, source, run, "--scan-layers", *options], check=True)
    yield form, options, run
