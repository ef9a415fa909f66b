#!/bin/sh
# A training run under valgrind's memcheck: with kernels that valgrind knows, one thread, and without the cache of blocks,
# so that each tensor is a block of its own to it. Usage: tests/valgrind.sh [BUILD-FOLDER [SCRIPT]]
set -eu
build=${1:-build}
script=${2:-scripts/students.lua}
export NNLUA_KERNELS=portable NNLUA_CACHE=off OPENBLAS_NUM_THREADS=1
valgrind --quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=definite,indirect,possible \
  --errors-for-leak-kinds=definite,indirect,possible "$build/nnlua" --threads 1 "$script"
echo "valgrind: nothing found in $script"
