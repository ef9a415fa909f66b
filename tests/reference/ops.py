#!/usr/bin/python3
"""Writes tests/data/ops.csv: for each op of nnlua's tensors, values by PyTorch or NumPy (op_rows.py says what is in a
row). Positions count from 1. Run at the top of the project."""
import numpy as np
import torch
import torch.nn.functional as F
from op_elementwise import UNARY
from op_rows import Input, Number, autograd, drawn, f64, grad, i64, inf, nan, row, u8, write

# Reductions

CUBE = drawn(2, 3, 4)
NANS = [[1, nan, 3], [4, 5, 6], [-inf, -inf, -inf], [inf, 0, -inf]]
EVERY = (0, 1, 2)


def over(f):
    """A function of an array and axes as one of a tensor; axes of None: all."""
    return lambda x, axes, keep: torch.as_tensor(np.asarray(f(x.numpy(), axis=axes, keepdims=keep)))


def norm(x, axis, keepdims):
    return np.sqrt((x.astype(float) ** 2).sum(axis=axis, keepdims=keepdims))


def logsumexp(x, axis, keepdims):
    axes = tuple(range(x.ndim)) if axis is None else axis
    return torch.logsumexp(torch.as_tensor(x, dtype=torch.float64), axes, keepdims).numpy()


REDUCTIONS = {"sum": np.sum, "mean": np.mean, "prod": np.prod, "max": np.max, "min": np.min, "var": np.var,
    "std": np.std,
              "norm": norm, "logsumexp": logsumexp, "amax": np.max, "amin": np.min, "any": np.any, "all": np.all}
PAIRS = ("max", "min")                 # along one dimension they give positions too
with np.errstate(all="ignore"):
    for name, f in REDUCTIONS.items():
        g = over(f)
        row("x1:%s()" % name, lambda x: g(x, None, False), CUBE)
        row("nn.%s(x1, {1, 3})" % name, lambda x: g(x, (0, 2), False), f64(CUBE.values))
        row("nn.%s(x1, {3, 1}, true)" % name, lambda x: g(x, (0, 2), True), CUBE)
        row("x1:permute(3, 1, 2):%s({-1, 1})" % name, lambda x: g(x, (1, 2), False), CUBE)
        row("x1:%s()" % name, lambda x: g(x, None, False), f64(2.5))
        row("x1:%s({}, true)" % name, lambda x: g(x, None, True), drawn(2, 2))
        if name not in PAIRS:
            row("x1:%s(2)" % name, lambda x: g(x, (1,), False), CUBE)
            row("nn.%s(x1, -1, true)" % name, lambda x: g(x, (2,), True), f64(CUBE.values))
            row("x1:%s(2)" % name, lambda x: g(x, (1,), False), NANS)
            row("x1:%s(1)" % name, lambda x: g(x, (0,), False), drawn(1, 2))
            row("x1:t():%s(1)" % name, lambda x: g(x.t(), (0,), False), drawn(20, 3, dtype="float64"))
            if name not in ("logsumexp", "norm"):
                row("x1:%s(1)" % name, lambda x: g(x, (0,), False), i64([[3, -2], [4, 0], [5, 7]]))
                row("x1:%s()" % name, lambda x: g(x.long(), None, False), u8([200, 100, 3]),
                    dtype="uint8" if name in ("amax", "amin") else None)
        if name not in ("max", "min", "amax", "amin"):
            row("x1:%s(1)" % name, lambda x: g(x, (0,), False), np.zeros((0, 2)))
            row("x1:%s(2)" % name, lambda x: g(x, (1,), False), np.zeros((0, 2)))
    row("x1:norm()", lambda x: norm(x.numpy(), None, False), i64([3, 4]), dtype="float32")
    row("x1:logsumexp()", lambda x: logsumexp(x.numpy(), None, False), i64([3, 4]), dtype="float32")
    row("x1:logsumexp(2)", lambda x: torch.logsumexp(x, 1), [[-inf, -inf], [inf, 0], [1000, 1001], [-1000, -1001]])
    row("x1:var({correction = 1})", lambda x: x.var(unbiased=True), CUBE)
    row("x1:var(2, false, {correction = 1})", lambda x: x.var(1, unbiased=True), CUBE)
    row("nn.std(x1, {1, 2}, true, {correction = 1})", lambda x: x.std((0, 1), unbiased=True, keepdim=True), CUBE)
    row("nn.var(x1, 1, {correction = 1})", lambda x: x.var(0, unbiased=True), drawn(1, 2))
    row("x1:sum()", lambda x: x.sum(), i64([2 ** 62, 1, -1]))
    row("x1:mean()", lambda x: x.double().mean(), u8([255, 255, 0]), dtype="float32")
    row("x1:sum()", torch.sum, drawn(3, 100, dtype="float64"))
    row("x1:mean(1)", lambda x: x.mean(0), drawn(70, 3))

    first_max = lambda x, d, keep=False: (torch.as_tensor(np.max(x.numpy(), axis=d, keepdims=keep)),
                                          torch.as_tensor(np.argmax(x.numpy(), axis=d, keepdims=keep) + 1))
    first_min = lambda x, d, keep=False: (torch.as_tensor(np.min(x.numpy(), axis=d, keepdims=keep)),
                                          torch.as_tensor(np.argmin(x.numpy(), axis=d, keepdims=keep) + 1))
    TIES = [[1, 3, 3, 2], [2, 2, 2, 2], [0, -1, -1, 5], [nan, 1, nan, 9]]
    for name, f in (("max", first_max), ("min", first_min)):
        row("x1:%s(2)" % name, lambda x: f(x, 1), TIES)
        row("nn.%s(x1, -2)" % name, lambda x: f(x, 0), f64(TIES))
        row("x1:%s(2, true)" % name, lambda x: f(x, 1, True), TIES)
        row("x1:t():%s(1)" % name, lambda x: f(x, 1), TIES)
        row("x1:%s(1)" % name, lambda x: f(x, 0), i64([[3, -2], [4, -2], [4, 7]]))
        row("x1:%s()" % name, lambda x: f(x.reshape(-1), 0)[0], [1, nan, 2])
        row("nn.arg%s(x1, 2)" % name, lambda x: f(x, 1)[1], TIES)
        row("x1:arg%s()" % name, lambda x: f(x.reshape(-1), 0)[1], TIES)
        row("x1:arg%s()" % name, lambda x: f(x.reshape(-1), 0)[1], [[4, 7, 7], [0, 0, 4]])
        row("x1:arg%s(1, true)" % name, lambda x: f(x, 0, True)[1], TIES)
        row("x1:t():arg%s()" % name, lambda x: f(x.t().reshape(-1), 0)[1], [[4, 7, 7], [0, 0, 4]])
        row("x1:arg%s(-1)" % name, lambda x: f(x, 1)[1], u8([[1, 9, 9], [7, 0, 0]]))

