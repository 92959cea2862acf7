# SPDX-License-Identifier: Apache-2.0
"""Random tensors of all types, and the file that rulec reads them from."""

import json
import struct

import ml_dtypes
import numpy as np

TYPES = {
    "BOOL": np.bool_, "U8": np.uint8, "I8": np.int8, "U16": np.uint16, "I16": np.int16, "U32": np.uint32,
    "I32": np.int32, "U64": np.uint64, "I64": np.int64, "F16": np.float16, "BF16": ml_dtypes.bfloat16,
    "F32": np.float32, "F64": np.float64, "C64": np.complex64, "F8_E4M3": ml_dtypes.float8_e4m3fn,
    "F8_E5M2": ml_dtypes.float8_e5m2,
}
NAMES = {np.dtype(t): name for name, t in TYPES.items()}


def random_array(rng, dtype, shape):
  """Of every bit pattern that the type has, but for NaNs: readers may change their bits. No bool but 0 and 1."""
  dtype = np.dtype(dtype)
  if dtype == np.bool_:
    return rng.integers(0, 2, shape).astype(np.bool_)
  if dtype.kind in "iu":
    return rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, dtype, endpoint=True)
  if dtype.kind == "c":
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)
  return np.asarray(rng.standard_normal(shape)).astype(dtype)


def write(path, tensors):
  """The format is simple enough: a length, a header in JSON, the bytes."""
  header, offset = {}, 0
  for name, array in tensors.items():
    header[name] = {"dtype": NAMES[array.dtype], "shape": list(array.shape),
                    "data_offsets": [offset, offset + array.nbytes]}
    offset += array.nbytes
  text = json.dumps(header).encode()
  text += b" " * (-len(text) % 8)
  with open(path, "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text)
    for array in tensors.values():
      file.write(array.tobytes())
