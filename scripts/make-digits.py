#!/usr/bin/python3
"""Makes bindings/data/digits-{images,labels}.idx.gz, the data set that nnlua carries, from scikit-learn's copy of the
UCI handwritten digits: uint8 {1797, 8, 8} with values 0..16, and uint8 {1797} with values 0..9, as gzip'ed IDX.
Needs scikit-learn (Debian: python3-sklearn). Run at the top of the project; the same input gives the same bytes."""
import gzip
import pathlib
import struct
import sys
import zlib

import numpy
from sklearn.datasets import load_digits


def idx(array):
    """IDX: 0, 0, the type (8: unsigned byte), the rank; each size as big-endian u32; the elements, row by row."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(numpy.uint8).tobytes()


def gzipped(data):
    """One gzip member without name or time (so that it depends on nothing but the data), the smallest zlib can make."""
    def deflate(strategy, memory):
        packer = zlib.compressobj(9, zlib.DEFLATED, -15, memory, strategy)
        return packer.compress(data) + packer.flush()
    strategies = (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE)
    body = min((deflate(s, m) for s in strategies for m in range(1, 10)), key=len)
    head = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 255])
    return head + body + struct.pack("<II", zlib.crc32(data), len(data))


def main():
    digits = load_digits()
    images, labels = digits.images, digits.target
    if images.shape != (1797, 8, 8) or images.min() != 0 or images.max() != 16 or set(labels) != set(range(10)):
        sys.exit("make-digits: these are not the 1797 digits")
    folder = pathlib.Path("bindings/data")
    for name, array in (("images", images), ("labels", labels)):
        path = folder / f"digits-{name}.idx.gz"
        path.write_bytes(gzipped(idx(array)))
        assert gzip.decompress(path.read_bytes()) == idx(array)
        print(f"{path}: {path.stat().st_size} bytes")


main()