# Softmax and scans

for name, f in (("softmax", torch.softmax), ("log_softmax", torch.log_softmax)):
    row("nn.%s(x1, -1)" % name, lambda x: f(x, 1), drawn(2, 5))
    row("x1:%s()" % name, lambda x: f(x, 1), f64([[inf, 0], [-inf, 0], [1000, 999], [nan, 0], [-inf, -inf]]))
    row("nn.%s(x1, 1)" % name, lambda x: f(x, 0), CUBE)
    row("x1:%s(2)" % name, lambda x: f(x, 1), f64(CUBE.values))
    row("x1:t():%s(2)" % name, lambda x: f(x.t(), 1), drawn(4, 3))
    row("x1:%s(1)" % name, lambda x: f(x.double(), 0), i64([1, 2, 3]), dtype="float32")
    row("x1:%s(2)" % name, lambda x: f(x, 1), np.zeros((0, 3)))
row("nn.cumsum(x1, 2)", lambda x: x.cumsum(1), CUBE)
row("x1:cumsum(-1)", lambda x: x.cumsum(-1), f64(NANS))
row("x1:t():cumsum(1)", lambda x: x.t().cumsum(0), drawn(2, 3))
row("x1:cumsum(1)", lambda x: x.long().cumsum(0), u8([200, 100, 50]))

# Shapes

