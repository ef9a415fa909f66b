"""Values that tests/autograd/test_network.c compares with: tests/data/network_*.csv.

python3 tests/reference/network.py    (numpy and torch; float64; only needed when a formula is added)

Activations and their derivatives are torch's where it has them; losses and optimizers follow Keras's formulas step by
step. A line names the row, then its options in the order of the table (nan: nil), then numbers as %.17g.
"""
import math
import os

import numpy as np
import torch
import torch.nn.functional as F

DATA = os.path.join(os.path.dirname(__file__), "..", "data")
NAN = math.nan
EPS = 1e-7


def write(name, header, lines):
    with open(os.path.join(DATA, name), "w") as f:
        f.write("# " + header + "\n")
        for line in lines:
            f.write(",".join(x if isinstance(x, str) else "%.17g" % x for x in line) + "\n")


def relu(x, slope, most, threshold):
    y = torch.where(x >= threshold, x, torch.zeros_like(x)) if threshold else F.relu(x)
    if not math.isnan(most):
        y = torch.clamp(y, 0, most)
    return y - slope * F.relu(threshold - x)


ACTIVATIONS = [
    ("linear", (), lambda x: x * 1),
    ("relu", (0, NAN, 0), lambda x: relu(x, 0, NAN, 0)),
    ("relu", (0.1, NAN, 0), lambda x: relu(x, 0.1, NAN, 0)),
    ("relu", (0, 2, 0), lambda x: relu(x, 0, 2, 0)),
    ("relu", (0.25, 2, 0.5), lambda x: relu(x, 0.25, 2, 0.5)),
    ("relu", (0, NAN, 0.5), lambda x: relu(x, 0, NAN, 0.5)),
    ("leaky_relu", (0.2,), lambda x: F.leaky_relu(x, 0.2)),
    ("relu6", (), F.relu6),
    ("sigmoid", (), torch.sigmoid),
    ("tanh", (), torch.tanh),
    ("log_sigmoid", (), F.logsigmoid),
    ("softplus", (), F.softplus),
    ("softsign", (), F.softsign),
    ("exponential", (), torch.exp),
    ("elu", (1,), F.elu),
    ("elu", (0.5,), lambda x: F.elu(x, 0.5)),
    ("selu", (), F.selu),
    ("celu", (1,), F.celu),
    ("celu", (2,), lambda x: F.celu(x, 2)),
    ("silu", (), F.silu),
    ("gelu", (0,), F.gelu),
    ("gelu", (1,), lambda x: F.gelu(x, approximate="tanh")),
    ("mish", (), F.mish),
    ("hard_sigmoid", (), lambda x: torch.clamp(x + 3, 0, 6) / 6),
    ("hard_silu", (), lambda x: x * torch.clamp(x + 3, 0, 6) / 6),
    ("hard_tanh", (), F.hardtanh),
    ("hard_shrink", (0.5,), F.hardshrink),
    ("soft_shrink", (0.5,), F.softshrink),
    ("tanh_shrink", (), F.tanhshrink),
    ("squareplus", (4,), lambda x: (x + torch.sqrt(x * x + 4)) / 2),
    ("sparse_plus", (), lambda x: torch.where(x <= -1, 0 * x, torch.where(x < 1, (x + 1) ** 2 / 4, x))),
    ("sparse_sigmoid", (), lambda x: torch.clamp((x + 1) / 2, 0, 1)),
    ("threshold", (0.3, -2), lambda x: F.threshold(x, 0.3, -2)),
]
POINTS = [-30, -7.3, -3.5, -2.25, -1.7, -0.7, -0.45, -0.2, 0.15, 0.4, 0.8, 1.3, 2.6, 3.4, 6.7, 30]


def activations():
    for name, options, f in ACTIVATIONS:
        x = torch.tensor(POINTS, dtype=torch.float64, requires_grad=True)
        y = f(x)
        y.sum().backward()
        for i, point in enumerate(POINTS):
            yield (name, len(options), *options, point, y[i].item(), x.grad[i].item())


