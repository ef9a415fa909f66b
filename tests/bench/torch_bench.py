"""PyTorch's side of the benchmark, in its best configuration: denormals flushed, the model traced, the bias-free parts
of a step written as PyTorch users write them. Prints "name<TAB>threads<TAB>seconds" for each repeat.
Usage: torch_bench.py THREADS REPEATS [pattern]"""
import gzip
import os
import sys
import time

import numpy as np
import torch
from torch import nn

threads, repeats = int(sys.argv[1]), int(sys.argv[2])
pattern = sys.argv[3] if len(sys.argv) > 3 else ""
torch.set_num_threads(threads)
torch.set_flush_denormal(True)
torch.manual_seed(1)


def report(name, seconds):
    print(f"{name}\t{threads}\t{seconds:.6g}", flush=True)


def idx(name):
    folder = os.environ.get("NNLUA_DATA") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "nnlua")
    with gzip.open(os.path.join(folder, name + ".gz")) as f:
        return np.frombuffer(f.read(), np.uint8)


def mnist():
    try:
        x, y = idx("train-images-idx3-ubyte")[16:].reshape(60000, 784), idx("train-labels-idx1-ubyte")[8:]
    except OSError:
        x = np.maximum(np.random.rand(60000, 784) - 0.8, 0) * 1275
        y = np.random.randint(0, 10, 60000)
    return torch.tensor(x.astype(np.float32) / 255), torch.tensor(y.astype(np.int64))


def dense(widths):
    layers = []
    for i in range(1, len(widths)):
        layers.append(nn.Linear(widths[i - 1], widths[i]))
        if i < len(widths) - 1:
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


def epochs(name, widths, batch):
    x, y = mnist()
    model = torch.jit.trace(dense(widths), x[:batch])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7)
    loss_of = nn.CrossEntropyLoss()

    def epoch(rows):
        order = torch.randperm(rows)
        for first in range(0, rows, batch):
            index = order[first:first + batch]
            loss = loss_of(model(x.index_select(0, index)), y.index_select(0, index))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

    epoch(1280)
    for _ in range(repeats):
        start = time.perf_counter()
        epoch(60000)
        report(name, time.perf_counter() - start)


def students(name):
    x = torch.tensor([[2, 60], [10, 95], [4, 70], [15, 98], [1, 40], [8, 85], [12, 90], [3, 55]], dtype=torch.float32)
    y = torch.tensor([0, 1, 0, 1, 0, 1, 1, 0], dtype=torch.float32)[:, None]
    model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 1))
    model = torch.jit.trace(model, x)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7)
    loss_of = nn.BCEWithLogitsLoss()

    def steps():
        for _ in range(100):
            loss = loss_of(model(x), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

    steps()
    for _ in range(repeats):
        start = time.perf_counter()
        steps()
        report(name, time.perf_counter() - start)


def per_call(f, calls):
    f()
    start = time.perf_counter()
    for _ in range(calls):
        f()
    return (time.perf_counter() - start) / calls


def predict(_):
    x, _ = mnist()
    one, many = x[:1].clone(), x[:10000].clone()
    with torch.no_grad():
        model = torch.jit.freeze(torch.jit.trace(dense([784, 128, 10]), one).eval())
        for _ in range(repeats):
            report("predict 1", per_call(lambda: model(one), 3000))
            report("predict 10000", per_call(lambda: model(many), 10))


def adds(_):
    a, b = torch.rand(16), torch.rand(16)
    r = torch.rand(16, requires_grad=True)

    def loop(x):
        for _ in range(1000):
            x + b

    def chain():
        y = r
        for _ in range(1000):
            y = y + b
        y.sum().backward()

    for _ in range(repeats):
        report("add of 16", per_call(lambda: loop(a), 50) / 1000)
        report("add of 16, recorded", per_call(lambda: loop(r), 50) / 1000)
        report("chain of 1000 adds and back, an add", per_call(chain, 20) / 1000)


def layer(name, made, x, calls):
    g = torch.rand_like(made(x))
    x = x.clone().requires_grad_() if x.is_floating_point() else x

    def once():
        made(x).backward(g)
        for parameter in made.parameters():
            parameter.grad = None
        x.grad = None

    for _ in range(repeats):
        report(name, per_call(once, calls))


def layers(_):
    x = torch.randn(128, 512)
    layer("layer: batch norm 128x512", nn.BatchNorm1d(512, eps=1e-3), x, 500)
    layer("layer: layer norm 128x512", nn.LayerNorm(512, eps=1e-3), x, 500)
    layer("layer: dropout 128x512", nn.Dropout(0.5), x, 200)
    layer("layer: alpha dropout 128x512", nn.AlphaDropout(0.5), x, 200)
    layer("layer: embedding 10000x64, 128x32 ids", nn.Embedding(10000, 64), torch.randint(0, 10000, (128, 32)), 200)


def steps(n):
    for name in ("SGD", "RMSprop", "Adam", "AdamW", "Adamax", "NAdam", "Adagrad", "Adadelta"):
        parameters = [nn.Parameter(torch.randn(n // 200, 100)) for _ in range(2)]
        for parameter in parameters:
            parameter.grad = torch.randn(n // 200, 100)
        optimizer = getattr(torch.optim, name)(parameters, lr=1e-3)
        for _ in range(repeats):
            report(f"step: {name.replace('NAdam', 'Nadam')} of {n}", per_call(optimizer.step, 10000000 // n))


workloads = {
    "mnist 784-128-10 b32": lambda name: epochs(name, [784, 128, 10], 32),
    "mnist 784-128-10 b128": lambda name: epochs(name, [784, 128, 10], 128),
    "mnist 784-512-512-10 b128": lambda name: epochs(name, [784, 512, 512, 10], 128),
    "students, 100 steps": students,
    "predict": predict,
    "add": adds,
    "layer": layers,
    "step of 100000": lambda _: steps(100000),
    "step of 10000000": lambda _: steps(10000000),
}
for workload, run in workloads.items():
    if pattern in workload:
        run(workload)
