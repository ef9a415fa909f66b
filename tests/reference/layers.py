"""Values that tests/lua/values.lua compares layers with: tests/data/layers.csv.

python3 tests/reference/layers.py    (numpy and torch; float64; only needed when a layer is added)

op_rows.py says what is in a row. Expressions use three functions of tests/lua/values.lua: inference(layer, weights, x),
training(layer, weights, x, calls), which also gives the weights that are then held, and gradients(layer, weights, x,
c), those of sum(c y) in training by x and by the weights that are trained.
"""
import torch
import torch.nn.functional as F

from op_rows import drawn, i64, row, write


def inference(layer, reference, x, *weights):
    names = ", ".join("x%d" % (i + 2) for i in range(len(weights)))
    row("inference(%s, {%s}, x1)" % (layer, names), reference, x, *weights)


def gradients(layer, reference, x, *weights, kept=0):
    """kept: so many of the last weights are not trained."""
    def both(x, *rest):
        weights, c = rest[:-1], rest[-1]
        wanted = [x.requires_grad_(True)] + [w.requires_grad_(True) for w in weights[:len(weights) - kept]]
        return torch.autograd.grad((reference(x, *weights) * c).sum(), wanted)
    with torch.no_grad():
        shape = reference(x.tensor(), *[w.tensor() for w in weights]).shape
    names = ", ".join("x%d" % (i + 2) for i in range(len(weights)))
    row("gradients(%s, {%s}, x1, x%d)" % (layer, names, len(weights) + 2), both, x, *weights, drawn(*shape))


def layer(name, reference, x, *weights):
    inference(name, reference, x, *weights)
    gradients(name, reference, x, *weights)


# What has no weights, and Dense

X, CUBE = drawn(3, 4), drawn(2, 3, 4)
layer("nn.Dense(2)", lambda x, w, b: x @ w + b, X, drawn(4, 2), drawn(2))
layer("nn.Dense(2, {use_bias = false})", lambda x, w: x @ w, CUBE, drawn(4, 2))
layer("nn.Dense(3, {activation = 'tanh'})", lambda x, w, b: torch.tanh(x @ w + b), X, drawn(4, 3), drawn(3))
layer("nn.Dense(3, {activation = 'softmax'})", lambda x, w, b: torch.softmax(x @ w + b, -1), X, drawn(4, 3), drawn(3))
layer("nn.Activation 'gelu'", F.gelu, X)
layer("nn.ReLU()", F.relu, X)
layer("nn.ReLU(1)", lambda x: x.clamp(0, 1), X)
layer("nn.ReLU{negative_slope = 0.1, max_value = 1, threshold = 0.25}",
      lambda x: torch.where(x >= 0.25, x.clamp(max=1), 0.1 * (x - 0.25)), X)
layer("nn.LeakyReLU()", lambda x: F.leaky_relu(x, 0.3), X)
layer("nn.LeakyReLU(0.05)", lambda x: F.leaky_relu(x, 0.05), X)
layer("nn.ELU()", F.elu, X)
layer("nn.ELU(0.5)", lambda x: F.elu(x, 0.5), X)
layer("nn.PReLU()", lambda x, a: torch.where(x > 0, x, a * x), CUBE, drawn(3, 4))
layer("nn.PReLU{shared_axes = 2}", lambda x, a: torch.where(x > 0, x, a * x), CUBE, drawn(1, 4))
layer("nn.Softmax()", lambda x: torch.softmax(x, -1), CUBE)
layer("nn.Softmax(2)", lambda x: torch.softmax(x, 1), CUBE)
layer("nn.Flatten()", lambda x: x.flatten(1), CUBE)
inference("nn.Flatten()", lambda x: x[:, None], drawn(3))
layer("nn.Reshape{2, -1}", lambda x: x.reshape(2, 2, 6), CUBE)
layer("nn.Permute{2, 1}", lambda x: x.transpose(1, 2), CUBE)
layer("nn.RepeatVector(3)", lambda x: x[:, None].repeat(1, 3, 1), X)
layer("nn.Rescaling(2, -1)", lambda x: 2 * x - 1, X)
layer("nn.Identity()", lambda x: x, X)
layer("nn.ActivityRegularization{l1 = 0.1}", lambda x: x, X)
inference("nn.Normalization()", lambda x, m, v: (x - m) / v.sqrt(), X, drawn(4), drawn(4, low=0.2))
inference("nn.Normalization{axis = 2}", lambda x, m, v: (x - m[:, None]) / v.sqrt()[:, None], CUBE, drawn(3),
          drawn(3, low=0.2))
inference("nn.Normalization{invert = true}", lambda x, m, v: x * v.sqrt() + m, X, drawn(4), drawn(4, low=0.2))
for name in ("nn.Dropout(0.5)", "nn.AlphaDropout(0.5)", "nn.GaussianNoise(0.5)", "nn.GaussianDropout(0.5)"):
    inference(name, lambda x: x, X)
