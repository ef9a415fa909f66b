"""Training runs that tests/lua/trajectories.lua repeats: tests/data/trajectories.csv.

python3 tests/reference/trajectories.py    (numpy; float64; only needed when an optimizer or loss is added)

A network 4-6-k with tanh inside is trained for 100 steps from the same weights, on the same batches in the same order,
by each optimizer with each of the main losses; what is recorded are the weights at the end. The formulas are those of
the papers and of Keras, one element-wise step at a time. The last lines are the optimum of a logistic regression, by
Newton's method. A line is a name, a text, and numbers as %.9g.
"""
import os

import numpy as np

ROWS, BATCH, STEPS = 64, 16, 100
rng = np.random.RandomState(11)
lines = []


def record(name, text, *arrays):
    numbers = np.concatenate([np.ravel(a) for a in arrays])
    lines.append('%s,"%s",%s\n' % (name, text, ",".join("%.9g" % v for v in numbers)))


# Each optimizer: update(g, w, s, t) gives the new w; s keeps what it has to remember, t counts from 1.

def sgd(lr=0.01, momentum=0, nesterov=False):
    def update(g, w, s, t):
        velocity = momentum * s.get("velocity", 0) - lr * g
        s["velocity"] = velocity
        return w + (momentum * velocity - lr * g if nesterov else velocity)
    return update


def rmsprop(lr=0.001, rho=0.9, momentum=0, centered=False, epsilon=1e-7):
    def update(g, w, s, t):
        s["square"] = rho * s.get("square", 0) + (1 - rho) * g ** 2
        s["mean"] = rho * s.get("mean", 0) + (1 - rho) * g
        spread = s["square"] - (s["mean"] ** 2 if centered else 0)
        s["step"] = momentum * s.get("step", 0) + lr * g / (spread + epsilon) ** 0.5
        return w - s["step"]
    return update


def adam(lr=0.001, beta1=0.9, beta2=0.999, epsilon=1e-7, amsgrad=False, decay=0):
    def update(g, w, s, t):
        w = w * (1 - lr * decay)
        s["first"] = beta1 * s.get("first", 0) + (1 - beta1) * g
        s["second"] = beta2 * s.get("second", 0) + (1 - beta2) * g ** 2
        s["most"] = np.maximum(s.get("most", 0), s["second"])
        rate = lr * (1 - beta2 ** t) ** 0.5 / (1 - beta1 ** t)
        return w - rate * s["first"] / ((s["most"] if amsgrad else s["second"]) ** 0.5 + epsilon)
    return update


def adamax(lr=0.001, beta1=0.9, beta2=0.999, epsilon=1e-7):
    def update(g, w, s, t):
        s["first"] = beta1 * s.get("first", 0) + (1 - beta1) * g
        s["infinity"] = np.maximum(beta2 * s.get("infinity", 0), abs(g))
        return w - lr / (1 - beta1 ** t) * s["first"] / (s["infinity"] + epsilon)
    return update


def nadam(lr=0.001, beta1=0.9, beta2=0.999, epsilon=1e-7):
    def weight(t):
        return beta1 * (1 - 0.5 * 0.96 ** t)

    def update(g, w, s, t):
        product = np.prod([weight(i) for i in range(1, t + 1)])
        s["first"] = beta1 * s.get("first", 0) + (1 - beta1) * g
        s["second"] = beta2 * s.get("second", 0) + (1 - beta2) * g ** 2
        ahead = weight(t + 1) * s["first"] / (1 - product * weight(t + 1)) + (1 - weight(t)) * g / (1 - product)
        return w - lr * ahead / ((s["second"] / (1 - beta2 ** t)) ** 0.5 + epsilon)
    return update


def adagrad(lr=0.001, initial=0.1, epsilon=1e-7):
    def update(g, w, s, t):
        s["sum"] = s.get("sum", initial) + g ** 2
        return w - lr * g / (s["sum"] + epsilon) ** 0.5
    return update


def adadelta(lr=0.001, rho=0.95, epsilon=1e-7):
    def update(g, w, s, t):
        s["square"] = rho * s.get("square", 0) + (1 - rho) * g ** 2
        step = ((s.get("steps", 0) + epsilon) / (s["square"] + epsilon)) ** 0.5 * g
        s["steps"] = rho * s.get("steps", 0) + (1 - rho) * step ** 2
        return w - lr * step
    return update


