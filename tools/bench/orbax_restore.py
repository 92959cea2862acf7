#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long the real Orbax takes to restore what rulec writes, by layout.

  orbax_restore.py WRITE_CHECKPOINT [--scale N] [--rounds N] [--folder DIR]

Layers stacked along axis 1, as MaxText scans them: 0.6 GB of bfloat16 at scale 1. WRITE_CHECKPOINT is the program of
tests/orbax, whose requirements.txt lists the packages. Layouts take turns, the best of all rounds counts; what can be
compared are the times of one run. DIR should be in memory, so that the disk is not what is measured.
"""

import argparse
import logging
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/orbax"))

# pylint: disable=wrong-import-position
import checkpoints  # before JAX: it says how many devices there are

import jax
import ml_dtypes
import numpy as np
import orbax.checkpoint as ocp
import tensorstore as ts

import safetensors_file

logging.disable(logging.ERROR)

LAYOUTS = {
    "first axis": [],
    "one layer thick": ["--stacked", "1"],
    "first axis, 16 MiB": ["--chunk-bytes", str(16 << 20)],
    "one layer thick, 16 MiB": ["--stacked", "1", "--chunk-bytes", str(16 << 20)],
    "one chunk": ["--one-chunk"],
    "16 chunks, zstd (MaxText, 16 devices)": ["--chunks", "0", "16", "--zstd"],
    "one chunk, zstd (MaxText, 1 device)": ["--one-chunk", "--zstd"],
}


def model(scale):
  rng = np.random.default_rng(1)
  width, layers, hidden = 2048 // scale, 8, 8192 // scale
  shapes = {
      "wi": (width, layers, hidden),
      "wo": (hidden, layers, width),
      "query": (width, layers, 8, 256 // scale),
  }
  return {name: rng.standard_normal(shape, np.float32).astype(ml_dtypes.bfloat16) for name, shape in shapes.items()}


def plain(item, _):
  ocp.PyTreeCheckpointer().restore(item)


def sharded(item, tensors):
  mesh = jax.sharding.Mesh(np.array(jax.devices()), ("x",))
  sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("x"))
  arrays = {name: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=sharding) for name, a in tensors.items()}
  target = {"step": 0, "params": {"params": arrays}, "opt_state": {}}
  args = ocp.checkpoint_utils.construct_restore_args(target)
  tree = ocp.PyTreeCheckpointer().restore(item, item=target, restore_args=args)
  jax.block_until_ready(tree)


def eighth(item, tensors):
  """What one of eight hosts reads: its rows of every tensor."""
  reads = []
  for name, array in tensors.items():
    spec = {"driver": "zarr3", "kvstore": {"driver": "ocdbt", "base": f"file://{item}/",
                                          "path": f"params.params.{name}/"}}
    reads.append(ts.open(spec).result()[array.shape[0] // 8 : array.shape[0] // 4].read())
  for read in reads:
    read.result()


WAYS = {"all, NumPy": plain, "8 devices": sharded, "1/8 of the rows": eighth}


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument("program")
  parser.add_argument("--scale", type=int, default=1)
  parser.add_argument("--rounds", type=int, default=5)
  parser.add_argument("--folder", default="/dev/shm")
  args = parser.parse_args()
  tensors = model(args.scale)
  best = {}

  def timed(layout, way, run):
    begin = time.perf_counter()
    run()
    seconds = time.perf_counter() - begin
    best[layout, way] = min(seconds, best.get((layout, way), seconds))

  with tempfile.TemporaryDirectory(dir=args.folder) as scratch:
    source = pathlib.Path(scratch) / "model.safetensors"
    safetensors_file.write(source, tensors)
    layouts = list(LAYOUTS.items())
    for _ in range(args.rounds):
      random.shuffle(layouts)
      for layout, options in layouts:
        run = pathlib.Path(scratch) / layout
        shutil.rmtree(run, ignore_errors=True)
        timed(layout, "written", lambda: subprocess.run([args.program, source, run, *options], check=True))
      for way, restore in WAYS.items():
        for layout, _ in layouts:
          item = pathlib.Path(scratch) / layout / "0/items"
          timed(layout, way, lambda: restore(item, tensors))
  print(f"{sum(a.nbytes for a in tensors.values()) / 1e9:.2f} GB, best of {args.rounds}, seconds")
  ways = ["written", *WAYS]
  print(f"{'':40}" + "".join(f"{way:>18}" for way in ways))
  for layout in LAYOUTS:
    print(f"{layout:40}" + "".join(f"{best[layout, way]:18.3f}" for way in ways))


if __name__ == "__main__":
  main()
