#!/bin/sh
# Where the time of a training step goes: samples of perf, sorted by profile.lua into gather, products, element-wise ...
# Usage: tests/bench/profile.sh BUILD-FOLDER
# BENCH=pattern profiles the workloads of the benchmark whose name holds this text instead (one row: its full name).
set -eu
build=$1
here=$(dirname "$0")
results=$build/bench/profile
command -v perf > /dev/null || { echo "profile: needs perf; on Debian: apt-get install linux-perf" >&2; exit 1; }
rm -rf "$results"
mkdir -p "$results"
mkfifo "$results/commands" "$results/answers"

# A function belongs to the file that it was compiled from.
(cd "$build" && nm -A --defined-only core/*.o core/kernels/*.o autograd/*.o bindings/*.o) > "$results/functions"

# profile GROUP REPEATS PATTERN: adds "name<TAB>threads<TAB>file of samples" to the list
number=0
profile() {
  for threads in 1 2; do
    number=$((number + 1))
    samples=$results/$number
    # Counting begins when the workload asks for it, so that loading and preparing are left out.
    BENCH_CONTROL="$results/commands,$results/answers" perf record --quiet --event cpu-clock --freq 2000 --delay -1 \
      --control "fifo:$results/commands,$results/answers" --output "$samples.data" \
      "$build/nnlua" --threads $threads "$here/bench.lua" "$1" "$2" "$3" > "$samples.rows" 2> "$samples.errors" || {
      cat "$samples.errors" >&2
      echo "profile: perf could not count (in a container, or kernel.perf_event_paranoid above 2?)" >&2
      exit 1
    }
    [ -s "$samples.rows" ] || continue
    perf script --input "$samples.data" --fields pid,tid,ip,sym,dso > "$samples" 2> /dev/null
    names=$(cut -f 1 "$samples.rows" | sort -u | paste -s -d , -)
    printf '%s\t%s\t%s\n' "$names" $threads "$samples" >> "$results/list"
  done
}

if [ "${BENCH:-}" ]; then
  for group in training calls layers optimizers operations elementwise reductions; do
    profile $group "${REPEATS:-25}" "$BENCH"
  done
else
  for work in "mnist 784-128-10 b32" "mnist 784-128-10 b128" "mnist 784-512-512-10 b128"; do
    profile training "${REPEATS:-5}" "$work"
  done
  profile training 100 "students"
fi
[ -s "$results/list" ] || { echo "profile: no workload is called like that" >&2; exit 1; }
"$build/nnlua" "$here/profile.lua" "$results/list" "$results/functions"
