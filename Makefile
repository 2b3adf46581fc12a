# How runloop for Lua is built, tested, measured and installed. `make help` lists the targets.

# Which Lua the module is built for, tested with and installed for: 5.4, 5.5, 5.3, jit (LuaJIT), 5.2 or 5.1. Each but 5.4
# has a directory of its own in build/. Of one that pkg-config does not know: make LUA_VERSION=5.5 LUA=~/lua/lua
# LUA_CFLAGS=-I$HOME/lua LUA_LIBS='$HOME/lua/liblua.a -lm -ldl'
LUA_VERSION = 5.4
ifeq ($(LUA_VERSION),jit)
LUA = luajit
lua_names = luajit
lua_abi = 5.1
else
LUA = lua$(LUA_VERSION)
lua_names = lua$(LUA_VERSION) lua-$(LUA_VERSION) lua$(subst .,,$(LUA_VERSION)) lua
lua_abi = $(LUA_VERSION)
endif
# With LINK_LUA=1 the core is linked with its Lua, for hosts that load theirs RTLD_LOCAL. In a host that has Lua linked in
# statically that would be a second Lua.
LINK_LUA =
B = build$(if $(filter-out 5.4,$(LUA_VERSION))$(LINK_LUA),/lua$(LUA_VERSION)$(if $(LINK_LUA),-linked))
PREFIX = /usr/local
CFLAGS = -O2 -g
PKG_CONFIG = pkg-config

# What a run of specs covers: make test SPECS=spec/pager_spec.lua BUSTED_FLAGS='--filter="in order"'
SPECS = spec
BUSTED_FLAGS =
FUZZ_SECONDS = 60
SOAK_CALLS = 200000
OOM_STEP = 1

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.SECONDEXPANSION:

# The names of the systems' Luas differ: a plain `lua` is any of them. These stand unexpanded until a recipe needs
# them: on a new machine the packages that answer are installed first.
lua_pc = $(or $(shell for name in $(lua_names); do case `$(PKG_CONFIG) --modversion $$name 2>/dev/null` in \
  ($(if $(filter jit,$(LUA_VERSION)),2,$(LUA_VERSION)).*) echo $$name; break; esac; done), \
  $(error Lua $(LUA_VERSION) and its headers are missing; on Debian: apt-get install $(build_packages)))
LUA_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(lua_pc))
LUA_LIBS = $(shell $(PKG_CONFIG) --libs $(lua_pc))
curl_cflags = $(shell $(PKG_CONFIG) --cflags libcurl)
curl_libs = $(or $(shell $(PKG_CONFIG) --libs libcurl 2>/dev/null), \
  $(error libcurl and its headers are missing; on Debian: apt-get install $(build_packages)))
build_packages = $(shell .ci/packages --list build lua$(LUA_VERSION))

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
$(B)/asan/%: variant = $(sanitize) -DRL_TEST_ALLOC
$(B)/scalar/%: variant = $(sanitize) -DRL_TEST_ALLOC -DRL_NO_SIMD -DRL_NO_EPOLL
$(B)/sse2/%: variant = $(sanitize) -DRL_TEST_ALLOC -DRL_NO_AVX2
$(B)/alloc/%: variant = -DRL_TEST_ALLOC
$(B)/tsan/%: variant = -O1 -fsanitize=thread
$(B)/coverage/%: variant = -O0 --coverage -DRL_TEST_ALLOC
fuzz_variants := fuzz fuzz-scalar fuzz-sse2
$(B)/fuzz/%: variant = $(sanitize) -fsanitize=fuzzer-no-link
$(B)/fuzz-scalar/%: variant = $(sanitize) -fsanitize=fuzzer-no-link -DRL_NO_SIMD
$(B)/fuzz-sse2/%: variant = $(sanitize) -fsanitize=fuzzer-no-link -DRL_NO_AVX2
$(foreach v,$(fuzz_variants),$(B)/$v/%): CC = clang
# The third flag keeps the module mapped: else reports could not name its functions once Lua has closed.
sanitize = -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
$(foreach v,asan scalar sse2,$(B)/$v/%): LDFLAGS += -Wl,-z,nodelete