row("x1:reshape(4, 6)", lambda x: x.reshape(4, 6), CUBE)
row("nn.reshape(x1, {-1, 2})", lambda x: x.reshape(-1, 2), CUBE)
row("x1:permute(2, 3, 1):reshape(6, 4)", lambda x: x.permute(1, 2, 0).reshape(6, 4), CUBE)
row("x1:reshape({})", lambda x: x.reshape(()), [[3]])
row("x1:flatten()", lambda x: x.flatten(), CUBE)
row("x1:flatten(2, 3)", lambda x: x.flatten(1, 2), CUBE)
row("x1:t():flatten()", lambda x: x.t().flatten(), drawn(2, 3))
row("x1:flatten()", lambda x: x.flatten(), 5.0)
row("x1:squeeze()", lambda x: x.squeeze(), drawn(1, 3, 1))
row("x1:squeeze(1)", lambda x: x.squeeze(0), drawn(1, 3, 1))
row("x1:squeeze({1, -1})", lambda x: x.squeeze(), drawn(1, 3, 1))
row("x1:unsqueeze(1)", lambda x: x.unsqueeze(0), drawn(2, 3))
row("x1:unsqueeze(-1)", lambda x: x.unsqueeze(-1), drawn(2, 3))
row("x1:unsqueeze(2)", lambda x: x.unsqueeze(1), drawn(2, 3))
row("x1:transpose(1, 3)", lambda x: x.transpose(0, 2), CUBE)
row("nn.transpose(x1, -1, 2)", lambda x: x.transpose(2, 1), CUBE)
row("x1:t()", lambda x: x.t(), drawn(2, 3))
row("x1:t()", lambda x: x, drawn(3))
row("x1:permute(3, 1, 2)", lambda x: x.permute(2, 0, 1), CUBE)
row("nn.permute(x1, {2, -1, 1})", lambda x: x.permute(1, 2, 0), CUBE)
row("x1:expand(2, -1, 3)", lambda x: x.expand(2, 2, 3), drawn(2, 1))
row("x1:broadcast_to(2, 2, 3)", lambda x: x.broadcast_to(2, 2, 3), drawn(2, 1))
row("nn.broadcast_to(x1, {3, 2})", lambda x: x.broadcast_to(3, 2), 4.0)
row("x1:tile(2, 1)", lambda x: np.tile(x, (2, 1)), drawn(2, 3))
row("x1:tile(3)", lambda x: np.tile(x, 3), drawn(2, 3))
row("nn.tile(x1, {2, 1, 2})", lambda x: np.tile(x, (2, 1, 2)), drawn(2, 3))
row("x1:tile(0)", lambda x: np.tile(x, 0), drawn(2, 3))
row("x1:flip(1)", lambda x: x.flip(0), CUBE)
row("x1:flip({1, -1})", lambda x: x.flip(0, 2), CUBE)
row("x1:flip()", lambda x: x.flip(0, 1), i64([[1, 2], [3, 4]]))
row("x1:pad({{1, 0}, {0, 2}})", lambda x: np.pad(x, ((1, 0), (0, 2))), drawn(2, 3))
row("nn.pad(x1, {{1, 2}}, -1.5)", lambda x: np.pad(x, ((1, 2),), constant_values=-1.5), drawn(3))
row("x1:pad({{0, 1}, {1, 0}}, {value = 9})", lambda x: np.pad(x, ((0, 1), (1, 0)), constant_values=9), i64([[1, 2]]))
row("nn.cat({x1, x2}, 1)", lambda a, b: torch.cat([a, b]), drawn(2, 3), drawn(1, 3))
row("nn.cat({x1, x2, x1}, -1)", lambda a, b: torch.cat([a, b, a], 1), drawn(2, 1), f64(drawn(2, 3).values))
row("nn.cat({x1:t(), x2})", lambda a, b: torch.cat([a.t(), b]), drawn(2, 3), drawn(1, 2))
row("nn.cat({x1, x2})", lambda a, b: torch.cat([a.long(), b]), u8([1, 2]), i64([-3]))
row("nn.stack({x1, x2})", lambda a, b: torch.stack([a, b]), drawn(3), drawn(3))
row("nn.stack({x1, x2}, 2)", lambda a, b: torch.stack([a, b], 1), drawn(3), drawn(3))
row("nn.stack({x1, x2}, -1)", lambda a, b: torch.stack([a, b], -1), drawn(2, 2), drawn(2, 2))
row("table.unpack(x1:split(2, 1))", lambda x: x.split(2, 0), drawn(5, 2))
row("table.unpack(nn.split(x1, 1, 2))", lambda x: x.split(1, 1), drawn(2, 2))
row("table.unpack(x1:chunk(3, 1))", lambda x: x.chunk(3, 0), drawn(7))
row("table.unpack(x1:chunk(2, -1))", lambda x: x.chunk(2, 1), drawn(2, 4))
row("x1:contiguous()", lambda x: x, drawn(2, 3))
row("x1:t():contiguous()", lambda x: x.t(), drawn(2, 3))
row("x1:t():clone()", lambda x: x.t(), drawn(2, 3))
for k in (-1, 0, 2):
    row("x1:tril(%d)" % k, lambda x: x.tril(k), drawn(3, 4))
    row("nn.triu(x1, %d)" % k, lambda x: x.triu(k), drawn(2, 4, 3))
row("x1:tril()", lambda x: x.tril(), i64([[1, 2], [3, 4]]))
row("x1:triu()", lambda x: x.triu(), [[nan, inf], [nan, 1]])
row("x1:to('int64')", lambda x: x.trunc().long(), [1.9, -1.9, 0, 2 ** 31])
row("x1:to('uint8')", lambda x: x.to(torch.uint8), [0, 255.9, 3.5])
row("x1:to('float64')", lambda x: x, f64([0.1, 1e300]))
row("x1:to('float32')", lambda x: x, f64([0.1, 1e300]), dtype="float32")
row("x1:to('float32')", lambda x: x.double(), i64([2 ** 24 + 1, -5]), dtype="float32")
row("x1:to('uint8')", lambda x: x.to(torch.uint8), i64([0, 255]))

