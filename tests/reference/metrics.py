#!/usr/bin/python3
"""Writes tests/data/metrics.csv: name, then the value (or values) over 50 samples, from scikit-learn where it has the
metric and from NumPy where not. Inputs are functions of the index, the same as in tests/lua/metrics.lua."""
import numpy as np
from sklearn import metrics as sk

N, K = 50, 4
i = np.arange(1, N + 1)
truth = (i * 7 % 5 < 2).astype(int)
score = (i * 13 % 20) / 20 + 0.025                      # between the thresholds of AUC, and off 0.5
weight = 1 + i % 3
labels = i * 11 % K
logits = np.sin(np.arange(1, N * K + 1) * 1.7).reshape(N, K)
logits[np.arange(N), labels] += 0.3
soft = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
guess = soft.argmax(-1)
hot = np.eye(K)[labels]
multi = (np.arange(1, N * K + 1) * 7 % 3 == 0).astype(int).reshape(N, K)
target = np.stack([np.sin(i), np.cos(i) * 3], 1)
fit = np.stack([np.sin(i) + 0.3 * np.cos(3 * i), 2 * np.cos(i)], 1)
said = (score > 0.5).astype(int)
above = (soft > 0.3).astype(int)


def area(x, y):
    return sk.auc(x, y)


def pr_area():
    """Davis and Goadrich's interpolation, between all the thresholds, from the highest score down."""
    order = np.unique(score)[::-1]
    tp = np.array([0] + [((score >= s) & (truth == 1)).sum() for s in order], float)
    p = np.array([0] + [(score >= s).sum() for s in order], float)
    total = 0
    for a, b in zip(range(1, len(tp)), range(len(tp) - 1)):
        slope = (tp[a] - tp[b]) / (p[a] - p[b])
        intercept = tp[b] - slope * p[b]
        ratio = np.log(p[a] / p[b]) if p[b] > 0 else 0
        total += slope * (tp[a] - tp[b] + intercept * ratio) / truth.sum()
    return total


fpr, tpr, _ = sk.roc_curve(truth, score)
rows = {
    "binary_accuracy": sk.accuracy_score(truth, said),
    "binary_accuracy weighted": sk.accuracy_score(truth, said, sample_weight=weight),
    "sparse_categorical_accuracy": sk.accuracy_score(labels, guess),
    "sparse_top_k_categorical_accuracy": sk.top_k_accuracy_score(labels, soft, k=2),
    "precision": sk.precision_score(truth, said),
    "precision weighted": sk.precision_score(truth, said, sample_weight=weight),
    "recall": sk.recall_score(truth, said),
    "recall class 2": sk.recall_score(hot[:, 2], above[:, 2]),
    "precision thresholds": [sk.precision_score(truth, score > t) for t in (0.2, 0.4, 0.8)],
    "auc": sk.roc_auc_score(truth, score),
    "auc weighted": sk.roc_auc_score(truth, score, sample_weight=weight),
    "auc pr": pr_area(),
    "auc multi": sk.roc_auc_score(multi, np.round(soft * 100) / 100 + 0.0025, average="macro"),
    "f1_score": sk.f1_score(hot, np.eye(K)[guess], average=None),
    "f1_score macro": sk.f1_score(labels, guess, average="macro"),
    "f1_score micro": sk.f1_score(labels, guess, average="micro"),
    "f1_score weighted": sk.f1_score(labels, guess, average="weighted"),
    "fbeta_score": sk.fbeta_score(multi, above, beta=2, average=None),
    "r2_score": sk.r2_score(target, fit),
    "r2_score none": sk.r2_score(target, fit, multioutput="raw_values"),
    "r2_score variance": sk.r2_score(target, fit, multioutput="variance_weighted"),
    "r2_score weighted": sk.r2_score(target, fit, sample_weight=weight),
    "confusion_matrix": sk.confusion_matrix(labels, guess).ravel(),
    "mean_iou": sk.jaccard_score(labels, guess, average="macro"),
    "root_mean_squared_error": np.sqrt(((target - fit) ** 2).mean()),
    "mean_absolute_error": np.abs(target - fit).mean(),
    "cosine_similarity": ((target * fit).sum(1) / np.linalg.norm(target, axis=1) / np.linalg.norm(fit, axis=1)).mean(),
    "log_loss": sk.log_loss(labels, soft),
    "recall_at_precision": max(r for r, p in ((sk.recall_score(truth, score > t), sk.precision_score(
        truth, score > t, zero_division=0)) for t in np.linspace(0, 1, 200)) if p >= 0.45),
    "sensitivity_at_specificity": tpr[fpr <= 0.5].max(),
}
with open("tests/data/metrics.csv", "w") as out:
    for name, values in rows.items():
        print(name, *(f"{v:.12g}" for v in np.atleast_1d(values)), sep=",", file=out)
