#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What rulec writes, MaxText's own `load_parameters_path` loads, bit for bit, in every form.

  maxtext_test.py WRITE_CHECKPOINT

Needs Python 3.12; requirements-maxtext.txt lists the packages.
"""

import logging
import sys
import tempfile
import warnings

# pylint: disable=wrong-import-position
import checkpoints  # before JAX: it says how many devices there are

import jax
from maxtext.common import checkpointing

logging.disable(logging.ERROR)
warnings.filterwarnings("ignore")
jax.config.update("jax_enable_x64", True)


def load(item, options, tensors):
  """By way of the function that MaxText calls for `load_parameters_path`."""
  target = checkpoints.target_of(tensors)["params"]
  params = checkpointing.load_params_from_path(
      str(item), target, 96, use_ocdbt="--no-ocdbt" not in options, use_zarr3="2" not in options)
  checkpoints.check_spread(params, target)
  checkpoints.check({"step": 0, "params": params, "opt_state": {}}, tensors)


def main():
  tensors = checkpoints.model()
  passed, failed = 0, 0
  with tempfile.TemporaryDirectory() as scratch:
    for form, options, run in checkpoints.written(sys.argv[1], scratch, tensors):
      for folder in "0/items", "0":
        try:
          load(run / folder, options, tensors)
          passed += 1
        except Exception as error:  # pylint: disable=broad-except
          failed += 1
          print(f"{form}, {folder}: {type(error).__name__}: {str(error)[:500]}")
  print(f"MaxText, {len(checkpoints.FORMS)} forms, {len(tensors)} tensors")
  print(f"{passed} passed, {failed} failed")
  return 1 if failed else 0


if __name__ == "__main__":
  sys.exit(main())
