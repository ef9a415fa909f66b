"""Ops that are more than one pass over numbers, each at three sizes."""
import torch
from torch.nn import functional as F


def normal(*shape):
    return lambda: torch.randn(*shape)


def pair(*shape):
    return lambda: (torch.randn(*shape), torch.randn(*shape))


def labelled(m, n):
    return lambda: (torch.randn(m, n, requires_grad=True), torch.randint(0, n, (m,)))


def columns(m, n):
    return lambda: (torch.randn(m, n), torch.randint(0, n, (m, n)))


def some_rows(m, n):
    return lambda: (torch.randn(m, n), torch.randperm(m))


def crossentropy(x):
    logits, labels = x
    F.cross_entropy(logits, labels).backward()
    logits.grad = None


def einsum(spec):
    return lambda x: torch.einsum(spec, *x)


# name: call, what makes the operands, sizes
rows = {
    "softmax": (lambda x: x.softmax(-1), normal, [(32, 10), (128, 1000), (1000, 10000)]),
    "log_softmax": (lambda x: x.log_softmax(-1), normal, [(32, 10), (128, 1000), (1000, 10000)]),
    "cross-entropy and back": (crossentropy, labelled, [(32, 10), (128, 1000), (1000, 10000)]),
    "sort": (lambda x: x.sort(), normal, ["1e3", "1e5", "1e6"]),
    "topk of 10": (lambda x: x.topk(10), normal, ["1e3", "1e5", "1e6"]),
    "cumsum": (lambda x: x.cumsum(0), normal, ["1e3", "1e5", "1e7"]),
    "gather": (lambda x: x[0].gather(1, x[1]), columns, [(100, 100), (1000, 1000), (1000, 10000)]),
    "index_select": (lambda x: x[0].index_select(0, x[1]), some_rows, [(100, 100), (1000, 1000), (1000, 10000)]),
    "matmul": (lambda x: x[0].matmul(x[1]), pair, [64, 256, 1024]),
    "einsum ij,jk->ik": (einsum("ij,jk->ik"), pair, [64, 256, 1024]),
    "einsum bij,bjk->bik": (einsum("bij,bjk->bik"), pair, [(16, 16, 16), (32, 64, 64), (64, 128, 128)]),
    "einsum ij,ij->i": (einsum("ij,ij->i"), pair, [(100, 100), (1000, 1000), (1000, 10000)]),
}


def shape_of(size):
    """A vector's length as text, a square's side as a number, a shape."""
    if isinstance(size, str):
        return (int(float(size)),)
    return size if isinstance(size, tuple) else (size, size)


def measure(bench):
    for name, (call, make, sizes) in rows.items():
        for size in sizes:
            label = "x".join(map(str, size)) if isinstance(size, tuple) else size
            bench.add(f"{name} {label}", call, make(*shape_of(size)), records=call is crossentropy)
        bench.run()
