"""One number in, one number out, at every size that comes up."""
import torch
from torch.nn import functional as F

rows = {
    "add": lambda x: x.a + x.b,
    "add in place": lambda x: x.sum.add_(x.b),
    "add of a row": lambda x: x.a + x.row,
    "mul by a number": lambda x: x.a * 1.5,
    "relu": lambda x: x.a.relu(),
    "exp": lambda x: x.a.exp(),
    "tanh": lambda x: x.a.tanh(),
    "sigmoid": lambda x: x.a.sigmoid(),
    "gelu": lambda x: F.gelu(x.a),
    "sqrt": lambda x: x.b.sqrt(),
    "gt": lambda x: x.a.gt(x.b),
    "where": lambda x: torch.where(x.mask, x.a, x.b),
    "transposed copy": lambda x: x.a.t().contiguous(),
    "uint8 to float32": lambda x: x.bytes.to(torch.float32),
}


class Operands:
    def __init__(self, m, n):
        self.a, self.b = torch.randn(m, n), torch.rand(m, n)
        self.sum, self.row, self.mask = self.a.clone(), torch.rand(n), self.a.gt(0)
        self.bytes = self.a.abs().to(torch.uint8)


def measure(bench):
    for size, m, n in bench.matrices:
        def make(m=m, n=n):
            return Operands(m, n)

        for name, call in rows.items():
            bench.add(f"{name}, {size}", call, make)
        bench.run()
