"""Networks that learn and answer: epochs over MNIST, the students' table, predictions."""
import functools
import gzip
import os
import time

import numpy as np
import torch
from torch import nn


def idx(name):
    folder = os.environ.get("NNLUA_DATA") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "nnlua")
    with gzip.open(os.path.join(folder, name + ".gz")) as f:
        return np.frombuffer(f.read(), np.uint8)


@functools.lru_cache(maxsize=None)
def mnist():
    try:
        x, y = idx("train-images-idx3-ubyte")[16:].reshape(60000, 784), idx("train-labels-idx1-ubyte")[8:]
    except OSError:  # as dark as MNIST: four pixels in five are 0
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


def epochs(bench, name, widths, batch):
    """Each repeat is one more epoch of the same model."""
    if not bench.wants(name):
        return
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
    for _ in range(bench.repeats):
        start = time.perf_counter()
        epoch(60000)
        bench.report(name, time.perf_counter() - start)


def student():
    x = torch.tensor([[2, 60], [10, 95], [4, 70], [15, 98], [1, 40], [8, 85], [12, 90], [3, 55]], dtype=torch.float32)
    y = torch.tensor([0, 1, 0, 1, 0, 1, 1, 0], dtype=torch.float32)[:, None]
    model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 1))
    model = torch.jit.trace(model, x)
    return model, x, y, torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7), nn.BCEWithLogitsLoss()


def hundred_steps(s):
    model, x, y, optimizer, loss_of = s
    for _ in range(100):
        loss = loss_of(model(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


def asked(rows):
    def make():
        samples = mnist()[0][:rows].clone()
        with torch.no_grad():
            return torch.jit.freeze(torch.jit.trace(dense([784, 128, 10]), samples).eval()), samples
    return make


def measure(bench):
    epochs(bench, "mnist 784-128-10 b32", [784, 128, 10], 32)
    epochs(bench, "mnist 784-128-10 b128", [784, 128, 10], 128)
    epochs(bench, "mnist 784-512-512-10 b128", [784, 512, 512, 10], 128)
    bench.add("students, 100 steps", hundred_steps, student, records=True)
    for rows in (1, 10000):
        bench.add(f"predict {rows}", lambda x: x[0](x[1]), asked(rows))
    bench.run()
