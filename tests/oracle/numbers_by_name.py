"""Numbers that a tensor is filled with, from its name and its type alone: tests/oracle.cpp makes the same."""

import ml_dtypes
import numpy as np

DTYPES = {
    "BF16": np.dtype(ml_dtypes.bfloat16), "F16": np.dtype(np.float16), "F32": np.dtype(np.float32),
    "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn), "I32": np.dtype(np.int32), "I64": np.dtype(np.int64),
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


def seed_of(name):
    """FNV-1a, 64 bits."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    return seed


def random_bits(name, count):
    """SplitMix64 (Steele, Lea, Flood, 2014)."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed_of(name)) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def filled(name, dtype, shape):
    """Floating-point numbers of either sign between 1/8 and 32, small integers, 8-bit floats below 2."""
    z = random_bits(name, int(np.prod(shape, dtype=np.int64)))
    sign, exponent = z >> np.uint64(63), np.uint64(124) + (z >> np.uint64(60)) % np.uint64(8)
    if dtype == "BF16":
        bits = (sign << np.uint64(15) | exponent << np.uint64(7) | z % np.uint64(2**7)).astype(np.uint16)
    elif dtype == "F32":
        bits = (sign << np.uint64(31) | exponent << np.uint64(23) | z % np.uint64(2**23)).astype(np.uint32)
    elif dtype == "F8_E4M3":
        bits = (z & np.uint64(0xBF)).astype(np.uint8)
    else:
        bits = (z % np.uint64(8)).astype(np.uint64 if dtype == "I64" else np.uint32)
    return bits.view(DTYPES[dtype]).reshape(shape)