def clip01(p):
    return np.clip(p, EPS, 1 - EPS)


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def bce(y, p):
    return -(y * np.log(p) + (1 - y) * np.log(1 - p))


def norm(p):
    return clip01(p / p.sum(-1, keepdims=True))


def huber(y, p, d):
    e = np.abs(y - p)
    return np.where(e <= d, e * e / 2, d * e - d * d / 2).mean(-1)


def unit(x):
    return x / np.sqrt((x * x).sum(-1, keepdims=True))


def focal(y, p, q, balanced, alpha, gamma):
    pt = y * q + (1 - y) * (1 - q)
    weight = y * alpha + (1 - y) * (1 - alpha) if balanced else 1
    return (weight * (1 - pt) ** gamma * bce(y, p)).mean(-1)


def losses():
    r = np.random.RandomState(3)
    a, b = r.normal(size=(3, 4)), r.normal(size=(3, 4))
    u, v = r.uniform(0.05, 0.95, size=(3, 4)), r.uniform(0.05, 2, size=(3, 4))
    bits, sign = (r.uniform(size=(3, 4)) < 0.5) * 1.0, np.sign(r.normal(size=(3, 4)))
    hot = np.eye(4)[[2, 0, 3]]
    label = np.array([2.0, 0, 3])
    rows = np.arange(3)
    smooth = lambda y, s, k: y * (1 - s) + s / k
    sm = smooth(hot, 0.1, 4)
    yield "mean_squared_error", (), a, b, ((a - b) ** 2).mean(-1)
    yield "mean_absolute_error", (), a, b, np.abs(a - b).mean(-1)
    yield "mean_absolute_percentage_error", (), a, b, 100 * (np.abs(a - b) / np.maximum(np.abs(a), EPS)).mean(-1)
    yield "mean_squared_logarithmic_error", (), v, b, ((np.log(np.maximum(b, EPS) + 1) - np.log(v + 1)) ** 2).mean(-1)
    yield "huber", (1,), a, b, huber(a, b, 1)
    yield "huber", (0.3,), a, b, huber(a, b, 0.3)
    yield "log_cosh", (), a, b, np.log(np.cosh(b - a)).mean(-1)
    yield "kl_divergence", (), u, u[::-1], (u * np.log(u / u[::-1])).sum(-1)
    yield "poisson", (), v, u, (u - v * np.log(u + EPS)).mean(-1)
    yield "cosine_similarity", (-1,), a, b, -(unit(a) * unit(b)).sum(-1)
    yield "hinge", (), sign, a, np.maximum(1 - sign * a, 0).mean(-1)
    yield "hinge", (), bits, a, np.maximum(1 - (2 * bits - 1) * a, 0).mean(-1)
    yield "squared_hinge", (), sign, a, (np.maximum(1 - sign * a, 0) ** 2).mean(-1)
    wrong, right = ((1 - hot) * a).max(-1), (hot * a).sum(-1)
    yield "categorical_hinge", (), hot, a, np.maximum(wrong - right + 1, 0)
    yield "binary_crossentropy", (0, 0, -1), bits, u, bce(bits, u).mean(-1)
    yield "binary_crossentropy", (1, 0, -1), bits, a, bce(bits, sigmoid(a)).mean(-1)
    yield "binary_crossentropy", (1, 0.2, -1), bits, a, bce(smooth(bits, 0.2, 2), sigmoid(a)).mean(-1)
    yield "categorical_crossentropy", (0, 0, -1), hot, u, -(hot * np.log(norm(u))).sum(-1)
    yield "categorical_crossentropy", (0, 0.1, -1), hot, u, -(sm * np.log(norm(u))).sum(-1)
    yield "categorical_crossentropy", (1, 0, -1), hot, a, -(hot * np.log(softmax(a))).sum(-1)
    yield "categorical_crossentropy", (1, 0.1, -1), hot, a, -(sm * np.log(softmax(a))).sum(-1)
    yield "sparse_categorical_crossentropy", (0, NAN, -1), label, u, -np.log(norm(u))[rows, [2, 0, 3]]
    yield "sparse_categorical_crossentropy", (1, NAN, -1), label, a, -np.log(softmax(a))[rows, [2, 0, 3]]
    ignored = -np.log(softmax(a))[rows, [2, 0, 3]] * [1, 0, 1]
    yield "sparse_categorical_crossentropy", (1, 0, -1), label, a, ignored
    ignored = -np.log(norm(u))[rows, [2, 0, 3]] * [1, 1, 0]
    yield "sparse_categorical_crossentropy", (0, 3, -1), label, u, ignored
    yield "binary_focal_crossentropy", (0, 0, -1, 0, 0.25, 2), bits, u, focal(bits, u, u, False, 0.25, 2)
    yield "binary_focal_crossentropy", (0, 0, -1, 1, 0.25, 1.5), bits, u, focal(bits, u, u, True, 0.25, 1.5)
    s = sigmoid(a)
    yield "binary_focal_crossentropy", (1, 0, -1, 1, 0.3, 2), bits, a, focal(bits, s, s, True, 0.3, 2)
    q = norm(u)
    focal_values = -(0.25 * (1 - q) ** 2 * hot * np.log(q)).sum(-1)
    yield "categorical_focal_crossentropy", (0, 0, -1, 0.25, 2), hot, u, focal_values
    q = softmax(a)
    focal_values = -(0.5 * (1 - q) ** 3 * sm * np.log(q)).sum(-1)
    yield "categorical_focal_crossentropy", (1, 0.1, -1, 0.5, 3), hot, a, focal_values