layer("nn.Dropout(0)", lambda x: x, X)
layer("nn.GaussianNoise(0)", lambda x: x, X)


# Sequences

TABLE = drawn(5, 3)
inference("nn.Embedding(5, 3)", lambda i, w: w[i], i64([[0, 4, 4], [1, 2, 0]]), TABLE)
row("gradients(nn.Embedding(5, 3), {x2}, x1, x3)",
    lambda i, w, c: torch.zeros_like(w).index_add(0, i.flatten(), c.reshape(-1, 3)), i64([[0, 4, 4], [1, 2, 0]]), TABLE,
    drawn(2, 3, 3))
layer("nn.GlobalAveragePooling1D()", lambda x: x.mean(1), CUBE)
layer("nn.GlobalAveragePooling1D{keepdims = true}", lambda x: x.mean(1, keepdim=True), CUBE)
layer("nn.GlobalMaxPooling1D()", lambda x: x.amax(1), CUBE)
layer("nn.GlobalMaxPooling1D{keepdims = true}", lambda x: x.amax(1, keepdim=True), CUBE)


# Normalization: PyTorch's functions, the averages by Keras's formula (biased variance)

def by_axis(x, axis, f):
    return f(x.movedim(axis, 1)).movedim(1, axis)


def batch_norm(axis=-1, epsilon=1e-3, scale=True, center=True, training=False):
    def f(x, *weights):
        weights = list(weights)
        gamma = weights.pop(0) if scale else None
        beta = weights.pop(0) if center else None
        mean, variance = weights
        if training:
            mean = variance = None
        return by_axis(x, axis, lambda y: F.batch_norm(y, mean, variance, gamma, beta, training=training, eps=epsilon))
    return f


def batch_normalization(options, x, n, momentum=0.99, calls=1, scale=True, center=True, **rest):
    axis = rest.get("axis", -1)
    name = "nn.BatchNormalization{%s}" % options
    trained = [drawn(n)] * scale + [drawn(n)] * center
    weights = trained + [drawn(n), drawn(n, low=0.2)]

    def trains(x, *w):
        y = batch_norm(scale=scale, center=center, training=True, **rest)(x, *w)
        others = [d for d in range(x.dim()) if d != axis % x.dim()]
        mean, variance = w[-2:]
        for _ in range(calls):
            mean = mean * momentum + x.mean(others) * (1 - momentum)
            variance = variance * momentum + x.var(others, unbiased=False) * (1 - momentum)
        return [y, *w[:-2], mean, variance]

    names = ", ".join("x%d" % (i + 2) for i in range(len(weights)))
    inference(name, batch_norm(scale=scale, center=center, **rest), x, *weights)
    row("training(%s, {%s}, x1, %d)" % (name, names, calls), trains, x, *weights)
    gradients(name, batch_norm(scale=scale, center=center, training=True, **rest), x, *weights, kept=2)


batch_normalization("", drawn(6, 4), 4)
batch_normalization("momentum = 0.8, epsilon = 0.01", drawn(2, 3, 4), 4, momentum=0.8, epsilon=0.01, calls=3)
batch_normalization("axis = 2", drawn(4, 3, 2), 3, axis=1)
batch_normalization("axis = 2", drawn(2, 3, 2, 2), 3, axis=1)
batch_normalization("scale = false", drawn(6, 2), 2, scale=False, calls=2)
batch_normalization("center = false", drawn(6, 2), 2, center=False)
batch_normalization("scale = false, center = false", drawn(6, 2), 2, scale=False, center=False)


def layer_norm(x, gamma=None, beta=None, axes=(-1,), epsilon=1e-3):
    mean, variance = x.mean(axes, keepdim=True), x.var(axes, unbiased=False, keepdim=True)
    shape = [x.shape[d] if d in [a % x.dim() for a in axes] else 1 for d in range(x.dim())]
    y = (x - mean) / (variance + epsilon).sqrt()
    y = y if gamma is None else y * gamma.reshape(shape)
    return y if beta is None else y + beta.reshape(shape)


layer("nn.LayerNormalization()", layer_norm, X, drawn(4), drawn(4))
layer("nn.LayerNormalization{axis = -1, epsilon = 0.1}", lambda *x: layer_norm(*x, epsilon=0.1), CUBE, drawn(4),
      drawn(4))
layer("nn.LayerNormalization{axis = 2}", lambda *x: layer_norm(*x, axes=(1,)), CUBE, drawn(3), drawn(3))
layer("nn.LayerNormalization{axis = {2, 3}}", lambda *x: layer_norm(*x, axes=(1, 2)), CUBE, drawn(3, 4), drawn(3, 4))
layer("nn.LayerNormalization{center = false}", layer_norm, X, drawn(4))
layer("nn.LayerNormalization{scale = false}", lambda x, b: layer_norm(x, None, b), X, drawn(4))
layer("nn.LayerNormalization{scale = false, center = false}", layer_norm, X)

write("tests/data/layers.csv")
