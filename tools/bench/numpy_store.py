# SPDX-License-Identifier: Apache-2.0
"""Safetensors in NumPy: memory-mapped to read, one tensor after the other to write."""

import json

import ml_dtypes
import numpy as np

TYPES = {"BF16": ml_dtypes.bfloat16, "F32": np.float32}
NAMES = {value: key for key, value in TYPES.items()}


def load(folder):
    tensors = {}
    for file in sorted(folder.glob("*.safetensors")):
        raw = np.memmap(file, np.uint8, "r")
        size = int(raw[:8].view("<u8")[0])
        for name, info in json.loads(bytes(raw[8 : 8 + size])).items():
            if name != "__metadata__":
                begin, end = (8 + size + at for at in info["data_offsets"])
                tensors[name] = raw[begin:end].view(TYPES[info["dtype"]]).reshape(info["shape"])
    return tensors


def save(path, tensors, most):
    """Writes pairs of a name and an array, at most so many. The header goes first, but is known last: its room is kept free."""
    room = 4096 + 200 * most
    header, offset = {}, 0
    with open(path, "wb") as out:
        out.seek(8 + room)
        for name, array in tensors:
            array = np.ascontiguousarray(array)
            out.write(array.reshape(-1).view(np.uint8).data)
            header[name] = {"dtype": NAMES[array.dtype.type], "shape": array.shape, "data_offsets": [offset, offset + array.nbytes]}
            offset += array.nbytes
        text = json.dumps(header).encode()
        assert len(text) <= room
        out.seek(0)
        out.write(room.to_bytes(8, "little") + text.ljust(room))
