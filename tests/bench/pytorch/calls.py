"""What a call costs when there is next to nothing to compute."""
import torch


def sixteen():
    return torch.rand(16), torch.rand(16)


def recorded():
    return torch.rand(16, requires_grad=True), torch.rand(16)


def thousand_adds(x):
    a, b = x
    for _ in range(1000):
        a + b


def chain(x):
    y, b = x
    for _ in range(1000):
        y = y + b
    y.sum().backward()


def measure(bench):
    bench.add("add of 16", thousand_adds, sixteen, records=True, per=1000)
    bench.add("add of 16, recorded", thousand_adds, recorded, records=True, per=1000)
    bench.add("chain of 1000 adds and back, an add", chain, recorded, records=True, per=1000)
    bench.run()