def lion(lr=0.001, beta1=0.9, beta2=0.99):
    def update(g, w, s, t):
        m = s.get("m", 0)
        s["m"] = beta2 * m + (1 - beta2) * g
        return w - lr * np.sign(beta1 * m + (1 - beta1) * g)
    return update


def ftrl(lr=0.001, power=-0.5, initial=0.1):
    def update(g, w, s, t):
        n = s.get("n", initial)
        s["n"] = n + g ** 2
        s["z"] = s.get("z", 0) + g - (s["n"] ** -power - n ** -power) / lr * w
        return -s["z"] * lr / s["n"] ** -power
    return update


OPTIMIZERS = [
    ("SGD{}", sgd()), ("SGD{momentum = 0.9}", sgd(momentum=0.9)),
    ("SGD{momentum = 0.9, nesterov = true}", sgd(momentum=0.9, nesterov=True)),
    ("RMSprop{}", rmsprop()), ("RMSprop{centered = true}", rmsprop(centered=True)),
    ("RMSprop{momentum = 0.9}", rmsprop(momentum=0.9)),
    ("Adam{}", adam()), ("Adam{amsgrad = true, beta_2 = 0.9}", adam(amsgrad=True, beta2=0.9)),
    ("AdamW{}", adam(decay=0.004)), ("Adamax{}", adamax()), ("Nadam{}", nadam()), ("Adagrad{}", adagrad()),
    ("Adadelta{}", adadelta()), ("Adadelta{learning_rate = 1}", adadelta(lr=1)), ("Lion{}", lion()), ("Ftrl{}", ftrl()),
    ("Ftrl{learning_rate = 0.1}", ftrl(lr=0.1)),
]


# The losses: what the mean over a batch has for gradient by the last layer's x w + b.

def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def mse(z, y):
    return 2 * (z - y) / z.size


def bce(z, y):
    return (1 / (1 + np.exp(-z)) - y) / z.size


def cce(z, y):
    return (softmax(z) - y) / len(z)


def scce(z, y):
    p = softmax(z)
    p[np.arange(len(z)), y[:, 0].astype(int)] -= 1
    return p / len(z)


def gradients(loss, weights, x, y):
    w1, b1, w2, b2 = weights
    h = np.tanh(x @ w1 + b1)
    d = loss(h @ w2 + b2, y)
    inner = d @ w2.T * (1 - h ** 2)
    return [x.T @ inner, inner.sum(0), h.T @ d, d.sum(0)]


def train(loss, update, weights, x, y):
    weights, state = [w.copy() for w in weights], [{} for _ in weights]
    for step in range(STEPS):
        rows = slice(step % (ROWS // BATCH) * BATCH, step % (ROWS // BATCH) * BATCH + BATCH)
        for i, g in enumerate(gradients(loss, weights, x[rows], y[rows])):
            weights[i] = update(g, weights[i], state[i], step + 1)
    return weights


def trajectories():
    x = np.round(rng.normal(size=(ROWS, 4)), 3)
    label = np.argmax(x[:, :3] + 0.5 * rng.normal(size=(ROWS, 3)), 1)
    targets = {"mse": np.round(x[:, :3] * x[:, 1:] + 0.1 * rng.normal(size=(ROWS, 3)), 3),
               "bce": (label == 1)[:, None] * 1.0, "cce": np.eye(3)[label], "scce": label[:, None]}
    record("x", "", x)
    for loss in (mse, bce, cce, scce):
        name = loss.__name__
        k = 1 if name == "bce" else 3
        weights = [np.round(rng.normal(size=size) * 0.5, 3) for size in ((4, 6), 6, (6, k), k)]
        record("y", name, targets[name])
        record("weights", name, *weights)
        for text, update in OPTIMIZERS:
            record(name, text, *train(loss, update, weights, x, targets[name]))


def logistic():
    x = np.round(rng.normal(size=(60, 3)), 3)
    y = (x @ [1, -2, 0.5] + 0.3 + rng.logistic(size=60) > 0) * 1.0
    one, w = np.hstack([x, np.ones((60, 1))]), np.zeros(4)
    for _ in range(50):
        p = 1 / (1 + np.exp(-one @ w))
        w = w - np.linalg.solve((one * (p * (1 - p))[:, None]).T @ one, one.T @ (p - y))
    record("logistic x", "", x)
    record("logistic y", "", y)
    record("logistic", "", w)


trajectories()
logistic()
with open(os.path.join(os.path.dirname(__file__), "..", "data", "trajectories.csv"), "w") as file:
    file.writelines(lines)