GRADIENTS = [np.array(g) for g in ([0.1, -0.2, 0.3], [0.4, 0.1, -0.6], [-0.3, 0.2, 0.05], [0.7, -0.9, 0.2])]


def sgd(w, g, s, t, lr, momentum, nesterov):
    if not momentum:
        return w - lr * g
    s["m"] = momentum * s.get("m", 0) - lr * g
    return w + (momentum * s["m"] - lr * g if nesterov else s["m"])


def rmsprop(w, g, s, t, lr, rho, momentum, epsilon, centered):
    s["v"] = rho * s.get("v", 0) + (1 - rho) * g * g
    s["a"] = rho * s.get("a", 0) + (1 - rho) * g
    d = s["v"] - s["a"] ** 2 if centered else s["v"]
    s["m"] = momentum * s.get("m", 0) + lr * g / np.sqrt(d + epsilon)
    return w - s["m"]


def moments(g, s, beta_1, beta_2):
    s["m"] = s.get("m", 0) + (g - s.get("m", 0)) * (1 - beta_1)
    s["v"] = s.get("v", 0) + (g * g - s.get("v", 0)) * (1 - beta_2)
    s["h"] = np.maximum(s.get("h", 0), s["v"])
    return s["m"], s["v"]


def adam(w, g, s, t, lr, beta_1, beta_2, epsilon, amsgrad):
    m, v = moments(g, s, beta_1, beta_2)
    alpha = lr * math.sqrt(1 - beta_2 ** t) / (1 - beta_1 ** t)
    return w - alpha * m / (np.sqrt(s["h"] if amsgrad else v) + epsilon)


def adamax(w, g, s, t, lr, beta_1, beta_2, epsilon):
    m, _ = moments(g, s, beta_1, beta_2)
    s["u"] = np.maximum(beta_2 * s.get("u", 0), np.abs(g))
    return w - lr / (1 - beta_1 ** t) * m / (s["u"] + epsilon)


