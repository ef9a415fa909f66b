"""PyTorch's side of the benchmark, in its best configuration: denormals flushed, models traced, as many threads as
told; run.sh sees to the library that multiplies and to the allocator. Measures the workloads of a file in pytorch/,
which have the names of those in ours/, as bench.lua does: prints "name<TAB>threads<TAB>seconds" for each repeat.
Usage: torch_bench.py THREADS GROUP REPEATS [PATTERN]"""
import importlib
import math
import sys
import time

import torch

ENOUGH = 0.02  # seconds that one measure takes at least


class Bench:
    """What a file of workloads gets."""

    # name, rows, columns: see bench.lua
    matrices = [("1e3", 10, 100), ("1e4", 100, 100), ("1e5", 100, 1000), ("1e6", 1000, 1000), ("1e7", 1000, 10000)]

    def __init__(self, threads, repeats, pattern):
        self.threads, self.repeats, self.pattern = threads, repeats, pattern
        self.waiting = []

    def report(self, name, seconds):
        print(f"{name}\t{self.threads}\t{seconds:.6g}", flush=True)

    def wants(self, name):
        return self.pattern in name

    def add(self, name, f, make=None, records=False, per=1):
        """f(x) will be measured, x being what make() gives (shared by rows with the same make); records: gradients
        are recorded; per: how often f does what is measured."""
        if self.wants(name):
            self.waiting.append((name, f, make, records, per))

    def run(self):
        """All rows that were added, one after the other, and then all of them again."""
        made = {}
        rows = []
        for name, f, make, records, per in self.waiting:
            if make not in made:
                made[make] = make() if make else None
            with torch.set_grad_enabled(records):
                rows.append((name, f, made[make], records, per, enough(f, made[make])))
        for _ in range(self.repeats):
            for name, f, x, records, per, calls in rows:
                with torch.set_grad_enabled(records):
                    self.report(name, seconds_of(f, x, calls) / calls / per)
        self.waiting = []


def seconds_of(f, x, calls):
    start = time.perf_counter()
    for _ in range(calls):
        f(x)
    return time.perf_counter() - start


def enough(f, x):
    """How many calls make a measure."""
    calls, seconds = 1, seconds_of(f, x, 1)
    while True:
        calls = calls * 10 if seconds < ENOUGH / 10 else calls
        seconds = seconds_of(f, x, calls)
        if seconds >= ENOUGH / 10:
            return math.ceil(calls * ENOUGH / seconds)


if __name__ == "__main__":
    threads_, group, repeats_ = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    torch.set_num_threads(threads_)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    bench = Bench(threads_, repeats_, sys.argv[4] if len(sys.argv) > 4 else "")
    importlib.import_module("pytorch." + group).measure(bench)
