"""How a row of tests/data/ops.csv is made: a Lua expression over x1, x2, ..., its inputs, and what a reference gives
for them, computed in float64. Tensors are separated by "|" and written "float32{2,3}: 1 2 3 4 5 6", with "grad " in
front where the input requires gradients; a result that is a Lua number is written "number{}: 6"."""
import csv

import numpy as np
import torch

rng = np.random.RandomState(7)
nan, inf = float("nan"), float("inf")
ORDER = ["uint8", "int64", "float32", "float64"]
rows = []


class Input:
    def __init__(self, values, dtype="float32", grad=False):
        self.values, self.dtype, self.grad = np.array(values, dtype=dtype), dtype, grad

    def text(self):
        return ("grad " if self.grad else "") + text(self.values, self.dtype)

    def tensor(self):
        x = torch.tensor(self.values.astype("float64") if self.dtype.startswith("float") else self.values)
        return x.requires_grad_(self.grad)


class Number:
    """A result that is a Lua number."""

    def __init__(self, value):
        self.value = value


def number(v):
    if isinstance(v, (int, np.integer)):
        return str(int(v))
    if v != v or v in (inf, -inf):
        return "nan" if v != v else "inf" if v > 0 else "-inf"
    return "%.10g" % v


def text(values, dtype):
    shape = ",".join(str(n) for n in values.shape)
    return "%s{%s}: %s" % (dtype, shape, " ".join(number(v) for v in values.ravel()))


def result_text(result, inputs, dtype):
    if isinstance(result, Number):
        return "number{}: " + number(result.value)
    result = result.detach() if isinstance(result, torch.Tensor) else torch.as_tensor(np.asarray(result))
    if result.is_floating_point():
        floats = [x.dtype for x in inputs if x.dtype.startswith("float")]
        dtype = dtype or (max(floats, key=ORDER.index) if floats else "float32")
    else:
        dtype = dtype or ("int64" if result.dtype == torch.int64 else "uint8")
    with np.errstate(all="ignore"):
        return text(result.numpy().astype(dtype), dtype)


def row(expression, reference, *inputs, dtype=None):
    """dtype: of the results, where it is not the largest of the inputs' floats, or the one that PyTorch gives."""
    inputs = [x if isinstance(x, Input) else Input(x) for x in inputs]
    results = reference(*[x.tensor() for x in inputs])
    results = results if isinstance(results, (tuple, list)) else [results]
    expected = [result_text(y, inputs, dtype) for y in results]
    rows.append([expression, "|".join(x.text() for x in inputs), "|".join(expected)])


def drawn(*shape, dtype="float32", low=None, grad=False):
    x = rng.randn(*shape) if low is None else low + rng.rand(*shape)
    return Input(np.round(x, 3), dtype, grad)


def i64(values):
    return Input(values, "int64")


def u8(values):
    return Input(values, "uint8")


def f64(values, grad=False):
    return Input(values, "float64", grad)


def grad(expression, values, *expected, **dtypes):
    """The gradient of the sum of expression by x1."""
    row("nn.grad((%s):sum(), x1)" % expression, lambda x: torch.tensor(expected, dtype=torch.float64).reshape(x.shape),
        f64(values, grad=True), **dtypes)


def autograd(expression, reference, *inputs):
    """The gradients of the sum of expression by the inputs that require them, by PyTorch."""
    def gradients(*x):
        return torch.autograd.grad(reference(*x).sum(), [y for y in x if y.requires_grad])
    names = ", ".join("x%d" % (i + 1) for i, x in enumerate(inputs) if x.grad)
    row("table.unpack(nn.grad((%s):sum(), {%s}))" % (expression, names), gradients, *inputs)


def write(path):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(["expression", "inputs", "results"])
        writer.writerows(rows)
    print(len(rows), "rows")
