# How runloop for Lua is built, tested, measured and installed. `make help` lists the targets.

LUA = lua5.4
PREFIX = /usr/local
CFLAGS = -O2 -g
PKG_CONFIG = pkg-config

# What a run of specs covers: make test SPECS=spec/pager_spec.lua BUSTED_FLAGS='--filter="in order"'
SPECS = spec
BUSTED_FLAGS =
FUZZ_SECONDS = 60
SOAK_CALLS = 200000

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.SECONDEXPANSION:

# The names of the systems' Lua 5.4 differ. These stand unexpanded until a recipe needs them: on a new machine
# the packages that answer are installed first.
lua_pc = $(or $(shell for name in lua5.4 lua-5.4 lua54 lua; do \
  $(PKG_CONFIG) --atleast-version=5.4 $$name 2>/dev/null && echo $$name && break; done), \
  $(error Lua 5.4 and its headers are missing; on Debian: apt-get install $(build_packages)))
lua_cflags = $(shell $(PKG_CONFIG) --cflags $(lua_pc))
lua_libs = $(shell $(PKG_CONFIG) --libs $(lua_pc))
curl_cflags = $(shell $(PKG_CONFIG) --cflags libcurl)
curl_libs = $(or $(shell $(PKG_CONFIG) --libs libcurl 2>/dev/null), \
  $(error libcurl and its headers are missing; on Debian: apt-get install $(build_packages)))
build_packages = $(shell .ci/packages --list build)

warnings := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion
ifeq ($(CI),true)
warnings += -Werror
endif
ifeq ($(shell uname),Darwin)
shared := -bundle -undefined dynamic_lookup
else
shared := -shared -Wl,-z,relro,-z,now
endif

# A variant of the C core is the same sources with other flags; its objects and programs lie in build/VARIANT.
build/asan/%: variant = $(sanitize) -DRL_TEST_ALLOC
build/scalar/%: variant = $(sanitize) -DRL_TEST_ALLOC -DRL_NO_SIMD
build/alloc/%: variant = -DRL_TEST_ALLOC
build/tsan/%: variant = -O1 -fsanitize=thread
build/coverage/%: variant = -O0 --coverage -DRL_TEST_ALLOC
build/fuzz/%: variant = $(sanitize) -fsanitize=fuzzer-no-link
build/fuzz/%: CC = clang
# The third flag keeps the module mapped: else reports could not name its functions once Lua has closed.
sanitize = -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
build/asan/%: LDFLAGS += -Wl,-z,nodelete

compile = $(CC) -std=c99 $(warnings) $(CPPFLAGS) $(CFLAGS) $(variant) -fvisibility=hidden
depfile = -MMD -MP -MT $@ -MF $@.d

