"""The tutorials' training in float64 NumPy, from recorded initial weights: the loss of every epoch.

    /usr/bin/python3 tests/reference/tutorials.py > tests/data/tutorials.csv

Rows: case, what ("x", "y", "w1", "b1", ..., "loss"), shape joined by x, values. Dense layers with relu, a sigmoid or
softmax at the end, cross-entropy from the logits, Adam in Keras's form; every epoch is one step on all rows."""
import numpy as np

STUDENTS = (np.array([[2, 60], [10, 95], [4, 70], [15, 98], [1, 40], [8, 85], [12, 90], [3, 55]], float),
            np.array([0, 1, 0, 1, 0, 1, 1, 0]))
FRUITS = (np.array([[150, 7.5], [160, 8.0], [140, 7.0], [155, 7.4], [118, 18.5], [130, 20.0], [105, 17.0], [125, 19.0],
                    [210, 8.6], [225, 9.0], [240, 9.4], [218, 8.8]]),
          np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]))


def scaled(x):
    return ((x - x.mean(0)) / x.std(0)).astype(np.float32).astype(float)


def initial(widths, rng):
    """Glorot uniform kernels, zero biases, as float32 holds them."""
    weights = []
    for n, m in zip(widths, widths[1:]):
        limit = np.sqrt(6 / (n + m))
        weights += [rng.uniform(-limit, limit, (n, m)).astype(np.float32).astype(float), np.zeros(m)]
    return weights


def forward(x, weights):
    """The inputs of each layer, and the logits."""
    inputs = [x]
    for i in range(0, len(weights), 2):
        z = inputs[-1] @ weights[i] + weights[i + 1]
        inputs.append(np.maximum(z, 0) if i + 2 < len(weights) else z)
    return inputs[:-1], inputs[-1]


def loss_and_slope(z, y):
    """Mean cross-entropy from logits, and its gradient by z."""
    n = len(y)
    if z.shape[1] == 1:
        t = y[:, None]
        loss = np.mean(np.logaddexp(0, z) - t * z)
        return loss, (1 / (1 + np.exp(-z)) - t) / n
    logp = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
    slope = np.exp(logp)
    slope[np.arange(n), y] -= 1
    return -logp[np.arange(n), y].mean(), slope / n


def gradients(inputs, slope, weights):
    grads = [None] * len(weights)
    for i in range(len(weights) - 2, -1, -2):
        x = inputs[i // 2]
        grads[i], grads[i + 1] = x.T @ slope, slope.sum(0)
        slope = (slope @ weights[i].T) * (x > 0)
    return grads


def train(x, y, weights, epochs, rate, b1=0.9, b2=0.999, eps=1e-7):
    weights = [w.copy() for w in weights]
    m, v = [np.zeros_like(w) for w in weights], [np.zeros_like(w) for w in weights]
    losses = []
    for t in range(1, epochs + 1):
        inputs, z = forward(x, weights)
        loss, slope = loss_and_slope(z, y)
        losses.append(loss)
        alpha = rate * np.sqrt(1 - b2 ** t) / (1 - b1 ** t)
        for i, g in enumerate(gradients(inputs, slope, weights)):
            m[i] += (g - m[i]) * (1 - b1)
            v[i] += (g * g - v[i]) * (1 - b2)
            weights[i] -= alpha * m[i] / (np.sqrt(v[i]) + eps)
    return losses


def row(case, what, values):
    values = np.asarray(values)
    print(",".join([case, what, "x".join(map(str, values.shape))] + [repr(float(v)) for v in values.ravel()]))


def main():
    rng = np.random.default_rng(1)
    for name, (x, y), widths, epochs in (("students", STUDENTS, [2, 8, 4, 1], 100), ("fruits", FRUITS, [2, 8, 8, 3], 200)):
        for kind, inputs, rate in (("raw", x, 1e-3), ("scaled", scaled(x), 1e-2)):
            case, weights = f"{name} {kind}", initial(widths, rng)
            row(case, "x", inputs)
            row(case, "y", y)
            for i, w in enumerate(weights):
                row(case, f"w{i + 1}", w)
            row(case, "loss", train(inputs, y, weights, epochs, rate))


main()
