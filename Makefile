# nnlua. Targets:
#   make              the library (build/lib), the program (build/nnlua) and the module for stock lua5.4 (build/nn.so)
#   make mnist        the main job: installs what is missing, builds, gets the data, trains (MNIST_ARGS="--epochs 5")
#   make test         installs what is missing, builds, runs the C suites and the Lua suites
#   make asan         the same suites under AddressSanitizer and UndefinedBehaviorSanitizer
#   make check        static checks: cppcheck, luacheck
#   make reference    writes the declared options into the Lua reference, bindings/README.md
#   make bench        speed beside PyTorch, where python3-torch is installed, and beside what the machine can do;
#                     BENCH=pattern REPEATS=5 BENCH_BEHIND=1 RESULTS=1, see tests/bench/README.md
#   make profile      where a training step's time goes (needs perf; BENCH=pattern for other workloads)
#   make growth       time and memory against batch, width, depth, parameters and data: tests/bench/growth/
#   make data         fetches MNIST into the user's cache
#   make install      PREFIX=/usr/local DESTDIR=
#   make clean | help
# Variables: MODE=release|debug|asan|tsan, CC, CFLAGS.

MODE    ?= release
PREFIX  ?= /usr/local
B       := build$(if $(filter-out release,$(MODE)),/$(MODE))
VERSION := 0.1.0

PKGS     := lua5.4 openblas zlib jansson
PKG      := pkg-config
HAVE_PKGS := $(shell $(PKG) --exists $(PKGS) && echo yes)
ifeq ($(HAVE_PKGS),yes)
PKG_CFLAGS := $(shell $(PKG) --cflags $(PKGS))
CORE_LIBS  := $(shell $(PKG) --libs zlib jansson) -lm -lpthread -ldl
LUA_LIBS   := $(shell $(PKG) --libs lua5.4)
endif
ifeq ($(shell $(PKG) --exists libedit && echo yes),yes)
EDIT_CFLAGS := -DNNLUA_EDITLINE $(shell $(PKG) --cflags libedit)
EDIT_LIBS   := $(shell $(PKG) --libs libedit)
endif

WARN  := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith
FLAGS_release := -O2 -fno-math-errno -fno-trapping-math
FLAGS_debug   := -O0 -g3
FLAGS_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
FLAGS_tsan    := -O1 -g -fsanitize=thread
CFLAGS ?= -g
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE -fPIC -fno-semantic-interposition -ffp-contract=off $(WARN) $(FLAGS_$(MODE)) $(CFLAGS) \
              -Icore -Iautograd -Ibindings $(PKG_CFLAGS) $(EDIT_CFLAGS) -DNNLUA_VERSION='"$(VERSION)"' -MMD -MP

# Kernels are compiled once for each instruction set and chosen at run time. Their loops become vectors, but are not
# unrolled or copied: -O3 makes twice the code, and it is no faster. On a PC the portable set is for machines older than
# AVX2; it is kept small, with vectors where they take no more room (which is gcc's own choice at -O2).
ifeq ($(findstring clang,$(shell $(CC) --version)),)
VECTORS := -ftree-vectorize -fvect-cost-model=dynamic --param vect-epilogues-nomask=0
endif
ifeq ($(shell uname -m),x86_64)
ISAS         := portable avx2 avx512
ISA_avx2     := $(VECTORS) -mavx2 -mfma
ISA_avx512   := $(VECTORS) -mavx512f -mavx512vl -mavx512dq -mavx512bw -mfma -mprefer-vector-width=512
else
ISAS         := portable
ISA_portable := $(VECTORS)
endif

