#!/usr/bin/python3
"""Writes tests/data/losses.csv: name, then a value per sample, from PyTorch where it has the loss and from NumPy where not.
Inputs are functions of the index, the same as in tests/lua/losses.lua. Run at the top of the project."""
import numpy as np
import torch
import torch.nn.functional as F

N, K = 4, 3
i = np.arange(1, N * K + 1)
logits = (3 * np.sin(i)).reshape(N, K)
y = (0.5 + 0.5 * np.sin(2 * i)).reshape(N, K)
p = 1 / (1 + np.exp(-logits))
bits = np.floor(2 * y.clip(0, 0.999))
labels = np.arange(N) % K
hot = np.eye(K)[labels]
soft = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
T = torch.tensor
EPS = 1e-7


def mean(x):
    return np.asarray(x).mean(-1)


def unit(x):
    return x / np.sqrt((x ** 2).sum(-1, keepdims=True))


pt = bits * p + (1 - bits) * (1 - p)
balance = bits * 0.25 + (1 - bits) * 0.75
bce = F.binary_cross_entropy(T(p), T(bits), reduction="none").numpy()
rows = {
    "mean_squared_error": mean(F.mse_loss(T(p), T(y), reduction="none")),
    "mean_absolute_error": mean(F.l1_loss(T(p), T(y), reduction="none")),
    "mean_absolute_percentage_error": 100 * mean(np.abs((y - p) / np.maximum(np.abs(y), EPS))),
    "mean_squared_logarithmic_error": mean((np.log1p(p) - np.log1p(y)) ** 2),
    "huber": mean(F.huber_loss(T(logits), T(y), reduction="none", delta=1.0)),
    "huber delta 2": mean(F.huber_loss(T(logits), T(y), reduction="none", delta=2.0)),
    "log_cosh": mean(np.log(np.cosh(logits - y))),
    "kl_divergence": F.kl_div(T(p).log(), T(y), reduction="none").sum(-1).numpy(),
    "poisson": mean(F.poisson_nll_loss(T(p), T(y), log_input=False, reduction="none", eps=EPS)),
    "cosine_similarity": -F.cosine_similarity(T(y), T(p), dim=-1).numpy(),
    "hinge": mean(np.maximum(1 - (2 * bits - 1) * logits, 0)),
    "squared_hinge": mean(np.maximum(1 - (2 * bits - 1) * logits, 0) ** 2),
    "categorical_hinge": np.maximum(((1 - hot) * logits).max(-1) - (hot * logits).sum(-1) + 1, 0),
    "binary_crossentropy": mean(bce),
    "binary_crossentropy logits": mean(F.binary_cross_entropy_with_logits(T(logits), T(bits), reduction="none")),
    "binary_crossentropy smoothing": mean(F.binary_cross_entropy(T(p), T(bits * 0.8 + 0.1), reduction="none")),
    "categorical_crossentropy": F.cross_entropy(T(logits), T(hot), reduction="none").numpy(),
    "categorical_crossentropy logits": F.cross_entropy(T(logits), T(hot), reduction="none").numpy(),
    "categorical_crossentropy smoothing": F.cross_entropy(T(logits), T(hot), reduction="none",
                                                          label_smoothing=0.2).numpy(),
    "sparse_categorical_crossentropy": F.cross_entropy(T(logits), T(labels), reduction="none").numpy(),
    "sparse_categorical_crossentropy logits": F.cross_entropy(T(logits), T(labels), reduction="none").numpy(),
    "binary_focal_crossentropy": mean((1 - pt) ** 2 * bce),
    "binary_focal_crossentropy balanced": mean(balance * (1 - pt) ** 2 * bce),
    "categorical_focal_crossentropy": -(0.25 * (1 - soft) ** 2 * hot * np.log(soft)).sum(-1),
}
with open("tests/data/losses.csv", "w") as out:
    for name, values in rows.items():
        print(name, *(f"{v:.12g}" for v in np.asarray(values)), sep=",", file=out)