def nadam(w, g, s, t, lr, beta_1, beta_2, epsilon):
    m, v = moments(g, s, beta_1, beta_2)
    u, next_u = (beta_1 * (1 - 0.5 * 0.96 ** k) for k in (t, t + 1))
    s["p"] = s.get("p", 1) * u
    m_hat = next_u * m / (1 - s["p"] * next_u) + (1 - u) * g / (1 - s["p"])
    return w - lr * m_hat / (np.sqrt(v / (1 - beta_2 ** t)) + epsilon)


def adagrad(w, g, s, t, lr, initial, epsilon):
    s["a"] = s.get("a", initial) + g * g
    return w - lr * g / np.sqrt(s["a"] + epsilon)


def adadelta(w, g, s, t, lr, rho, epsilon):
    s["g"] = rho * s.get("g", 0) + (1 - rho) * g * g
    delta = -np.sqrt(s.get("d", 0) + epsilon) / np.sqrt(s["g"] + epsilon) * g
    s["d"] = rho * s.get("d", 0) + (1 - rho) * delta * delta
    return w + lr * delta


def lion(w, g, s, t, lr, beta_1, beta_2):
    m = s.get("m", 0)
    s["m"] = beta_2 * m + (1 - beta_2) * g
    return w - lr * np.sign(beta_1 * m + (1 - beta_1) * g)


def ftrl(w, g, s, t, lr, power, initial, l1, l2, shrinkage, beta):
    n = s.get("n", initial)
    s["n"] = n + g * g
    s["z"] = s.get("z", 0) + g + 2 * shrinkage * w - (s["n"] ** -power - n ** -power) / lr * w
    quadratic = s["n"] ** -power / lr + 2 * (l2 + beta / (2 * lr))
    return (np.clip(s["z"], -l1, l1) - s["z"]) / quadratic


OPTIMIZERS = [
    ("sgd", sgd, 0.01, (0, 0)), ("sgd", sgd, 0.01, (0.9, 0)), ("sgd", sgd, 0.01, (0.9, 1)),
    ("rmsprop", rmsprop, 0.001, (0.9, 0, EPS, 0)), ("rmsprop", rmsprop, 0.001, (0.9, 0.5, EPS, 0)),
    ("rmsprop", rmsprop, 0.001, (0.9, 0, EPS, 1)), ("rmsprop", rmsprop, 0.001, (0.9, 0.5, EPS, 1)),
    ("adam", adam, 0.001, (0.9, 0.999, EPS, 0)), ("adam", adam, 0.001, (0.9, 0.5, EPS, 1)),
    ("adamw", adam, 0.001, (0.9, 0.999, EPS, 0)),
    ("adamax", adamax, 0.001, (0.9, 0.999, EPS)), ("nadam", nadam, 0.001, (0.9, 0.999, EPS)),
    ("adagrad", adagrad, 0.001, (0.1, EPS)), ("adadelta", adadelta, 0.001, (0.95, EPS)),
    ("lion", lion, 0.001, (0.9, 0.99)), ("ftrl", ftrl, 0.001, (-0.5, 0.1, 0, 0, 0, 0)),
    ("ftrl", ftrl, 0.1, (-0.4, 0.2, 0.01, 0.02, 0.03, 0.04)),
]


def optimizers():
    for name, update, lr, options in OPTIMIZERS:
        w, state = np.ones(3), {}
        for t, g in enumerate(GRADIENTS, 1):
            if name == "adamw":
                w = w - w * 0.004 * lr
            w = update(w, g, state, t, lr, *options)
            yield (name, len(options), lr, *options, t, *w)


write("network_activations.csv", "name, number of options, options, x, y, dy/dx", activations())
write("network_losses.csv", "name, number of options, options, size of y, y, p {3, 4}, values {3}",
      ((n, len(o), *o, y.size, *y.ravel(), *p.ravel(), *v) for n, o, y, p, v in losses()))
write("network_optimizers.csv", "name, number of options, learning rate, options, t, w after gradient t", optimizers())
