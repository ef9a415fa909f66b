"""A layer on a batch: forward in training, and back to its parameters and its input."""
import torch
from torch import nn


def batch(*shape):
    return lambda: torch.randn(*shape, requires_grad=True)


def ids(count, *shape):
    return lambda: torch.randint(0, count, shape)


rows = {
    "batch norm 128x512": (nn.BatchNorm1d(512, eps=1e-3), batch(128, 512)),
    "layer norm 32x64": (nn.LayerNorm(64, eps=1e-3), batch(32, 64)),
    "layer norm 128x512": (nn.LayerNorm(512, eps=1e-3), batch(128, 512)),
    "layer norm 1024x4096": (nn.LayerNorm(4096, eps=1e-3), batch(1024, 4096)),
    "dropout 128x512": (nn.Dropout(0.5), batch(128, 512)),
    "alpha dropout 128x512": (nn.AlphaDropout(0.5), batch(128, 512)),
    "embedding 1000x16, 32 ids": (nn.Embedding(1000, 16), ids(1000, 1, 32)),
    "embedding 10000x64, 128x32 ids": (nn.Embedding(10000, 64), ids(10000, 128, 32)),
    "embedding 50000x256, 128x64 ids": (nn.Embedding(50000, 256), ids(50000, 128, 64)),
}


def prepared(layer, make):
    """What the call needs: layer, input, gradient of the output, all that gets a gradient."""
    def prepare():
        x = make()
        trained = list(layer.parameters()) + ([x] if x.requires_grad else [])
        return layer, x, torch.rand_like(layer(x)), trained
    return prepare


def there_and_back(s):
    layer, x, g, trained = s
    layer(x).backward(g)
    for parameter in trained:
        parameter.grad = None


def measure(bench):
    for name, (layer, make) in rows.items():
        bench.add("layer: " + name, there_and_back, prepared(layer, make), records=True)
        bench.run()
