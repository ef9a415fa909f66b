"""Element-wise functions: their rows come first in tests/data/ops.csv. Imported by ops.py."""
import numpy as np
import torch
import torch.nn.functional as F
from op_rows import drawn, f64, i64, inf, nan, row, u8

EDGES = [nan, inf, -inf, 0, -0.0, 1, -1, 0.5, -2.5, 1.5, 30, -30, 100, -100, 1e-5, -1e-5]
sign = lambda x: torch.where(torch.isnan(x), x, torch.sign(x))
UNARY = {
    "neg": torch.neg, "abs": torch.abs, "sign": sign, "exp": torch.exp, "expm1": torch.expm1, "log": torch.log,
    "log1p": torch.log1p, "sqrt": torch.sqrt, "rsqrt": torch.rsqrt, "square": torch.square, "sin": torch.sin,
    "cos": torch.cos, "tanh": torch.tanh, "erf": torch.erf, "sigmoid": torch.sigmoid, "log_sigmoid": F.logsigmoid,
    "relu": F.relu, "leaky_relu": lambda x: F.leaky_relu(x, 0.2), "elu": F.elu, "selu": F.selu, "gelu": F.gelu,
    "silu": F.silu, "mish": F.mish, "softplus": lambda x: torch.logaddexp(x,
        torch.zeros_like(x)), "softsign": F.softsign,
    "hard_sigmoid": F.hardsigmoid, "floor": torch.floor, "ceil": torch.ceil, "round": torch.round,
    "logical_not": torch.logical_not,
}
BOUNDED = ("gelu", "silu", "mish")     # at -inf PyTorch gives NaN for want of a limit
for name, f in UNARY.items():
    edges = [e for e in EDGES if not (name in BOUNDED and e == -inf)]
    row("nn.%s(x1)" % name, f, edges)
    row("x1:%s()" % name, f, f64(edges))
    row("x1:%s()" % name, f, f64(0.75))
    row("nn.%s(x1:t())" % name, lambda x, f=f: f(x.t()), drawn(2, 3, dtype="float64"))
    row("x1:%s()" % name, f, np.zeros((0, 2)))
for name in ("exp", "log", "sqrt", "tanh", "sigmoid", "gelu", "sin"):
    row("x1:%s()" % name, lambda x, f=UNARY[name]: f(x.double()), i64([0, 1, 5]))
for name in ("neg", "abs", "sign", "square", "relu", "floor", "round"):
    row("x1:%s()" % name, lambda x, f=UNARY[name]: f(x.double()).long(), i64([-3, 0, 7]))
row("-x1", torch.neg, [1, -2, nan])
row("x1:neg()", lambda x: -x.long(), u8([0, 1, 255]))
row("x1:logical_not()", torch.logical_not, u8([0, 1, 255]))
row("nn.square(x1)", lambda x: x * x, u8([3, 15]))
row("nn.leaky_relu(x1, 0.01)", lambda x: F.leaky_relu(x, 0.01), EDGES)
row("x1:leaky_relu{slope = 0.3}", lambda x: F.leaky_relu(x, 0.3), [-1, 2])
row("nn.elu(x1, 0.5)", lambda x: F.elu(x, 0.5), EDGES)
row("nn.gelu(x1, {approximate = true})", lambda x: F.gelu(x, approximate="tanh"), EDGES[3:])
row("nn.gelu(x1, {approximate = false})", F.gelu, drawn(5))
row("nn.clamp(x1, -1, 0.5)", lambda x: x.clamp(-1, 0.5), EDGES)
row("x1:clamp(nil, 1)", lambda x: x.clamp(max=1), EDGES)
row("x1:clamp(0)", lambda x: x.clamp(min=0), f64(EDGES))
row("x1:clamp(-2, 3)", lambda x: x.clamp(-2, 3), i64([-5, 0, 9]))
row("x1:round()", torch.round, [0.5, 1.5, 2.5, -0.5, -1.5, 2.4999, 3.5])
row("x1:sigmoid()", torch.sigmoid, f64([-800, -40, 40, 800]))
row("x1:softplus()", lambda x: torch.logaddexp(x, torch.zeros_like(x)), f64([-800, -40, 40, 800]))
row("nn.expm1(x1)", torch.expm1, f64([1e-12, -1e-12, 1e-20]))
row("nn.log1p(x1)", torch.log1p, f64([1e-12, -1e-12, -1, -2]))

# Two operands

A = [nan, 1, nan, inf, inf, -inf, 0, 0, -0.0, 2, -8, 2]
B = [1, nan, nan, inf, -inf, 3, 0, -1, 5, 0, 3, -0.5]
BINARY = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "pow": torch.pow,
          "maximum": torch.maximum, "minimum": torch.minimum}
