"""Many numbers to few, at every size that comes up."""
import torch

rows = {
    "sum": lambda x: x.sum(),
    "sum of columns": lambda x: x.sum(0),
    "sum of rows": lambda x: x.sum(-1),
    "max": lambda x: x.max(),
    "argmax of rows": lambda x: x.argmax(-1),
    "mean": lambda x: x.mean(),
    "var": lambda x: x.var(unbiased=False),
    "norm": lambda x: x.norm(),
    "logsumexp": lambda x: x.logsumexp((0, 1)),
}


def measure(bench):
    for size, m, n in bench.matrices:
        def make(m=m, n=n):
            return torch.randn(m, n)

        for name, call in rows.items():
            bench.add(f"{name}, {size}", call, make)
        bench.run()