CORE     := $(patsubst %.c,$(B)/%.o,$(wildcard core/*.c))
KERNELS  := $(foreach i,$(ISAS),$(patsubst core/kernels/%.c,$(B)/core/kernels/%.$(i).o,$(wildcard core/kernels/*.c)))
AUTOGRAD := $(patsubst %.c,$(B)/%.o,$(wildcard autograd/*.c))
BINDINGS := $(patsubst %.c,$(B)/%.o,$(filter-out bindings/main.c bindings/repl.c,$(wildcard bindings/*.c))) $(B)/lua_modules.o
PROGRAM  := $(B)/bindings/main.o $(B)/bindings/repl.o
LIB      := $(CORE) $(KERNELS) $(AUTOGRAD)

# No exception ever passes through these.
ifeq ($(MODE),release)
$(LIB): ALL_CFLAGS += -fno-asynchronous-unwind-tables
$(CORE): ALL_CFLAGS += $(VECTORS)
# What no step of a training goes through is compiled for size.
$(addprefix $(B)/,$(addsuffix .o,$(addprefix core/,atomic_file csv file format idx safetensors) \
  $(addprefix bindings/,custom errors files host make patterns table))): ALL_CFLAGS += -Os
endif

all: $(B)/nnlua $(B)/nn.so $(B)/lib/libnn.a $(B)/lib/libnnlua.a

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c $< -o $@

define kernel_rule
$(B)/core/kernels/%.$(1).o: core/kernels/%.c
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) $$(ISA_$(1)) -DNN_ISA=$(1) -c $$< -o $$@
endef
$(foreach i,$(ISAS),$(eval $(call kernel_rule,$(i))))

# The Lua files and the data are embedded in the library as text.
EMBEDDED := $(wildcard bindings/nn/*.lua) -- $(wildcard bindings/data/*.gz) scripts/fetch-mnist.sh
LUA      := $(or $(shell command -v lua5.4),lua)
$(B)/lua_modules.c: bindings/embed.lua $(filter-out --,$(EMBEDDED))
	@mkdir -p $(@D)
	@$(LUA) bindings/embed.lua $@ $(EMBEDDED)
$(B)/lua_modules.o: $(B)/lua_modules.c
	$(CC) $(ALL_CFLAGS) -c $< -o $@

# Addresses in tables of rows, packed where the linker can: 3 kB instead of 70.
PACKED     := $(shell $(LD) --help 2> /dev/null | grep -q pack-relative-relocs && echo -Wl,-z,pack-relative-relocs)
LINK_FLAGS := $(FLAGS_$(MODE)) $(PACKED) $(LDFLAGS)
EXPORTS    := -Wl,--version-script=bindings/exports.map -Wl,-Bsymbolic-functions

$(B)/nnlua: $(PROGRAM) $(BINDINGS) $(LIB)
	$(CC) $(LINK_FLAGS) -Wl,-E $^ $(CORE_LIBS) $(LUA_LIBS) $(EDIT_LIBS) -o $@

# The module takes Lua's own functions from the interpreter that loads it. nodelete: its threads outlive lua_close.
$(B)/nn.so: $(BINDINGS) $(LIB)
	$(CC) $(LINK_FLAGS) -shared $(EXPORTS) -Wl,-z,nodelete $^ $(CORE_LIBS) -o $@

# Each library is one object, so that the section that holds the table of ops is linked whole.
$(B)/lib/libnn.a: $(LIB)
$(B)/lib/libnnlua.a: $(BINDINGS)
$(B)/lib/%.a:
	@mkdir -p $(@D)
	$(LD) -r -o $(B)/$*.o $^
	rm -f $@ && $(AR) rcs $@ $(B)/$*.o
$(B)/lib/libnnlua.so: $(BINDINGS) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LINK_FLAGS) -shared $(EXPORTS) -Wl,-z,nodelete -Wl,-soname,libnnlua.so.0 $^ $(CORE_LIBS) $(LUA_LIBS) -o $@

# Tests
TESTS := $(patsubst %.c,$(B)/%.o,$(wildcard tests/*.c tests/core/*.c tests/autograd/*.c tests/bindings/*.c))
$(TESTS): ALL_CFLAGS += -Itests $(shell $(PKG) --cflags check)
$(B)/check: $(TESTS) $(BINDINGS) $(LIB)
	$(CC) $(LINK_FLAGS) $^ $(CORE_LIBS) $(LUA_LIBS) $(shell $(PKG) --libs check) -o $@

# A second make, so that what has just been installed is found.
test: deps
	@$(MAKE) --no-print-directory suites
suites: all $(B)/check
	NNLUA=$(B)/nnlua sh tests/shell.sh $(B)
	CK_FORK=$(if $(filter asan,$(MODE)),no,yes) $(B)/check
	$(B)/nnlua tests/run.lua
deps:
	@sh scripts/install-deps.sh --test
asan: export ASAN_OPTIONS ?= allocator_may_return_null=1
asan: deps
	@$(MAKE) --no-print-directory MODE=asan suites
check:
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --enable=warning --suppress=missingIncludeSystem \
	  -Icore -Iautograd -Ibindings core autograd bindings
	luacheck --quiet .

reference: $(B)/nnlua
	$(B)/nnlua bindings/reference.lua bindings/README.md
bench: all
	sh tests/bench/run.sh $(B)
profile: all
	sh tests/bench/profile.sh $(B)
growth: all
	sh tests/bench/growth.sh $(B)
data:
	@sh scripts/fetch-mnist.sh "$${NNLUA_DATA:-$${XDG_CACHE_HOME:-$$HOME/.cache}/nnlua}"
mnist:
	@sh scripts/install-deps.sh
	@$(MAKE) --no-print-directory all
	@$(MAKE) --no-print-directory data || true
	$(B)/nnlua scripts/mnist.lua $(MNIST_ARGS)

# nnlua: with Lua; nn: tensors, gradients and networks without it, statically.
PC := Description: neural networks in Lua and C\nVersion: $(VERSION)\nCflags: -I$(PREFIX)/include/nnlua\n
PC_DIR = $(DESTDIR)$(PREFIX)/lib/pkgconfig
install: all $(B)/lib/libnnlua.so
	install -d $(DESTDIR)$(PREFIX)/bin $(PC_DIR) $(DESTDIR)$(PREFIX)/lib/lua/5.4 \
	  $(DESTDIR)$(PREFIX)/include/nnlua
	install $(B)/nnlua $(DESTDIR)$(PREFIX)/bin
	install $(B)/nn.so $(DESTDIR)$(PREFIX)/lib/lua/5.4
	install -m 644 $(B)/lib/libnn.a $(B)/lib/libnnlua.a $(DESTDIR)$(PREFIX)/lib
	install $(B)/lib/libnnlua.so $(DESTDIR)$(PREFIX)/lib/libnnlua.so.0
	ln -sf libnnlua.so.0 $(DESTDIR)$(PREFIX)/lib/libnnlua.so
	install -m 644 $(PUBLIC_HEADERS) $(DESTDIR)$(PREFIX)/include/nnlua
	printf 'prefix=$(PREFIX)\nName: nnlua\n$(PC)Requires: lua5.4\nLibs: -L$(PREFIX)/lib -lnnlua\nLibs.private: -lnn $(CORE_LIBS)\n' \
	  > $(PC_DIR)/nnlua.pc
	printf 'prefix=$(PREFIX)\nName: nn\n$(PC)Libs: -L$(PREFIX)/lib -lnn $(CORE_LIBS)\n' > $(PC_DIR)/nn.pc
	[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || ! command -v ldconfig > /dev/null || ldconfig
PUBLIC_HEADERS := $(addprefix core/,context.h core.h elementwise.h files.h format.h matmul.h movement.h normalize.h pool.h random.h \
  reduce.h tensor.h) $(addprefix autograd/,autograd.h network.h nn.h option.h) bindings/nnlua.h

clean:
	rm -rf build
help:
	@sed -n '/^# nnlua. Targets/,/^# Variables/s/^# \{0,1\}//p' Makefile

.PHONY: all test suites deps asan check reference bench profile growth data mnist install clean help
.DELETE_ON_ERROR:
.SECONDARY:

-include $(wildcard $(B)/*.d $(B)/*/*.d $(B)/*/*/*.d)
