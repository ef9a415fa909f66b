#!/bin/sh
# Time and memory of training against batch, width, depth, parameters and the size of the data, each over decades: one
# process for each point. Writes growth/growth.csv and, where gnuplot is found, growth/*.svg; prints what they come to.
# Usage: tests/bench/growth.sh BUILD-FOLDER    GROWTH=width measures one axis only and leaves the other points alone.
set -eu
build=$1
here=$(dirname "$0")
folder=$here/growth
points=$folder/growth.csv
mkdir -p "$folder" "$build/bench"

"$build/nnlua" "$here/growth.lua" axes > "$build/bench/axes"
[ -s "$points" ] || echo "axis,value,threads,seconds,tensor_bytes,resident_bytes" > "$points"
while IFS='	' read -r axis values what; do
  [ "${GROWTH:-$axis}" = "$axis" ] || continue
  new=$build/bench/growth.csv
  grep -v "^$axis," "$points" > "$new" || true
  for value in $values; do
    for threads in 1 2; do
      "$build/nnlua" --threads $threads "$here/growth.lua" "$axis" "$value" >> "$new"
    done
  done
  mv "$new" "$points"
  echo "$axis: $what" >&2
done < "$build/bench/axes"

if command -v gnuplot > /dev/null; then
  while IFS='	' read -r axis values what; do
    grep -q "^$axis," "$points" || continue
    # Groups with nothing inside are a third of what gnuplot writes.
    gnuplot -e "points='$points'; axis='$axis'; what='$what'" "$here/growth.gp" |
      awk 'held != "" {if ($0 == "</g>") {held = ""; next} print held; held = ""}
           /^<g [^>]*>$/ {held = $0; next}
           {print}' \
      > "$folder/$axis.svg"
  done < "$build/bench/axes"
else
  echo "growth: needs gnuplot for the pictures; the points are in $points" >&2
fi
"$build/nnlua" "$here/growth.lua" report "$points"
