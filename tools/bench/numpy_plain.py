#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Renames the tensors of a checkpoint, and transposes them if asked, as one would write it by hand with NumPy.

usage: numpy_plain.py SRC DST NAMES [--transpose]      needs numpy and ml_dtypes

NAMES is a JSON object: a tensor's name -> its new one.
"""

import json
import pathlib
import sys

import numpy_store


def main():
    source, target, names = (pathlib.Path(arg) for arg in sys.argv[1:4])
    tensors = numpy_store.load(source)
    renamed = json.loads(names.read_text())
    target.mkdir()
    arrays = ((renamed[name], array.T if "--transpose" in sys.argv else array) for name, array in tensors.items())
    numpy_store.save(target / "model.safetensors", arrays, len(tensors))


main()