# Making and asking

ARANGE = lambda *a: lambda: torch.tensor(np.array(a, float))
row("nn.arange(1, 5)", ARANGE(1, 2, 3, 4, 5))
row("nn.arange(0, 1, 0.25)", ARANGE(0, 0.25, 0.5, 0.75, 1))
row("nn.arange(0, 1, 0.1)", ARANGE(0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1))
row("nn.arange(5, 0, -2)", ARANGE(5, 3, 1))
row("nn.arange(2, 1)", ARANGE())
row("nn.arange(-1, 2, {dtype = 'int64'})", lambda: torch.arange(-1, 3))
row("nn.linspace(0, 1, 5)", lambda: torch.linspace(0, 1, 5, dtype=torch.float64))
row("nn.linspace(-2, 2, 7, {dtype = 'float64'})", lambda: torch.linspace(-2, 2, 7, dtype=torch.float64),
    dtype="float64")
row("nn.linspace(3, 9, 1)", lambda: torch.tensor([3.0]))
row("nn.eye(3)", lambda: torch.eye(3))
row("nn.zeros(2, 0), nn.ones({2}), nn.full({2, 1}, 7)", lambda: [torch.zeros(2, 0), torch.ones(2),
    torch.full((2, 1), 7.0)])
row("nn.full({2}, 3, {dtype = 'int64'})", lambda: torch.full((2,), 3))
row("nn.zeros_like(x1), nn.ones_like(x1), nn.full_like(x1, 4)", lambda x: [x * 0, x * 0 + 1, x * 0 + 4], i64([5, 6]))
row("nn.tensor{{1, 2}, {3, 4}}", lambda: torch.tensor([[1.0, 2], [3, 4]]))
row("nn.tensor(2.5), nn.tensor({1, 2}, {dtype = 'int64'})", lambda: [torch.tensor(2.5), torch.tensor([1, 2])])
row("nn.from_string(x1:tostring_bytes(), 'float32', {2, 2})", lambda x: x, drawn(2, 2))
row("nn.from_string(x1:t():tostring_bytes(), 'int64', {3, 1})", lambda x: x.t(), i64([[1, -2, 3]]))
row("x1:numel(), #x1, x1:size(2), x1:size(-1), x1.ndim", lambda x: [Number(24), Number(2), Number(3), Number(4),
    Number(3)], CUBE)
row("x1:item()", lambda x: Number(2.5), [[2.5]])
row("x1:item()", lambda x: Number(2 ** 62 + 1), i64(2 ** 62 + 1))

# Picking

row("x1[2]", lambda x: x[1], drawn(2, 3))
row("x1[-1]", lambda x: x[-1], CUBE)
row("x1[2]", lambda x: Number(7), i64([5, 7]))
row("x1[{2, {1, 3}, {}}]", lambda x: x[1, 0:3], CUBE)
row("x1[{{}, 2}]", lambda x: x[:, 1], CUBE)
row("x1[{{-2, -1}, {2, -1}}]", lambda x: x[-2:, 1:], drawn(3, 4))
row("x1[{{2, 2}}]", lambda x: x[1:2], drawn(3, 2))
row("x1:t()[{2, {}}]", lambda x: x.t()[1], drawn(2, 3))
row("x1:narrow(2, 2, 2)", lambda x: x[:, 1:3], CUBE)
row("nn.narrow(x1, -1, -2, 2)", lambda x: x[..., -2:], CUBE)
row("x1:slice(1, 2, 3)", lambda x: x[1:3], drawn(4, 2))
row("nn.slice(x1, 2, -2, -1)", lambda x: x[:, -2:], drawn(2, 3))
row("x1:select(2, 3)", lambda x: x[:, 2], CUBE)
row("nn.select(x1, -1, -1)", lambda x: x[..., -1], CUBE)
row("x1:index_select(1, {3, 1, 1})", lambda x: x[[2, 0, 0]], drawn(3, 2))
row("nn.index_select(x1, 2, x2)", lambda x, i: x[:, i - 1], CUBE, i64([2, 3]))
row("x1:index_select(-1, x2)", lambda x, i: x[..., i], f64(CUBE.values), i64([-1, -4]))
row("x1:t():index_select(1, {2})", lambda x: x.t()[[1]], drawn(2, 3))
row("x1:index_select(1, x2)", lambda x, i: x[i - 1], u8([[1, 2], [3, 4]]), i64([2, 1, 2]))
row("x1:gather(2, x2)", lambda x, i: x.gather(1, i - 1), drawn(2, 3), i64([[1, 3, 3, 2], [2, 2, 1, 1]]))
row("nn.gather(x1, 1, {{1, 2}})", lambda x: x.gather(0, torch.tensor([[0, 1]])), drawn(2, 3))
row("x1:t():gather(-1, x2)", lambda x, i: x.t().gather(1, i - 1), drawn(2, 3), i64([[2], [1], [2]]))
row("x1:masked_select(x1:gt(0))", lambda x: x[x > 0], drawn(3, 4))
row("x1:masked_select(x2)", lambda x, m: torch.masked_select(x, m.bool()), f64([[1, 2], [3, 4]]), u8([0, 1]))
row("nn.masked_select(x1, x2)", lambda x, m: x[:0, 0], drawn(2, 2), u8([[0, 0], [0, 0]]))
row("nn.embedding(x1, x2)", lambda w, i: w[i], drawn(4, 3), i64([[0, 3], [1, 1]]))
row("nn.embedding(x1, x2)", lambda w, i: w[i.long()], drawn(4, 3), [3, 0])
row("nn.one_hot(x1, 3)", lambda i: F.one_hot(i, 3).double(), i64([0, 2, 1]), dtype="float32")
row("nn.one_hot(x1, 4)", lambda i: F.one_hot(i.long(), 4).double(), u8([[3, 0]]), dtype="float32")


