"""Each optimizer's step, on two matrices of n elements together."""
import torch


def stepper(name, n):
    def make():
        parameters = [torch.nn.Parameter(torch.randn(n // 200, 100)) for _ in range(2)]
        for parameter in parameters:
            parameter.grad = torch.randn(n // 200, 100)
        return getattr(torch.optim, name)(parameters, lr=1e-3)
    return make


def measure(bench):
    for n in (100000, 10000000):
        for name in ("SGD", "RMSprop", "Adam", "AdamW", "Adamax", "NAdam", "Adagrad", "Adadelta"):
            bench.add(f"step: {name.replace('NAdam', 'Nadam')} of {n}", lambda optimizer: optimizer.step(),
                      stepper(name, n), records=True)
            bench.run()