compile = $(CC) -std=c99 $(warnings) $(CPPFLAGS) $(CFLAGS) $(variant) -fvisibility=hidden
depfile = -MMD -MP -MT $@ -MF $@.d

version = $(shell sed -n 's/^return "\(.*\)"$$/\1/p' lua/runloop/version.lua)
lua_files := $(patsubst lua/%,%,$(wildcard $(addprefix lua/runloop/,*.lua */*.lua */*/*.lua)))
# Of the annotations for editors nothing runs.
embedded_files := $(filter-out $(shell grep -l -e '---@meta' $(addprefix lua/,$(lua_files))),$(addprefix lua/,$(lua_files)))
objects := $(patsubst src/%.c,%.o,$(wildcard src/*.c))
plain_objects := $(filter-out lua_%,$(objects))
# Programs in spec/c: unit tests and fuzzers of the plain C sources; hosts that embed Lua and load the module,
# and one, oom, that has the core linked in.
unit_tests := $(patsubst spec/c/%.c,%,$(wildcard spec/c/*_test.c))
fuzzers := $(patsubst spec/c/%.c,%,$(wildcard spec/c/fuzz_*.c))
hosts := $(patsubst spec/c/%.c,%,$(wildcard spec/c/embed.c spec/c/threads.c))

## all: builds the C core, build/runloop/core.so; LUA_VERSION=5.3 (5.5, jit, 5.2, 5.1) for another Lua than 5.4
.PHONY: all
all: $(B)/runloop/core.so

# make V=1 shows the commands whole.
quiet = @$(if $(V),set -x;,echo "building $@";)

# The texts of modules that are loaded when they are first used.
build/texts.h: .ci/texts.lua .ci/c_text.lua $(embedded_files) | packages
	@mkdir -p build
	$(quiet) $(LUA) .ci/texts.lua $@ $(embedded_files)
text_flags = $(if $(filter lua_texts,$(*F)),-DRL_TEXTS -Ibuild)

$(B)/%.o: src/$$(*F).c $$(if $$(filter lua_texts,$$(*F)),build/texts.h) Makefile | packages
	@mkdir -p $(@D)
	$(quiet) $(compile) $(text_flags) $(LUA_CFLAGS) $(curl_cflags) $(depfile) -fPIC -c -o $@ $<

# A module is moved into its place when it is whole: another process may be about to load it, or to make it too.
link_module = $(compile) $(shared) $(LDFLAGS) -o $@.$$$$ $(filter %.o,$^) $(curl_libs) \
  $(if $(LINK_LUA),$(LUA_LIBS)) && mv $@.$$$$ $@

$(B)/runloop/core.so: $(addprefix $(B)/release/,$(objects))
	@mkdir -p $(@D)
	$(quiet) $(link_module)

$(B)/%/runloop/core.so: $$(addprefix $(B)/$$*/,$(objects))
	@mkdir -p $(@D)
	$(quiet) $(link_module)

$(B)/%_test: spec/c/$$(*F)_test.c $$(addprefix $(B)/$$(*D)/,$(plain_objects))
	$(quiet) $(compile) $(curl_cflags) $(LDFLAGS) $(depfile) -Isrc -o $@ $(filter %.c %.o,$^) $(curl_libs) -lm -ldl

$(foreach v,$(fuzz_variants),$(addprefix $(B)/$v/,$(fuzzers))): $(B)/%: \
  spec/c/$$(*F).c $$(addprefix $(B)/$$(*D)/,$(plain_objects))
	$(quiet) $(compile) -fsanitize=fuzzer $(LDFLAGS) $(depfile) -Isrc -o $@ $(filter %.c %.o,$^) $(curl_libs) -lm

$(foreach v,release asan tsan,$(addprefix $(B)/$v/,$(hosts))): $(B)/%: \
  spec/c/$$(*F).c $(B)/$$(*D)/runloop/core.so
	$(quiet) $(compile) $(LUA_CFLAGS) $(LDFLAGS) $(depfile) -o $@ $< $(LUA_LIBS) -lm -lpthread -ldl

$(B)/%/oom: spec/c/oom.c $$(addprefix $(B)/$$*/,$(objects))
	$(quiet) $(compile) $(LUA_CFLAGS) $(curl_cflags) $(LDFLAGS) $(depfile) -Isrc -o $@ $(filter %.c %.o,$^) \
	  $(curl_libs) $(LUA_LIBS) -lm -lpthread -ldl

## amalgamation: writes build/runloop.c and build/runloop.h, the whole module for a host to compile in
.PHONY: amalgamation
amalgamation: build/runloop.c

build/runloop.c: .ci/amalgamate.lua .ci/c_text.lua $(wildcard src/*.[ch] src/embed/*.[ch]) $(addprefix lua/,$(lua_files)) | packages
	@mkdir -p build
	$(quiet) $(LUA) .ci/amalgamate.lua build $(version) $(wildcard src/*.c) src/embed/embed.c $(embedded_files)

-include $(wildcard $(B)/*/*.d)

# What the goals need from Debian comes before anything else, as far as it is missing. A bare `make` and an
# installation install nothing.
kinds_of_packages = build demo test bench lint fuzz valgrind lua5.1 lua5.2 lua5.3 luajit
kinds_of_demo = build demo
kinds_of_test = build test
kinds_of_test-hosts = build test luajit lua5.3 lua5.2 hosts
kinds_of_asan = build test
kinds_of_quick = build test
kinds_of_no-cjson = build test
kinds_of_gc-stress = build test
kinds_of_simd = build test fuzz
kinds_of_built = build lua5.3 luajit
kinds_of_soak = build test
kinds_of_ctest = build test
kinds_of_tsan = build test
kinds_of_coverage = build test
kinds_of_valgrind = build test valgrind
kinds_of_fuzz = build fuzz
kinds_of_lint = build lint lua5.1 lua5.2 lua5.3 luajit
kinds_of_bench = build bench
kinds_of_bench-instructions = build bench
kinds = $(sort $(foreach goal,$(MAKECMDGOALS),$(kinds_of_$(goal)) $(if $(kinds_of_$(goal)),lua$(LUA_VERSION))))

## packages: installs from Debian what the other targets need
.PHONY: packages
packages:
	@$(if $(kinds),.ci/packages $(kinds))

# $(call lua_environment,asan/) has Lua take the core from build/asan.
lua_environment = env $(foreach v,2 3 4 5,-u LUA_INIT_5_$v -u LUA_PATH_5_$v -u LUA_CPATH_5_$v) -u LUA_INIT \
  LUA_PATH="$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$(CURDIR)/?.lua;$(CURDIR)/?/init.lua;;" \
  LUA_CPATH="$(CURDIR)/$(B)/$(1)?.so;;"
# Nothing of a developer's own settings reaches the specs; MAKEFLAGS would reach a make that they run.
spec_environment = env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS \
  -u RUNLOOP_API_KEY -u RUNLOOP_BASE_URL -u RUNLOOP_CUSTOM_HEADERS \
  -u http_proxy -u https_proxy -u all_proxy -u no_proxy -u HTTPS_PROXY -u ALL_PROXY -u NO_PROXY \
  RUNLOOP_SPEC_CFLAGS="$(LUA_CFLAGS)" $(lua_environment)
# What is built and installed by specs is for 5.4.
busted = $(LUA) .ci/busted.lua $(if $(filter-out 5.4,$(LUA_VERSION)),--exclude-tags=packaging) $(BUSTED_FLAGS)
# Sanitizers want their part of the address space, which much randomness may take from them.
unrandomized = $(shell setarch -R true 2>/dev/null && echo setarch -R)

## demo: shows the module at work, with a server of its own or, with RUNLOOP_API_KEY set, with the real one
.PHONY: demo
demo: $(B)/runloop/core.so
	@$(call lua_environment) $(LUA) examples/demo.lua

## test: runs the specs; SPECS=spec/pager_spec.lua runs one file, BUSTED_FLAGS=--filter=cursor some of them
.PHONY: test
test: $(B)/runloop/core.so
	@$(call spec_environment) $(busted) $(SPECS)

# The two wait most of the time: make -j2 -O ports takes little longer than one of them.
## ports: runs the specs with LuaJIT and with Lua 5.3
.PHONY: ports port-jit port-5.3
ports: port-jit port-5.3
port-jit port-5.3: port-%:
	@$(MAKE) --no-print-directory test LUA_VERSION=$*

# What checks that run beside each other would else build at the same time.
.PHONY: built built-jit built-5.3
built: $(addsuffix /runloop/core.so,$(B) $(addprefix $(B)/,asan scalar sse2)) build/runloop.c built-jit built-5.3
built-jit built-5.3: built-%:
	@$(MAKE) --no-print-directory LUA_VERSION=$*

# What is left takes less than half a minute on a machine that has nothing else to do.
## quick: runs the specs but those marked #slow, #heavy, #long or #packaging, for use while working
.PHONY: quick
quick: $(B)/runloop/core.so
	@$(call spec_environment) $(busted) --exclude-tags=slow,heavy,long,packaging $(SPECS)

## test-hosts: installs programs of Debian that embed Lua, and runs the specs of the client in them
.PHONY: test-hosts
test-hosts: build/runloop/core.so
	@$(call spec_environment) $(busted) spec/programs_spec.lua

# What a program without it sees; its children see it too.
hide_cjson = for _, name in ipairs { 'cjson', 'cjson.safe' } do \
  package.preload[name] = function() error(name .. ' is hidden') end end

## no-cjson: runs the specs where there is no lua-cjson
.PHONY: no-cjson
no-cjson: $(B)/runloop/core.so
	@$(call spec_environment) env LUA_INIT="$(hide_cjson)" $(busted) --exclude-tags=heavy,long,packaging $(SPECS)

# Specs marked #packaging build and install: they run nothing of the module that a sanitizer could watch. Those marked
# #long do a #heavy one's work many times over.
not_for_asan = packaging,heavy,long
## asan: runs the specs under AddressSanitizer, UndefinedBehaviorSanitizer and LeakSanitizer
.PHONY: asan simd-scalar simd-sse2
asan simd-scalar simd-sse2: %: $(B)/$$(subst simd-,,$$*)/runloop/core.so
	@rm -f $(<D)/report.*
	@$(call spec_environment,$(subst simd-,,$*)/) \
	  LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libubsan.so)" \
	  ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:log_exe_name=1:log_path=$(<D)/report \
	  LSAN_OPTIONS=exitcode=0 UBSAN_OPTIONS=print_stacktrace=1 \
	  $(unrandomized) $(busted) --exclude-tags=$(not_for_asan) $(SPECS); status=$$?; \
	for report in $(<D)/report.lua*; do \
	  if [ -e "$$report" ]; then cat "$$report"; status=1; fi; \
	done; exit $$status

# What reads and writes JSON, and the fuzzers of what looks at many bytes at once; `make ctest` has the rest.
simd_specs = $(patsubst %,spec/%_spec.lua,core_json json json_differential sending fields pager core_stream)
simd_fuzzers = $(addprefix fuzz_,json encode framer events parts)
## simd: runs the specs of JSON and the fuzzers for processors without AVX2, and without any SIMD
.PHONY: simd
simd: simd-scalar simd-sse2 $(addprefix run/fuzz-scalar/,$(simd_fuzzers)) $(addprefix run/fuzz-sse2/,$(simd_fuzzers))
simd-scalar simd-sse2: SPECS = $(simd_specs)
simd-scalar simd-sse2: not_for_asan = packaging,long

## valgrind: runs the specs under valgrind's memcheck
.PHONY: valgrind
valgrind: $(B)/runloop/core.so
	@mkdir -p $(B)/valgrind && rm -f $(B)/valgrind/*
	@$(call spec_environment) valgrind -q --error-exitcode=9 --num-callers=30 \
	  --leak-check=full --errors-for-leak-kinds=definite,indirect --show-leak-kinds=definite,indirect \
	  --child-silent-after-fork=yes --log-file=$(B)/valgrind/%p.log \
	  $(busted) --exclude-tags=packaging,heavy,long $(SPECS); status=$$?; \
	cat $(B)/valgrind/*.log; exit $$status

## gc-stress: runs the specs with a collector that never rests
.PHONY: gc-stress
gc-stress: $(B)/runloop/core.so
	@$(call spec_environment) $(busted) --helper=.ci/gc_stress.lua --exclude-tags=packaging,slow,heavy,long $(SPECS)

## soak: SOAK_CALLS calls through a server that fails in every way: memory and descriptors must stay flat
.PHONY: soak
soak: $(B)/runloop/core.so
	@$(call spec_environment) $(LUA) spec/soak.lua $(SOAK_CALLS)

# Every program is a check of its own: make -k goes on behind one that failed.
ctests := $(addprefix asan/,$(unit_tests)) $(addprefix scalar/,$(unit_tests)) $(addprefix sse2/,$(unit_tests)) $(addprefix asan/,$(hosts)) \
  asan/oom alloc/oom

# Of allocations every OOM_STEP-th fails.
## ctest: runs the C programs of spec/c under the sanitizers, with all of SIMD, some and none
.PHONY: ctest $(addprefix run/,$(ctests))
ctest: $(addprefix run/,$(ctests))
$(addprefix run/,$(ctests)): run/%: $(B)/%
	@$(call spec_environment,$(*D)/) .ci/check $* $(unrandomized) $(B)/$* $(if $(filter %/oom,$*),$(OOM_STEP))

## tsan: runs Lua states in several threads under ThreadSanitizer
.PHONY: tsan
tsan: $(B)/tsan/threads
	@$(call spec_environment,tsan/) .ci/check tsan/threads $(unrandomized) $(B)/tsan/threads

## fuzz: runs every libFuzzer harness for FUZZ_SECONDS; what it finds stays in build/fuzz/NAME
fuzz_runs := $(foreach v,$(fuzz_variants),$(addprefix run/$v/,$(fuzzers)))
.PHONY: fuzz $(fuzz_runs)
fuzz: $(addprefix run/fuzz/,$(fuzzers))
$(fuzz_runs): run/%: $(B)/%
	@.ci/fuzz $< $(FUZZ_SECONDS)

# What tests say of memory is not true here, where hooks and counters take some: only other targets judge.
## coverage: lines of the C core and of the Lua modules that the tests reach
.PHONY: coverage
coverage: $(B)/coverage/runloop/core.so $(addprefix $(B)/coverage/,$(unit_tests) oom)
	@rm -f $(B)/coverage/*.gcda
	@for program in $(unit_tests); do $(B)/coverage/$$program >/dev/null 2>&1; done
	@$(call spec_environment,coverage/) $(B)/coverage/oom 40 >/dev/null
	-@$(call spec_environment,coverage/) $(busted) --helper=.ci/lua_coverage.lua --exclude-tags=packaging,heavy,long $(SPECS)
	@.ci/c_coverage

lints := $(addprefix lint-,luacheck lua51 globals format warnings ports analyzer tidy cppcheck symbols layers)
c_files := $(wildcard src/*.[ch] src/embed/*.[ch] spec/c/*.[ch] bench/*.[ch] examples/*.[ch])
c_sources := $(filter %.c,$(c_files))
lint_flags = -std=c99 -DRL_TEST_ALLOC -Isrc -Ibuild $(LUA_CFLAGS) $(curl_cflags)

## lint: luacheck, clang-format, clang-tidy, cppcheck, gcc's analyzer and more
.PHONY: lint $(lints)
lint: $(lints)
$(lints): | packages
lint-luacheck:
	@.ci/check luacheck luacheck --quiet .
# The library is to run in Lua 5.1 and LuaJIT one day.
lint-lua51:
	@.ci/check lua5.1 luac5.1 -p $(addprefix lua/,$(lua_files))
lint-globals:
	@.ci/check globals lua5.4 .ci/globals.lua luac5.4 $(addprefix lua/,$(lua_files))
lint-format:
	@.ci/check clang-format clang-format --dry-run --Werror $(c_files)
lint-warnings: build/runloop.c
	@.ci/check clang clang -fsyntax-only $(warnings) -Werror $(lint_flags) $(c_sources)
# The binding against the headers of every Lua that is there.
lint-ports:
	@for name in lua5.1 lua5.2 lua5.3 lua5.4 lua5.5 luajit; do \
	  flags=`$(PKG_CONFIG) --cflags $$name 2>/dev/null` || continue; \
	  for compiler in gcc clang; do \
	    .ci/check "$$compiler with $$name" $$compiler -std=c99 -fsyntax-only $(warnings) -Werror $$flags $(curl_cflags) \
	      src/lua_*.c || exit; \
	  done; \
	done
lint-analyzer:
	@for source in $(wildcard src/*.c); do \
	  .ci/check "gcc -fanalyzer $$source" \
	    gcc -fanalyzer -O2 -Werror $(lint_flags) -c -o /dev/null $$source || exit; \
	done
lint-tidy: build/runloop.c
	@.ci/check clang-tidy clang-tidy --quiet $(c_sources) -- $(lint_flags)
lint-cppcheck:
	@.ci/check cppcheck cppcheck --quiet --error-exitcode=1 --std=c99 --inline-suppr \
	  --enable=warning,performance,portability -Isrc src
lint-symbols: $(B)/runloop/core.so
	@.ci/check symbols .ci/symbols $(B)/runloop/core.so
lint-layers: $(addprefix $(B)/release/,$(objects))
	@.ci/check layers .ci/layers $^

## types: writes the annotations and the reference of the API from its rows and shapes
.PHONY: types
types: build/runloop/core.so
	@$(call lua_environment) $(LUA) docs/generate.lua

## bench: measures against a bare libcurl program and luasocket with lua-cjson; BENCH_FLAGS=--quick
.PHONY: bench
bench: $(B)/runloop/core.so
	@$(call lua_environment) bench/run $(BENCH_FLAGS)

## bench-instructions: counts the instructions of decoding a page
.PHONY: bench-instructions
bench-instructions: $(B)/runloop/core.so
	@$(call lua_environment) bench/instructions $(BENCH_FLAGS)

## rockspec: brings the rockspecs' lists of files up to date
.PHONY: rockspec
rockspec: | packages
	@$(LUA) .ci/rockspec.lua $(version) $(wildcard src/*.c) $(addprefix lua/,$(lua_files))

lua_directory = $(DESTDIR)$(PREFIX)/share/lua/$(lua_abi)
core_directory = $(DESTDIR)$(PREFIX)/lib/lua/$(lua_abi)
pc_directory = $(DESTDIR)$(PREFIX)/lib/pkgconfig
define pc
prefix=$(PREFIX)
lua_path=$${prefix}/share/lua/$(lua_abi)/?.lua;$${prefix}/share/lua/$(lua_abi)/?/init.lua
lua_cpath=$${prefix}/lib/lua/$(lua_abi)/?.so

Name: runloop for Lua $(lua_abi)
Description: A client for the Runloop API; require "runloop" finds it with these lua_path and lua_cpath
Version: $(version)
endef
export pc

## install: copies the module below PREFIX (/usr/local), itself below DESTDIR
.PHONY: install
install: $(B)/runloop/core.so
	install -d "$(core_directory)/runloop" $(foreach d,$(sort $(dir $(lua_files))),"$(lua_directory)/$d")
	install -m 755 $(B)/runloop/core.so "$(core_directory)/runloop/core.so"
	for file in $(lua_files); do install -m 644 "lua/$$file" "$(lua_directory)/$$file" || exit; done
	install -d "$(pc_directory)"
	printf '%s\n' "$$pc" >"$(pc_directory)/runloop-lua$(lua_abi).pc"
	chmod 644 "$(pc_directory)/runloop-lua$(lua_abi).pc"

## uninstall: takes that away again
.PHONY: uninstall
uninstall:
	rm -rf "$(lua_directory)/runloop" "$(core_directory)/runloop" "$(pc_directory)/runloop-lua$(lua_abi).pc"

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