def argsort(x, d, descending):
    """Stable; NaN is the largest."""
    return torch.sort(x, dim=d, descending=descending, stable=True)[1]


def sort(x, d, descending=False):
    at = argsort(x, d, descending)
    return x.gather(d, at), at + 1


def topk(x, k, d):
    values, at = sort(x, d, True)
    return values.narrow(d, 0, k), at.narrow(d, 0, k)


UNSORTED = [[3, 1, nan, 2, 1], [-inf, inf, 0, -0.0, 5], [2, 2, 2, 1, 2]]
row("x1:sort()", lambda x: sort(x, -1), UNSORTED)
row("nn.sort(x1, 1)", lambda x: sort(x, 0), f64(UNSORTED))
row("x1:sort(2, true)", lambda x: sort(x, 1, True), UNSORTED)
row("x1:sort(-1, {descending = true})", lambda x: sort(x, 1, True), i64([[3, 1, 2, 3]]))
row("x1:t():sort(1)", lambda x: sort(x.t(), 0), UNSORTED)
row("x1:sort()", lambda x: sort(x, 0), u8([9, 200, 9, 0]))
row("x1:sort(2)", lambda x: sort(x, 1), drawn(2, 24))
row("x1:topk(2)", lambda x: topk(x, 2, -1), UNSORTED)
row("nn.topk(x1, 2, 1)", lambda x: topk(x, 2, 0), UNSORTED)
row("x1:topk(5)", lambda x: topk(x, 5, 1), f64(drawn(2, 20).values))
row("x1:topk(0, 1)", lambda x: topk(x, 0, 0), drawn(3))
row("x1:argsort()", lambda x: argsort(x, -1, False) + 1, UNSORTED)

# Products