lua_files := $(patsubst lua/%,%,$(wildcard lua/runloop/*.lua lua/runloop/*/*.lua))
objects := $(patsubst src/%.c,%.o,$(wildcard src/*.c))
plain_objects := $(filter-out lua_%,$(objects))
# Programs in spec/c: unit tests and fuzzers of the plain C sources; hosts that embed Lua and load the module,
# and one, oom, that has the core linked in.
unit_tests := $(patsubst spec/c/%.c,%,$(wildcard spec/c/*_test.c))
fuzzers := $(patsubst spec/c/%.c,%,$(wildcard spec/c/fuzz_*.c))
hosts := $(patsubst spec/c/%.c,%,$(wildcard spec/c/embed.c spec/c/threads.c))

## all: builds the C core, build/runloop/core.so
.PHONY: all
all: build/runloop/core.so

# make V=1 shows the commands whole.
quiet = @$(if $(V),set -x;,echo "building $@";)

build/%.o: src/$$(*F).c Makefile | packages
	@mkdir -p $(@D)
	$(quiet) $(compile) $(lua_cflags) $(curl_cflags) $(depfile) -fPIC -c -o $@ $<

# A module is moved into its place when it is whole: another process may be about to load it, or to make it too.
link_module = $(compile) $(shared) $(LDFLAGS) -o $@.$$$$ $(filter %.o,$^) $(curl_libs) && mv $@.$$$$ $@

build/runloop/core.so: $(addprefix build/release/,$(objects))
	@mkdir -p $(@D)
	$(quiet) $(link_module)

build/%/runloop/core.so: $$(addprefix build/$$*/,$(objects))
	@mkdir -p $(@D)
	$(quiet) $(link_module)

build/%_test: spec/c/$$(*F)_test.c $$(addprefix build/$$(*D)/,$(plain_objects))
	$(quiet) $(compile) $(curl_cflags) $(LDFLAGS) $(depfile) -Isrc -o $@ $(filter %.c %.o,$^) $(curl_libs) -lm

build/fuzz/fuzz_%: spec/c/fuzz_%.c $(addprefix build/fuzz/,$(plain_objects))
	$(quiet) $(compile) -fsanitize=fuzzer $(LDFLAGS) $(depfile) -Isrc -o $@ $(filter %.c %.o,$^) $(curl_libs) -lm

$(foreach v,release asan tsan,$(addprefix build/$v/,$(hosts))): build/%: \
  spec/c/$$(*F).c build/$$(*D)/runloop/core.so
	$(quiet) $(compile) $(lua_cflags) $(LDFLAGS) $(depfile) -o $@ $< $(lua_libs) -lm -lpthread -ldl

build/%/oom: spec/c/oom.c $$(addprefix build/$$*/,$(objects))
	$(quiet) $(compile) $(lua_cflags) $(curl_cflags) $(LDFLAGS) $(depfile) -Isrc -o $@ $(filter %.c %.o,$^) \
	  $(curl_libs) $(lua_libs) -lm -lpthread -ldl

-include $(wildcard build/*/*.d)

# What the goals need from Debian comes before anything else, as far as it is missing. A bare `make` and an
# installation install nothing.
kinds_of_packages = build demo test bench lint fuzz valgrind
kinds_of_demo = build demo
kinds_of_test = build test
kinds_of_asan = build test
kinds_of_gc-stress = build test
kinds_of_soak = build test
kinds_of_ctest = build test
kinds_of_tsan = build test
kinds_of_coverage = build test
kinds_of_valgrind = build test valgrind
kinds_of_fuzz = build fuzz
kinds_of_lint = build lint
kinds_of_bench = build bench
kinds_of_bench-instructions = build bench
kinds = $(sort $(foreach goal,$(MAKECMDGOALS),$(kinds_of_$(goal))))

## packages: installs from Debian what the other targets need
.PHONY: packages
packages:
	@$(if $(kinds),.ci/packages $(kinds))

# $(call lua_environment,asan/) has Lua take the core from build/asan.
lua_environment = env -u LUA_INIT -u LUA_INIT_5_4 -u LUA_PATH_5_4 -u LUA_CPATH_5_4 \
  LUA_PATH="$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$(CURDIR)/?.lua;$(CURDIR)/?/init.lua;;" \
  LUA_CPATH="$(CURDIR)/build/$(1)?.so;;"
# Nothing of a developer's own settings reaches the specs; MAKEFLAGS would reach a make that they run.
spec_environment = env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS \
  -u RUNLOOP_API_KEY -u RUNLOOP_BASE_URL -u RUNLOOP_CUSTOM_HEADERS \
  -u http_proxy -u https_proxy -u all_proxy -u no_proxy -u HTTPS_PROXY -u ALL_PROXY -u NO_PROXY \
  $(lua_environment)
busted = $(LUA) .ci/busted.lua $(BUSTED_FLAGS)
# Sanitizers want their part of the address space, which much randomness may take from them.
unrandomized = $(shell setarch -R true 2>/dev/null && echo setarch -R)

## demo: shows the module at work, with a server of its own or, with RUNLOOP_API_KEY set, with the real one
.PHONY: demo
demo: build/runloop/core.so
	@$(call lua_environment) $(LUA) examples/demo.lua

## test: runs the specs; SPECS=spec/pager_spec.lua runs one file, BUSTED_FLAGS=--filter=cursor some of them
.PHONY: test
test: build/runloop/core.so
	@$(call spec_environment) $(busted) $(SPECS)

# Specs marked #packaging build and install: they run nothing of the module that a sanitizer could watch.
## asan: runs the specs under AddressSanitizer, UndefinedBehaviorSanitizer and LeakSanitizer
.PHONY: asan
asan: build/asan/runloop/core.so
	@rm -f build/asan/report.*
	@$(call spec_environment,asan/) \
	  LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libubsan.so)" \
	  ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:log_exe_name=1:log_path=build/asan/report \
	  LSAN_OPTIONS=exitcode=0 UBSAN_OPTIONS=print_stacktrace=1 \
	  $(unrandomized) $(busted) --exclude-tags=packaging $(SPECS); status=$$?; \
	for report in build/asan/report.lua*; do \
	  if [ -e "$$report" ]; then cat "$$report"; status=1; fi; \
	done; exit $$status

## valgrind: runs the specs under valgrind's memcheck
.PHONY: valgrind
valgrind: build/runloop/core.so
	@mkdir -p build/valgrind && rm -f build/valgrind/*
	@$(call spec_environment) valgrind -q --error-exitcode=9 --num-callers=30 \
	  --leak-check=full --errors-for-leak-kinds=definite,indirect --show-leak-kinds=definite,indirect \
	  --child-silent-after-fork=yes --log-file=build/valgrind/%p.log \
	  $(busted) --exclude-tags=packaging,heavy $(SPECS); status=$$?; \
	cat build/valgrind/*.log; exit $$status

## gc-stress: runs the specs with a collector that never rests
.PHONY: gc-stress
gc-stress: build/runloop/core.so
	@$(call spec_environment) $(busted) --helper=.ci/gc_stress.lua --exclude-tags=packaging $(SPECS)

## soak: SOAK_CALLS calls through a server that fails in every way: memory and descriptors must stay flat
.PHONY: soak
soak: build/runloop/core.so
	@$(call spec_environment) $(LUA) spec/soak.lua $(SOAK_CALLS)

# Every program is a check of its own: make -k goes on behind one that failed.
ctests := $(addprefix asan/,$(unit_tests)) $(addprefix scalar/,$(unit_tests)) $(addprefix asan/,$(hosts)) \
  asan/oom alloc/oom

## ctest: runs the C programs of spec/c under the sanitizers, with and without SIMD
.PHONY: ctest $(addprefix run/,$(ctests))
ctest: $(addprefix run/,$(ctests))
$(addprefix run/,$(ctests)): run/%: build/%
	@$(call spec_environment,$(*D)/) .ci/check $* $(unrandomized) build/$*

## tsan: runs Lua states in several threads under ThreadSanitizer
.PHONY: tsan
tsan: build/tsan/threads
	@$(call spec_environment,tsan/) .ci/check tsan/threads $(unrandomized) build/tsan/threads

## fuzz: runs every libFuzzer harness for FUZZ_SECONDS; what it finds stays in build/fuzz/NAME
.PHONY: fuzz $(addprefix run/,$(fuzzers))
fuzz: $(addprefix run/,$(fuzzers))
$(addprefix run/,$(fuzzers)): run/%: build/fuzz/%
	@.ci/fuzz $* $(FUZZ_SECONDS)

# What tests say of memory is not true here, where hooks and counters take some: only other targets judge.
## coverage: lines of the C core and of the Lua modules that the tests reach
.PHONY: coverage
coverage: build/coverage/runloop/core.so $(addprefix build/coverage/,$(unit_tests) oom)
	@rm -f build/coverage/*.gcda
	@for program in $(unit_tests); do build/coverage/$$program >/dev/null 2>&1; done
	@$(call spec_environment,coverage/) build/coverage/oom 40 >/dev/null
	-@$(call spec_environment,coverage/) $(busted) --helper=.ci/lua_coverage.lua --exclude-tags=packaging,heavy $(SPECS)
	@.ci/c_coverage

lints := $(addprefix lint-,luacheck lua51 format warnings analyzer tidy cppcheck symbols layers)
c_files := $(wildcard src/*.[ch] spec/c/*.[ch] bench/*.[ch] examples/*.[ch])
c_sources := $(filter %.c,$(c_files))
lint_flags = -std=c99 -DRL_TEST_ALLOC -Isrc $(lua_cflags) $(curl_cflags)

## lint: luacheck, clang-format, clang-tidy, cppcheck, gcc's analyzer and more
.PHONY: lint $(lints)
lint: $(lints)
$(lints): | packages
lint-luacheck:
	@.ci/check luacheck luacheck --quiet .
# The library is to run in Lua 5.1 and LuaJIT one day.
lint-lua51:
	@.ci/check lua5.1 luac5.1 -p $(addprefix lua/,$(lua_files))
lint-format:
	@.ci/check clang-format clang-format --dry-run --Werror $(c_files)
lint-warnings:
	@.ci/check clang clang -fsyntax-only $(warnings) -Werror $(lint_flags) $(c_sources)
lint-analyzer:
	@for source in $(wildcard src/*.c); do \
	  .ci/check "gcc -fanalyzer $$source" \
	    gcc -fanalyzer -O2 -Werror $(lint_flags) -c -o /dev/null $$source || exit; \
	done
lint-tidy:
	@.ci/check clang-tidy clang-tidy --quiet $(c_sources) -- $(lint_flags)
lint-cppcheck:
	@.ci/check cppcheck cppcheck --quiet --error-exitcode=1 --std=c99 --inline-suppr \
	  --enable=warning,performance,portability -Isrc src
lint-symbols: build/runloop/core.so
	@.ci/check symbols .ci/symbols build/runloop/core.so
lint-layers: $(addprefix build/release/,$(objects))
	@.ci/check layers .ci/layers $^

## bench: measures against a bare libcurl program and luasocket with lua-cjson; BENCH_FLAGS=--quick
.PHONY: bench
bench: build/runloop/core.so
	@$(call lua_environment) bench/run $(BENCH_FLAGS)

## bench-instructions: counts the instructions of decoding a page
.PHONY: bench-instructions
bench-instructions: build/runloop/core.so
	@$(call lua_environment) bench/instructions $(BENCH_FLAGS)

lua_directory = $(DESTDIR)$(PREFIX)/share/lua/5.4
core_directory = $(DESTDIR)$(PREFIX)/lib/lua/5.4

## install: copies the module below PREFIX (/usr/local), itself below DESTDIR
.PHONY: install
install: build/runloop/core.so
	install -d "$(core_directory)/runloop" $(foreach d,$(sort $(dir $(lua_files))),"$(lua_directory)/$d")
	install -m 755 build/runloop/core.so "$(core_directory)/runloop/core.so"
	for file in $(lua_files); do install -m 644 "lua/$$file" "$(lua_directory)/$$file" || exit; done

## uninstall: takes that away again
.PHONY: uninstall
uninstall:
	rm -rf "$(lua_directory)/runloop" "$(core_directory)/runloop"

## clean: removes all that was built
.PHONY: clean
clean:
	rm -rf build

## help: prints this
.PHONY: help
help:
	@sed -n 's/^## \([^:]*\): /\1:/p' Makefile | while IFS=: read -r target text; do \
	  printf '%-20s%s\n' "$$target" "$$text"; \
	done
