#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What rulec writes, the real Orbax restores, bit for bit: every form, through every way in.

  restore_test.py WRITE_CHECKPOINT

WRITE_CHECKPOINT is the program of write_checkpoint.cpp; requirements.txt lists the packages.
"""

import logging
import sys
import tempfile
import warnings

# pylint: disable=wrong-import-position
import checkpoints  # before JAX: it says how many devices there are

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint import v1 as ocp_v1

logging.disable(logging.ERROR)
warnings.filterwarnings("ignore")
jax.config.update("jax_enable_x64", True)


def plain(run, tensors):
  checkpoints.check(ocp.PyTreeCheckpointer().restore(run / "0/items"), tensors)
  checkpoints.check(ocp.StandardCheckpointer().restore(run / "0/items"), tensors)


def sharded(run, tensors):
  target = checkpoints.target_of(tensors)
  args = ocp.checkpoint_utils.construct_restore_args(target)
  tree = ocp.PyTreeCheckpointer().restore(run / "0/items", item=target, restore_args=args)
  checkpoints.check_spread(tree, target)
  checkpoints.check(tree, tensors)
  tree = ocp.StandardCheckpointer().restore(run / "0/items", target)
  checkpoints.check_spread(tree, target)
  checkpoints.check(tree, tensors)


def manager(run, tensors):
  # One manager knows one handler of an item.
  for args in ocp.args.PyTreeRestore(), ocp.args.StandardRestore(checkpoints.target_of(tensors)):
    with ocp.CheckpointManager(run, item_names=("items",)) as steps:
      assert steps.latest_step() == 0
      checkpoints.check(steps.restore(0, args=ocp.args.Composite(items=args))["items"], tensors)


def version_1(run, tensors):
  checkpoints.check(ocp_v1.load(run / "0", checkpointable_name="items"), tensors)
  target = checkpoints.target_of(tensors)
  tree = ocp_v1.load(run / "0", target, checkpointable_name="items")
  checkpoints.check_spread(tree, target)
  checkpoints.check(tree, tensors)
  found = ocp_v1.metadata(run / "0", checkpointable_name="items").metadata
  described = checkpoints.leaves_of(found)
  for name, array in tensors.items():
    leaf = described["params.params." + name]
    assert (tuple(leaf.shape), np.dtype(leaf.dtype)) == (array.shape, array.dtype), name


WAYS = {"plain": plain, "sharded": sharded, "manager": manager, "V1": version_1}


def main():
  tensors = checkpoints.model()
  passed, failed = 0, 0
  with tempfile.TemporaryDirectory() as scratch:
    for form, _, run in checkpoints.written(sys.argv[1], scratch, tensors):
      for way, restore in WAYS.items():
        try:
          restore(run, tensors)
          passed += 1
        except Exception as error:  # pylint: disable=broad-except
          failed += 1
          print(f"{form}, {way}: {type(error).__name__}: {str(error)[:500]}")
  print(f"Orbax {ocp.__version__}, {len(checkpoints.FORMS)} forms, {len(WAYS)} ways each, {len(tensors)} tensors")
  print(f"{passed} passed, {failed} failed")
  return 1 if failed else 0


if __name__ == "__main__":
  sys.exit(main())