SHAPES = [((2, 3), (3, 4)), ((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((4, 2, 3), (3, 2)), ((4, 2, 3), (4, 3, 2)),
          ((2, 1, 2, 3), (3, 3, 2)), ((2, 3), (4, 3, 2)), ((3,), (2, 3, 2)), ((2, 2, 3), (3,)), ((2, 0),
              (0, 3)), ((0, 2), (2, 3)),
          ((20, 30), (30, 25)), ((1, 1), (1, 1)), ((3, 90), (90, 1))]
for a, b in SHAPES:
    row("nn.matmul(x1, x2)", torch.matmul, drawn(*a), drawn(*b))
row("x1:matmul(x2)", torch.matmul, drawn(12, 20, dtype="float64"), drawn(20, 10, dtype="float64"))
row("x1:t():matmul(x2)", lambda a, b: a.t() @ b, drawn(3, 2), drawn(3, 4))
row("x1:matmul(x2:t())", lambda a, b: a @ b.t(), drawn(20, 40), drawn(25, 40))
row("x1:t():matmul(x2:t())", lambda a, b: a.t() @ b.t(), drawn(25, 20, dtype="float64"), drawn(15, 25, dtype="float64"))
row("nn.matmul(x1, x2)", torch.matmul, i64([[1, 2], [3, 4]]), i64([[5, 6], [7, 8]]))
row("nn.matmul(x1, x2)", lambda a, b: a @ b, drawn(2, 2), f64([[1, 2], [3, 4]]))
row("nn.matmul(x1, x2)", torch.matmul, [[nan, 1], [0, inf]], [[1, 0], [2, 1]])
row("x1:dot(x2)", torch.dot, drawn(5), drawn(5))
row("nn.outer(x1, x2)", torch.outer, drawn(3), drawn(2))
for spec, *shapes in [("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), ("ij,kj->ki", (2, 3), (4, 3)),
    ("ii->i", (3, 3)),
                      ("ii", (3, 3)), ("iji->j", (2, 3, 2)), ("ij->ji", (2, 3)), ("ba", (2, 3)), ("ij->",
                          (2, 3)), ("ij->j", (2, 3)),
                      ("i,j->ij", (2,), (3,)), ("i,i->", (4,), (4,)), ("i,i->i", (4,), (4,)), ("bij,bjk->bik",
                          (2, 3, 2), (2, 2, 4)),
                      ("...ij,...jk->...ik", (2, 2, 3), (3, 2)), ("...ij->...ji", (2, 2, 3)), ("i...->...i", (2, 3, 4)),
                      ("...,...", (2, 3), (3,)), ("a...b,b->a...", (2, 2, 3), (3,)), ("ab,bc,cd->ad", (2, 3), (3, 2),
                          (2, 4)),
                      ("ij,ij->ij", (2, 3), (2, 3)), ("ij,ij->", (2, 3), (2, 3)), ("bhqd,bhkd->bhqk", (2, 2, 3, 2),
                          (2, 2, 4, 2)),
                      ("b i j , b j -> b i", (2, 3, 2), (2, 2)), ("Aa,aB->BA", (2, 3), (3, 2)), ("ij,j,i->", (2, 3),
                          (3,), (2,)),
                      ("abc,cd,bd->a", (2, 3, 2), (2, 4), (3, 4)), ("ij,k->ij", (2, 2), (3,)), ("...ii->...i",
                          (2, 3, 3))]:
    inputs = [drawn(*s, dtype="float64") for s in shapes]
    names = ", ".join("x%d" % (i + 1) for i in range(len(shapes)))
    row("nn.einsum('%s', %s)" % (spec, names), lambda *x: np.einsum(spec, *[y.numpy() for y in x]), *inputs)
row("nn.linear(x1, x2, x3)", lambda x, w, b: x @ w + b, drawn(4, 3), drawn(3, 2), drawn(2))
row("nn.linear(x1, x2)", lambda x, w: x @ w, drawn(2, 4, 3), drawn(3, 2))
row("x1:linear(x2, x3)", lambda x, w, b: x @ w + b, drawn(3, dtype="float64"), drawn(3, 2, dtype="float64"),
    drawn(2, dtype="float64"))
row("nn.linear(x1:t(), x2:t(), x3)", lambda x, w, b: x.t() @ w.t() + b, drawn(20, 15), drawn(18, 20), drawn(18))
row("nn.linear(x1, x2, x3)", lambda x, w, b: x @ w + b, np.zeros((0, 3)), drawn(3, 2), drawn(2))


def layer_norm(x, gamma=None, beta=None, axes=(-1,), epsilon=1e-3):
    mean, var = x.mean(axes, keepdim=True), x.var(axes, unbiased=False, keepdim=True)
    y = (x - mean) / (var + epsilon).sqrt()
    return (y * gamma if gamma is not None else y) + (beta if beta is not None else 0)


row("nn.layer_norm(x1, x2, x3)", layer_norm, drawn(3, 5), drawn(5), drawn(5))
row("nn.layer_norm(x1)", layer_norm, f64(CUBE.values))
row("nn.layer_norm(x1, x2)", layer_norm, CUBE, drawn(4))
row("nn.layer_norm(x1, x2, x3, {epsilon = 0.1})", lambda x, g, b: layer_norm(x, g, b, epsilon=0.1), drawn(3, 5),
    drawn(5), drawn(5))
row("nn.layer_norm(x1, x2, x3, {axis = {2, 3}})", lambda x, g, b: layer_norm(x, g, b, (1, 2)), CUBE, drawn(3, 4),
    drawn(3, 4))
row("nn.layer_norm(x1, x2, x3, {axis = 1})", lambda x, g, b: layer_norm(x, g[:, None], b[:, None], (0,)), drawn(5, 3),
    drawn(5), drawn(5))
row("nn.layer_norm(x1, nil, x2, {axis = 2})", lambda x, b: layer_norm(x, None, b[:, None], (1,)), CUBE, drawn(3))
row("x1:dropout(0)", lambda x: x, drawn(4))
row("nn.dropout(x1, 1)", lambda x: x * 0, drawn(4))

# In place

for name, f in (("add_", torch.add), ("sub_", torch.sub), ("mul_", torch.mul), ("div_", torch.div)):
    row("x1:%s(x2)" % name, f, drawn(2, 3), drawn(3))
    row("x1:%s(2)" % name, lambda x: f(x, torch.tensor(2.0, dtype=torch.float64)), drawn(2, 3, dtype="float64"))
row("x1:copy_(x2)", lambda x, y: y + 0 * x, drawn(2, 3), f64(drawn(3).values), dtype="float32")
row("x1:copy_(x1:t())", lambda x: x.t(), drawn(3, 3))
row("x1:fill_(7)", lambda x: x * 0 + 7, i64([1, 2]))
row("x1:zero_()", lambda x: x * 0, drawn(3))
row("x1:clamp_(-0.5, 0.5)", lambda x: x.clamp(-0.5, 0.5), drawn(6))
row("(function() x1[{{}, 2}] = 5 return x1 end)()", lambda x: torch.stack([x[:, 0], x[:, 0] * 0 + 5], 1), drawn(3, 2))
row("(function() x1[2] = x2 return x1 end)()", lambda x, v: torch.stack([x[0], v]), drawn(2, 3), drawn(3))
row("(function() x1:t():add_(x2) return x1 end)()", lambda x, v: x + v[:, None], drawn(2, 3), drawn(2))

# Gradients at edges

grad("x1:abs()", [0, -0.0, 2, -2], 0, 0, 1, -1)
grad("x1:relu()", [0, 1, -1], 0, 1, 0)
grad("x1:norm()", [0, 0], 0, 0)
grad("x1:norm()", [3, 4], 0.6, 0.8)
grad("x1:norm(2)", [[0, 0], [0, 5]], 0, 0, 0, 1)
grad("x1:std()", [2, 2, 2], 0, 0, 0)
grad("x1:clamp(0, 1)", [0, 1, -1, 2, 0.5], 1, 1, 0, 0, 1)
grad("x1:clamp(0)", [0, -1, 1], 1, 0, 1)
grad("x1:max()", [1, 3, 3, 2], 0, 0.5, 0.5, 0)
grad("x1:min()", [2, 2, 2, 2], 0.25, 0.25, 0.25, 0.25)
grad("x1:max({1, 2})", [[1, 3], [3, 2]], 0, 0.5, 0.5, 0)
grad("x1:max(2)", [[1, 3, 3], [2, 2, 2]], 0, 1, 0, 1, 0, 0)
grad("x1:min(1)", [[1, 3], [1, 3]], 1, 1, 0, 0)
grad("nn.maximum(x1, 2)", [1, 2, 3], 0, 0.5, 1)
grad("nn.minimum(x1, nn.tensor{2, 2, 2})", [1, 2, 3], 1, 0.5, 0)
grad("x1:sign() + x1:floor() + x1:ceil() + x1:round()", [0.5, 2, -1.5], 0, 0, 0)
grad("x1 ^ 0", [0, 2], 0, 0)
grad("x1 ^ 2", [0, -2], 0, -4)
grad("x1 ^ 3", [0, -2], 0, 12)
grad("2 ^ x1", [0, 1], np.log(2), 2 * np.log(2))
grad("nn.pow(0, x1)", [2, 1, 0.5], 0, 0, 0)
grad("x1:prod()", [2, 3, 4], 12, 8, 6)
grad("x1:prod()", [0, 3, 4], 12, 0, 0)
grad("x1:prod()", [0, 0, 4], 0, 0, 0)
grad("x1:prod(2)", [[2, 3], [0, 5]], 3, 2, 5, 0)
grad("x1:leaky_relu()", [0, -1, 1], 0.2, 0.2, 1)
grad("x1:elu()", [0, -1, 1], 1, np.exp(-1), 1)
grad("x1:sqrt()", [4, 1], 0.25, 0.5)
grad("x1:index_select(1, {2, 2, 1})", [1, 2, 3], 1, 2, 0)
grad("x1:gather(1, {3, 3})", [1, 2, 3], 0, 0, 2)
grad("x1:sort()", [3, 1, 2], 1, 1, 1)
grad("x1:sort() * nn.tensor{1, 10, 100}", [3, 1, 2], 100, 1, 10)
grad("x1:topk(1)", [3, 1, 3], 1, 0, 0)
grad("nn.where(x1:gt(0), x1 * 2, x1 * 3)", [1, -1], 2, 3)
grad("x1:masked_select(x1:gt(0)) * 2", [1, -1, 3], 2, 0, 2)
grad("x1[2] * 3", [1, 2, 3], 0, 3, 0)
grad("x1[{{2, 3}}]", [1, 2, 3], 0, 1, 1)
grad("x1:expand(3, 2)", [1, 2], 3, 3)
grad("x1:tile(3)", [1, 2], 3, 3)
grad("x1:pad({{1, 1}})", [1, 2], 1, 1)
grad("x1:cumsum(1)", [1, 2, 3], 3, 2, 1)
grad("nn.cat({x1, x1 * 2, x1 * 3})", [1, 2], 6, 6)
grad("nn.stack({x1, x1}, 2)", [1, 2], 2, 2)
grad("x1:var()", [1, 2, 6], -4 / 3, -2 / 3, 2)
grad("x1:logsumexp()", [0, 0], 0.5, 0.5)
grad("x1:to('float32') * 3", [1, 2], 3, 3)
grad("nn.embedding(x1, {0, 2, 2})", [[1], [2], [3]], 1, 0, 2)
autograd("nn.matmul(x1, x2)", torch.matmul, drawn(2, 3, grad=True), drawn(3, 2, grad=True))
autograd("nn.matmul(x1, x2)", torch.matmul, drawn(2, 1, 2, 3, dtype="float64", grad=True),
    drawn(2, 3, 2, dtype="float64", grad=True))
autograd("nn.linear(x1, x2, x3):tanh()", lambda x, w, b: (x @ w + b).tanh(), drawn(2, 3, grad=True),
    drawn(3, 2, grad=True), drawn(2, grad=True))
autograd("nn.einsum('bij,bkj->bik', x1, x2):square()", lambda a, b: torch.einsum("bij,bkj->bik", a, b) ** 2,
         drawn(2, 2, 3, grad=True), drawn(2, 2, 3, grad=True))
autograd("nn.softmax(x1, -1) * x2", lambda a, b: torch.softmax(a, -1) * b, drawn(2, 3, grad=True), drawn(2, 3))
autograd("nn.log_softmax(x1, 1) * x2", lambda a, b: torch.log_softmax(a, 0) * b, drawn(2, 3, grad=True), drawn(2, 3))
autograd("nn.layer_norm(x1, x2, x3) * x4", lambda x, g, b, c: layer_norm(x, g, b) * c,
    drawn(2, 4, dtype="float64", grad=True),
         drawn(4, dtype="float64", grad=True), drawn(4, dtype="float64", grad=True), drawn(2, 4, dtype="float64"))
autograd("x1 / x2 + x1 ^ x2", lambda a, b: a / b + a ** b, drawn(2, 1, low=0.5, grad=True),
    drawn(3, low=0.5, grad=True))
for name, f in UNARY.items():
    if name not in ("logical_not", "sign", "floor", "ceil", "round"):
        positive = name in ("log", "log1p", "sqrt", "rsqrt")
        autograd("x1:%s()" % name, f, drawn(5, dtype="float64", grad=True, low=0.1 if positive else None))


def batch_norm(x, gamma=None, beta=None, mean=None, variance=None, axis=-1, epsilon=1e-3):
    axis %= x.dim()
    moved = x.movedim(axis, 1) if axis != 1 else x
    y = F.batch_norm(moved, mean, variance, gamma, beta, training=mean is None, eps=epsilon)
    return y.movedim(1, axis) if axis != 1 else y


FEATURES = [drawn(4), drawn(4), drawn(4), drawn(4, low=0.2)]
row("nn.batch_norm(x1, x2, x3, x4, x5)", batch_norm, CUBE, *FEATURES)
row("x1:batch_norm(x2, x3, x4, x5, {epsilon = 0.1})", lambda *x: batch_norm(*x, epsilon=0.1), drawn(5, 4), *FEATURES)
row("nn.batch_norm(x1, x2, x3, x4, x5, {axis = 2})", lambda *x: batch_norm(*x, axis=1), drawn(2, 4, 3), *FEATURES)
row("nn.batch_norm(x1, nil, nil, x2, x3)", lambda x, m, v: batch_norm(x, None, None, m, v), CUBE, *FEATURES[2:])
row("nn.batch_norm(x1, x2, x3)", batch_norm, drawn(7, 4), *FEATURES[:2])
row("nn.batch_norm(x1, x2, nil, {axis = 2})", lambda x, g: batch_norm(x, g, axis=1), drawn(2, 4, 3, dtype="float64"),
    FEATURES[0])
row("nn.batch_norm(x1)", batch_norm, drawn(6, 3))
row("nn.batch_norm(x1)", lambda x: batch_norm(x.double()), i64([[1, 5], [3, 9], [8, 2]]), dtype="float32")
TRAINED = [drawn(5, 3, dtype="float64", grad=True), drawn(3, dtype="float64", grad=True),
           drawn(3, dtype="float64", grad=True)]
autograd("nn.batch_norm(x1, x2, x3) * x4", lambda x, g, b, c: batch_norm(x, g, b) * c, *TRAINED,
         drawn(5, 3, dtype="float64"))
autograd("nn.batch_norm(x1, x2, x3) * x4", lambda x, g, b, c: batch_norm(x, g, b) * c, drawn(9, 2, grad=True),
         drawn(2, grad=True), drawn(2, grad=True), drawn(9, 2))
autograd("nn.batch_norm(x1, x2, x3, x4, x5):square()", lambda *x: batch_norm(*x) ** 2, *TRAINED,
         drawn(3, dtype="float64"), drawn(3, dtype="float64", low=0.3))

write("tests/data/ops.csv")
