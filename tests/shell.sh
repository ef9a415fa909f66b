#!/bin/sh
# What only a shell can try: README's examples as they stand there, the direction of includes, the module in a stock
# lua5.4, an installed copy seen from C. Usage: tests/shell.sh BUILD-FOLDER
set -eu
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
passed=0
ok() { passed=$((passed + 1)); }
fail() { echo "FAILED: $*" >&2; exit 1; }

# The n-th block of a language in README.md
block() { awk -v lang="$1" -v n="$2" '$0 == "```" lang {i++; on = (i == n); next} $0 == "```" {on = 0} on' README.md; }

# Calls go one way: core includes nothing of autograd or bindings, autograd nothing of bindings; only matmul.c knows BLAS.
upward() { (cd "$1" && ls ./*.h) | sed 's|^\./||' | tr '\n' '|' | sed 's/|$//; s/\./\\./g'; }
! grep -nE "#include \"($(upward autograd)|$(upward bindings))\"" core/*.[ch] core/kernels/*.[ch] || fail "core includes upward"
! grep -nE "#include (\"($(upward bindings))\"|<lua)" autograd/*.[ch] || fail "autograd includes upward"
[ "$(grep -lE 'cblas' core/*.[ch] core/kernels/*.[ch] autograd/*.[ch] bindings/*.[ch])" = "$(printf 'core/blas.c\ncore/blas.h')" ] || fail "BLAS outside core/blas.[ch]"
[ "$(grep -l '"blas.h"' core/*.[ch])" = "$(printf 'core/blas.c\ncore/matmul.c')" ] || fail "blas.h included outside matmul.c"
ok

# README's Lua examples, in the program and in a stock lua5.4
n=1
while block lua $n | grep -q .; do
  block lua $n > "$work/readme$n.lua"
  "$build/nnlua" "$work/readme$n.lua" > "$work/out" || fail "README's Lua example $n"
  n=$((n + 1))
done
[ $n -gt 3 ] || fail "README's examples were not found"
"$build/nnlua" "$work/readme1.lua" | grep -q '^Accuracy: ' || fail "README's first example prints no accuracy"
ok
case $build in
*asan*) ;;                                  # a sanitizer's library cannot be loaded into a program without it
*)
  LUA_CPATH="$build/?.so" lua5.4 "$work/readme1.lua" | grep -q '^Accuracy: ' || fail "the module in a stock lua5.4"
  ok
  # README's C example against an installed copy
  make --no-print-directory install DESTDIR="$work/root" PREFIX=/usr > "$work/out" 2>&1 || { cat "$work/out"; fail "make install"; }
  block c 1 > "$work/unused.c"
  awk '/#include <nnlua.h>/ {on = 1} on && $0 == "```" {exit} on' README.md > "$work/app.c"
  export PKG_CONFIG_PATH="$work/root/usr/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR=
  sed -i "s|^prefix=.*|prefix=$work/root/usr|; s|-I/usr/include|-I$work/root/usr/include|; s|-L/usr/lib|-L$work/root/usr/lib|" \
    "$work/root/usr/lib/pkgconfig/nnlua.pc"
  # shellcheck disable=SC2046
  cc "$work/app.c" $(pkg-config --cflags --libs nnlua) -o "$work/app" || fail "README's C example does not compile"
  [ "$(LD_LIBRARY_PATH="$work/root/usr/lib" "$work/app")" = 54 ] || fail "README's C example prints something else"
  ok
  # Shared buffers, scripts with limits, threads, refused allocations, against the same copy
  # shellcheck disable=SC2046
  cc tests/embed/embed.c $(pkg-config --cflags --libs nnlua) -lpthread -o "$work/embed" || fail "tests/embed does not compile"
  LD_LIBRARY_PATH="$work/root/usr/lib" "$work/embed" || fail "tests/embed"
  ok
  # The tensor library alone, statically, and the whole of it
  cat > "$work/alone.c" <<'END'
#include <nn.h>
#include <stdio.h>
int main(void) {
  nn_context_use(nn_context_new());
  ag_var *x = ag_parameter(nn_full(NN_FLOAT32, NN_SHAPE(3), 2));
  if (!ag_backward(ag_sum(ag_square(x), NN_ALL, false), NULL, 0)) return 1;
  printf("%g\n", nn_item(nn_sum(ag_grad_of(x)->value, NN_ALL, false)));
  nn_context_free(nn_context_current());
}
END
  sed -i "s|^prefix=.*|prefix=$work/root/usr|; s|-I/usr/include|-I$work/root/usr/include|; s|-L/usr/lib|-L$work/root/usr/lib|" \
    "$work/root/usr/lib/pkgconfig/nn.pc"
  # shellcheck disable=SC2046
  cc "$work/alone.c" $(pkg-config --cflags --libs nn) -o "$work/alone" || fail "nn.pc does not link"
  [ "$("$work/alone")" = 12 ] || fail "a program with nn.h alone"
  # shellcheck disable=SC2046
  cc "$work/app.c" -Wl,-Bstatic $(pkg-config --cflags --static --libs-only-L nnlua) -lnnlua -lnn -Wl,-Bdynamic \
    $(pkg-config --libs zlib jansson lua5.4) -lm -lpthread -ldl -o "$work/app" || fail "static linking"
  [ "$("$work/app")" = 54 ] || fail "README's C example, linked statically"
  ok
  # The public headers in C11 and C++17, pedantically
  for header in nn.h nnlua.h; do
    echo "#include <$header>" > "$work/header.c"
    # shellcheck disable=SC2046
    cc -std=c11 -pedantic -Wall -Werror $(pkg-config --cflags nnlua) -c "$work/header.c" -o "$work/header.o" || fail "$header in C11"
    if command -v c++ > /dev/null; then
      # shellcheck disable=SC2046
      c++ -std=c++17 -pedantic -Wall -Werror -x c++ $(pkg-config --cflags nnlua) -c "$work/header.c" -o "$work/header.o" ||
        fail "$header in C++17"
    fi
  done
  ok
  # Nothing but our own names leaves the library
  ! nm -D --defined-only "$build/lib/libnnlua.so" | awk '{print $3}' | grep -vE '^(nn_|ag_|nnlua_|luaopen_nn$)' ||
    fail "foreign names are exported"
  ok
  ;;
esac

# The program: its options and exit statuses
[ "$("$build/nnlua" -e 'print(1 + 1)')" = 2 ] || fail "-e"
"$build/nnlua" --version | grep -q '^nnlua ' || fail "--version"
"$build/nnlua" --help | grep -q -- '--threads' || fail "--help"
echo 'print(arg[1], ...)' > "$work/arguments.lua"
[ "$("$build/nnlua" "$work/arguments.lua" a)" = "$(printf 'a\ta')" ] || fail "arguments of a script"
echo 'print(7)' | "$build/nnlua" - | grep -q '^7$' || fail "a script from standard input"
if "$build/nnlua" -e 'error "no"' 2> "$work/err"; then fail "an error must exit with 1"; fi
grep -q '^nnlua: ' "$work/err" || fail "an error is said as nnlua: message"
[ "$("$build/nnlua" --seed 5 -e 'print(nn.rand(1):item())')" = "$("$build/nnlua" --seed 5 -e 'print(nn.rand(1):item())')" ] ||
  fail "--seed"
[ "$("$build/nnlua" --threads 1 -e 'print(nn.get_threads())')" = 1 ] || fail "--threads"
ok

# The REPL: locals stay, expressions and statements go over lines; README's first example typed line by line
typed() { printf '%s\n' "$1" | "$build/nnlua" -i 2>&1 | sed 's/^\(>*> \)*//'; }
shows() { typed "$1" | grep -q -- "$2" || { typed "$1"; fail "the REPL: $1"; }; }
shows "$(printf 'local a, b = 3, 4\na * b')" '^12'
shows "$(printf 'local function f(x)\nreturn x + 1 end\nf(41)')" '^42'
shows "$(printf 'local f\nlocal f2, g\nf == nil and g == nil')" '^true'
shows "$(printf 'local c <const> = 5 print(c + 1)')" '^6'
shows "$(printf '1 +\n2')" '^3'
shows "$(printf '{\n7}')" '7'
shows "$(printf '[[\nabc\n]]')" 'abc'
shows "$(printf 'nn.tensor{\n{1,2},{3,4}}')" '3.*4'
shows "$(printf '1 + * 2\n40 + 2')" '^42'
shows "$(cat "$work/readme1.lua")" '^Accuracy: '
"$build/nnlua" --help | grep -q 'local x = ... stays' || fail "--help says nothing of locals"
ok

# A broken OpenBLAS: an error in words where it is needed, and only there
mkdir "$work/broken"
: > "$work/broken/libopenblas.so.0"
without() { LD_LIBRARY_PATH="$work/broken" "$build/nnlua" -e "print(nn.ones($1, $1):matmul(nn.ones($1, $1)):sum())" 2>&1; }
without 2 | grep -q '^8' || fail "a small product without OpenBLAS"
without 100 | grep -q 'matmul: OpenBLAS cannot be loaded' || fail "a large product without OpenBLAS"
ok

echo "shell tests: all $passed groups passed"
