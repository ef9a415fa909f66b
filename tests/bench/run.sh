#!/bin/sh
# The benchmark: ours, PyTorch's (where python3-torch is installed) and the bare matrix products, one after the other in
# one run, for 1 and 2 threads; then a table of medians and ratios. Usage: tests/bench/run.sh BUILD-FOLDER
# BENCH=pattern picks workloads by name, REPEATS=5 sets how often each is measured.
set -eu
build=$1
here=$(dirname "$0")
repeats=${REPEATS:-5}
pattern=${BENCH:-}
results=$build/bench
mkdir -p "$results"
: > "$results/nnlua"
: > "$results/torch"
: > "$results/products"

# shellcheck disable=SC2046
cc -O2 "$here/products.c" $(pkg-config --cflags --libs openblas) -o "$results/products-run"
python=/usr/bin/python3
"$python" -c 'import torch' 2> /dev/null || python=
# PyTorch on two threads is fastest with the OpenMP build of OpenBLAS, which its own threads get along with.
openmp=$(ls -d /usr/lib/*/openblas-openmp 2> /dev/null | head -n 1)

for threads in 1 2; do
  "$results/products-run" $threads "$repeats" >> "$results/products"
  "$build/nnlua" --threads $threads "$here/bench.lua" "$repeats" "$pattern" >> "$results/nnlua"
  [ -z "$python" ] || LD_LIBRARY_PATH=$openmp OPENBLAS_NUM_THREADS=$threads OMP_NUM_THREADS=$threads \
    "$python" "$here/torch_bench.py" $threads "$repeats" "$pattern" >> "$results/torch"
done
# Whole processes, start to end
for _ in $(seq "$repeats"); do
  for script in "-e ''" scripts/students.lua; do
    start=$(date +%s%N)
    eval "\"$build/nnlua\" $script" > /dev/null 2>&1
    end=$(date +%s%N)
    printf 'process: nnlua %s\t1\t%s\n' "$script" "$(awk "BEGIN {print ($end - $start) / 1e9}")" >> "$results/nnlua"
  done
done
"$build/nnlua" "$here/table.lua" "$results/nnlua" "$results/torch" "$results/products" | tee "$results/table.md"
