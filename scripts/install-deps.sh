#!/bin/sh
# Installs what nnlua needs to be built (and with --test, what its checks need), where it is missing:
#   sh install-deps.sh [--test]
# What is there is found by asking for it (a command, pkg-config), not by asking a package manager, so that software
# built by hand counts, and a second run does nothing. Knows apt-get, dnf and brew; uses sudo only when not root.
set -u

# What is looked for, and its package for apt-get, dnf, brew ("-": part of the system, or not packaged there).
needs='
command gcc cc    |gcc             |gcc            |-
command make      |make            |make           |make
command pkg-config|pkg-config      |pkgconf        |pkgconf
lua               |lua5.4          |lua            |lua@5.4
module lua5.4     |liblua5.4-dev   |lua-devel      |lua@5.4
module openblas   |libopenblas-dev |openblas-devel |openblas
module zlib       |zlib1g-dev      |zlib-devel     |zlib
module jansson    |libjansson-dev  |jansson-devel  |jansson
module libedit    |libedit-dev     |libedit-devel  |libedit
module check      |check           |check-devel    |check'
test_needs='
command cppcheck  |cppcheck        |cppcheck       |cppcheck
command luacheck  |lua-check       |-              |luacheck
command valgrind  |valgrind        |valgrind       |-'

say() { echo "install-deps: $1" >&2; }
fail() { say "$1"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

there() { # KIND NAME...: one of the names is enough
  kind=$1
  shift
  case $kind in
    command) for name; do have "$name" && return 0; done; return 1 ;;
    module) pkg-config --exists "$1" 2>/dev/null ;;
    lua) have lua5.4 || { have lua && lua -v 2>&1 | grep -q '^Lua 5\.4'; } ;;
  esac
}

missing() { # MANAGER: the packages that are wanted, on one line
  echo "$needs" | while IFS='|' read -r what apt dnf brew; do
    # shellcheck disable=SC2086 # words, not one string
    if [ -z "$what" ] || there $what; then continue; fi
    case $1 in apt-get) package=$apt ;; dnf) package=$dnf ;; brew) package=$brew ;; esac
    # shellcheck disable=SC2086 # without the column's spaces
    [ "${package%% *}" = - ] || echo $package
  done | sort -u | tr '\n' ' ' | sed 's/ $//'
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif have sudo; then sudo "$@"
  else fail "neither root nor sudo is at hand: have an administrator install $packages"
  fi
}

# shellcheck disable=SC2086 # $packages is a list
install() {
  case $manager in
    apt-get)
      # A package list that is old or out of reach may still do, so a failed update is not the end.
      as_root apt-get update -qq || say "apt-get update failed, going on with the lists there are"
      as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o DPkg::Lock::Timeout=120 $packages ;;
    dnf) as_root dnf install -y -q $packages ;;
    brew) brew install $packages ;;
  esac >&2
}

case ${1-} in
  --test) needs=$needs$test_needs ;;
  '') ;;
  *) fail "usage: install-deps.sh [--test]" ;;
esac

manager=
for name in apt-get dnf brew; do
  if have "$name"; then manager=$name; break; fi
done
if [ "$manager" = brew ]; then # which keeps these out of pkg-config's way
  for name in openblas zlib libedit lua@5.4; do
    PKG_CONFIG_PATH=${PKG_CONFIG_PATH:+$PKG_CONFIG_PATH:}$(brew --prefix)/opt/$name/lib/pkgconfig
  done
  export PKG_CONFIG_PATH
fi

packages=$(missing "${manager:-apt-get}")
if [ -z "$packages" ]; then
  say "everything is there"
  exit 0
fi
[ -n "$manager" ] || fail "no apt-get, dnf or brew here: install these (Debian's names) by other means: $packages"
say "$manager install $packages"
install || fail "$manager could not install: $packages"
left=$(missing "$manager")
[ -z "$left" ] || fail "installed, but still not found: $left"
[ "$manager" != brew ] || say "before make: export PKG_CONFIG_PATH=$PKG_CONFIG_PATH"
