#!/bin/sh
# The benchmark: the bounds (bare matrix products, memory bandwidth), ours and PyTorch's (where python3-torch is
# installed), one group of workloads after the other in one run, for 1 and 2 threads; then whole processes; then one
# table.
# Usage: tests/bench/run.sh BUILD-FOLDER
# BENCH=pattern picks workloads by name, REPEATS=5 sets how often each is measured, BENCH_BEHIND=1 shows only the rows
# that miss what they should reach, RESULTS=1 writes RESULTS.md, with the machine and the versions.
set -eu
build=$1
here=$(dirname "$0")
repeats=${REPEATS:-5}
pattern=${BENCH:-}
results=$build/bench
mkdir -p "$results"
: > "$results/nnlua"
: > "$results/torch"
: > "$results/bounds"
load=$(cut -d ' ' -f 1 /proc/loadavg 2> /dev/null) || load=unknown

# shellcheck disable=SC2046
{
  cc -O2 "$here/products.c" $(pkg-config --cflags --libs openblas) -o "$results/products"
  cc -O3 "$here/stream.c" -lpthread -o "$results/stream"
  cc -O2 -D_GNU_SOURCE "$here/process.c" -o "$results/process"
  cc -O2 -D_GNU_SOURCE -Icore -Iautograd -Ibindings "$here/predict.c" $(pkg-config --cflags lua5.4) \
    "$build/lib/libnnlua.a" "$build/lib/libnn.a" $(pkg-config --libs openblas zlib jansson lua5.4) -lm -lpthread \
    -o "$results/predict"
}
python=/usr/bin/python3
"$python" -c 'import torch' 2> /dev/null || python=
# PyTorch on two threads is fastest with the OpenMP build of OpenBLAS, which its own threads get along with. Its
# training runs as its users run it; in all other groups its allocator keeps large blocks instead of asking the system
# for each.
openmp=$(find /usr/lib -maxdepth 2 -name openblas-openmp | head -n 1)
keep=glibc.malloc.mmap_threshold=4000000000:glibc.malloc.trim_threshold=8000000000

# pytorch THREADS ARGUMENT ...: Python with PyTorch at its best
pytorch() {
  n=$1
  shift
  env LD_LIBRARY_PATH="$openmp" OPENBLAS_NUM_THREADS="$n" OMP_NUM_THREADS="$n" GLIBC_TUNABLES="$tunables" \
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$here" "$@"
}

for threads in 1 2; do
  "$results/products" $threads "$repeats" "$pattern" >> "$results/bounds"
  for group in training calls layers optimizers operations elementwise reductions; do
    case $group in elementwise | reductions) "$results/stream" $threads "$repeats" >> "$results/bounds" ;; esac
    "$build/nnlua" --threads $threads "$here/bench.lua" $group "$repeats" "$pattern" > "$results/group"
    [ -s "$results/group" ] || continue
    tunables=$keep
    [ $group != training ] || tunables=
    cat "$results/group" >> "$results/nnlua"
    [ -z "$python" ] || pytorch $threads "$python" "$here/torch_bench.py" $threads $group "$repeats" "$pattern" \
      >> "$results/torch"
  done
  "$results/predict" $threads "$repeats" "$pattern" >> "$results/nnlua"
done

# Whole processes, start to end. process NAME PYTHON-TEXT NNLUA-ARGUMENT ...
processes=15
[ "$repeats" -lt $processes ] || processes=$repeats
process() {
  name=$1 theirs=$2
  shift 2
  case "process: $name memory: $name" in *"$pattern"*) ;; *) return 0 ;; esac
  "$results/process" "$processes" "$name" "$build/nnlua" "$@" >> "$results/nnlua"
  [ -z "$python" ] || pytorch 1 "$results/process" "$repeats" "$name" "$python" -c "$theirs" >> "$results/torch"
}
process start 'import torch' -e ''
process students 'from pytorch.training import *; [hundred_steps(student()) for _ in range(2)]' scripts/students.lua

"$build/nnlua" "$here/table.lua" "$results/nnlua" "$results/torch" "$results/bounds" > "$results/table.md"
if [ "${BENCH_BEHIND:-}" ]; then
  "$build/nnlua" "$here/table.lua" "$results/nnlua" "$results/torch" "$results/bounds" behind
else
  cat "$results/table.md"
fi
[ "${RESULTS:-}" ] || exit 0

# of FILE NAME: what stands behind NAME in a file of lines such as "NAME : value" or NAME="value"
of() { sed -n "s/^$2[^:=]*[:=] *//p" "$1" 2> /dev/null | head -n 1 | tr -d '"'; }
memory=$(awk '/^MemTotal/ {printf "%.0f GiB", $2 / 1048576}' /proc/meminfo)
commit=$(git -C "$here" describe --always --dirty 2> /dev/null) || commit=unknown
{
  echo "# Measured"
  echo
  echo "Written by \`make bench RESULTS=1\`; the README of this folder says how to read it. Medians of $repeats"
  echo "(processes: of $processes); \"spread\" is (largest - smallest) / median."
  echo
  echo "- $(date +%F), $(of /proc/cpuinfo 'model name'), $(getconf _NPROCESSORS_ONLN) cores, $memory of memory,"
  echo "  $(of /etc/os-release PRETTY_NAME); load before the run: $load"
  echo "- $("$build/nnlua" --version | head -n 1), commit $commit"
  echo "- gcc $(cc -dumpfullversion), Lua $(pkg-config --modversion lua5.4), $("$results/products" --version)"
  [ -z "$python" ] || echo "- PyTorch $("$python" -c 'import torch; print(torch.__version__)'), $("$python" -V):" \
    "denormals flushed, networks traced, freed memory kept (but in training)${openmp:+, OpenMP build of OpenBLAS}"
  echo
  cat "$results/table.md"
} > "$here/RESULTS.md"
