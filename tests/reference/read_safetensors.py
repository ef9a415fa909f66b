"""Reads a safetensors file with NumPy alone, as any other program would, and prints what is in it:
    python3 read_safetensors.py FILE
One line for each text, then for each tensor: name, dtype, shape, the sum of its elements."""
import json
import struct
import sys

import numpy

DTYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "U8": "u1"}

data = open(sys.argv[1], "rb").read()
(length,) = struct.unpack("<Q", data[:8])
header = json.loads(data[8:8 + length])
for key, text in sorted(header.pop("__metadata__", {}).items()):
    print("text", key, text)
for name, entry in sorted(header.items()):
    begin, end = entry["data_offsets"]
    assert (8 + length + begin) % numpy.dtype(DTYPES[entry["dtype"]]).itemsize == 0
    x = numpy.frombuffer(data[8 + length + begin:8 + length + end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
    print(name, x.dtype, list(x.shape), x.astype("f8").sum(), x.flat[-1] if x.size else "-")