for name, f in BINARY.items():
    row("nn.%s(x1, x2)" % name, f, A, B)
    row("x1:%s(x2)" % name, f, f64(A), f64(B))
    row("nn.%s(x1, x2)" % name, f, drawn(2, 1, 3, low=0.5), drawn(4, 1, low=0.5))
    row("nn.%s(x1, x2)" % name, f, drawn(low=0.5), f64(drawn(2, 3, low=0.5).values))
    row("nn.%s(x1:t(), x2)" % name, lambda a, b, f=f: f(a.t(), b), drawn(2, 3, low=0.5), drawn(3, 2, low=0.5))
    row("nn.%s(x1, x2)" % name, f, np.zeros((0, 3)), drawn(1, 3))
    row("x1:%s(2)" % name, lambda a, f=f: f(a, torch.tensor(2.0, dtype=torch.float64)), drawn(2, 2, low=0.5))
    row("nn.%s(1.5, x1)" % name, lambda b, f=f: f(torch.tensor(1.5, dtype=torch.float64), b),
        drawn(2, 2, dtype="float64"))
    if name != "div":
        row("nn.%s(x1, x2)" % name, f, i64([[7], [-2]]), i64([0, 3, 5]))
        row("nn.%s(x1, x2)" % name, lambda a, b, f=f: f(a.long(), b), u8([200, 100]), i64([3, 2]))
        row("nn.%s(x1, x2)" % name, lambda a, b, f=f: f(a.double(), b.double()), i64([3, -2]), [2, 3])
for name, f in {"eq": torch.eq, "ne": torch.ne, "lt": torch.lt, "le": torch.le, "gt": torch.gt, "ge": torch.ge}.items():
    row("nn.%s(x1, x2)" % name, f, A, B)
    row("x1:%s(x2)" % name, f, i64([[1], [2]]), [0.5, 1, 2])
    row("x1:%s(1)" % name, lambda a, f=f: f(a, 1), f64([0, 1, 2, nan]))
    row("nn.%s(x1, x2)" % name, f, np.zeros((0, 1)), drawn(2))
row("x1 + x2", torch.add, drawn(2, 2), drawn(2))
row("x1 - x2", torch.sub, drawn(2, 2), drawn(2))
row("x1 * x2", torch.mul, drawn(2, 2), f64([3, 4]))
row("x1 / x2", lambda a, b: a.double() / b.double(), i64([7, -7, 1, 0]), i64([2, 2, 0, 0]), dtype="float32")
row("x1 ^ x2", torch.pow, drawn(2, low=0.5), drawn(2))
row("x1 / x2", lambda a, b: a.double() / b.double(), u8([7, 1]), u8([2, 0]), dtype="float32")
row("x1 + 1", lambda a: a + 1, drawn(3))
row("2 - x1", lambda a: 2 - a, drawn(3, dtype="float64"))
row("x1 * 0.1", lambda a: a.double() * 0.1, i64([1, 10]), dtype="float32")
row("x1 * 0.1", lambda a: a * 0.1, drawn(3))
row("x1 * 10", lambda a: a * 10, i64([1, -10]))
row("x1 + 10", lambda a: a.long() + 10, u8([1, 250]))
row("x1 + x2", torch.add, u8([1, 250]), u8([1, 10]))
row("x1 / 2", lambda a: a.double() / 2, i64([1, 3]), dtype="float32")
row("1 / x1", lambda a: 1 / a, [0, -0.0, 4])
row("x1 ^ 2", lambda a: a ** 2, [-3, 0, nan])
row("x1 ^ 0", lambda a: a ** 0, [-3, 0, nan])
row("x1 ^ 0.5", lambda a: a ** 0.5, [4, 2, 0, -1])
row("x1 ^ -1", lambda a: a ** -1.0, [4, 0])
row("2 ^ x1", lambda a: 2 ** a, [-1, 0, 0.5, 10])
row("x1 ^ 3", lambda a: a ** 3, i64([-2, 0, 5]))
row("x1:pow(x2)", torch.pow, i64([0, 2, -3, 10]), i64([0, 10, 3, 18]))
row("nn.where(x1, x2, x3)", lambda c, a, b: torch.where(c != 0, a, b), u8([1, 0, 2]), drawn(2, 3), drawn(2, 1))
row("nn.where(x1:gt(0), x1, 0)", lambda a: torch.where(a > 0, a, torch.zeros_like(a)), [1, -1, nan, inf])
row("nn.where(x1, x2, x3)", lambda c, a, b: torch.where(c != 0, a.double(), b), u8([1, 0]), i64([5, 6]),
    f64([0.5, 1.5]))
