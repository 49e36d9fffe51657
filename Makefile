# nosigpipe: `make help` lists what can be made. Needs make, a C++20 compiler and libc.

VERSION = 0.1.0
PREFIX = /usr/local
LIBDIR = $(PREFIX)/lib
BINDIR = $(PREFIX)/bin
DATADIR = $(PREFIX)/share
MANDIR = $(DATADIR)/man
DOCDIR = $(DATADIR)/doc/nosigpipe
BASHDIR = $(DATADIR)/bash-completion/completions
ZSHDIR = $(DATADIR)/zsh/site-functions
FISHDIR = $(DATADIR)/fish/vendor_completions.d

# CXXFLAGS, CPPFLAGS, CFLAGS and LDFLAGS are those of the environment.
CXXFLAGS ?= -O2 -g
WARNINGS = -Wall -Wextra -Wconversion -Wshadow -Werror
BUILD = build

# `make V=1` shows the commands.
SAY = @$(if $(V),set -x;,echo '  make  $@';)

# An include names the room: "log/fields.h". They are linked in this order, so that what runs at the start lies together,
# and what it writes stands in .bss before the big tables, on the page of .data: some page faults less for each process.
ROOMS = system program guard log unwind
INCLUDES = -iquote shim
# No file says in which directory it was built.
PREFIX_MAP = '-ffile-prefix-map=$(CURDIR)=.'

# The shim is linked by the C compiler: what would need the C++ runtime is an error here, not a dependency there. gcc reads
# -Wp behind all else, and a distribution defines by -Wp or without; 64-bit offsets and times rename what hooks.cpp defines.
UNDEFINED = -Wp,-U_FORTIFY_SOURCE,-U_GLIBCXX_ASSERTIONS,-U_FILE_OFFSET_BITS,-U_TIME_BITS
SHIM_CXXFLAGS = -std=c++20 $(WARNINGS) $(INCLUDES) $(PREFIX_MAP) -fPIC -fvisibility=hidden -fno-exceptions -fno-rtti -fno-threadsafe-statics \
  -fno-stack-protector $(UNDEFINED) -fasynchronous-unwind-tables -ftls-model=initial-exec -DNOSIGPIPE_VERSION='"$(VERSION)"'
SHIM_LDFLAGS = -shared -nostartfiles -static-libgcc -Wl,-soname,libnosigpipe.so -Wl,-z,defs,-z,now,-z,relro,-z,nodelete,-z,noexecstack,-z,noseparate-code -Wl,-Bsymbolic-functions -Wl,--as-needed -Wl,--hash-style=both
# The same, to be loaded into a process that runs: its variables of each thread by descriptors, which glibc and musl know
# and which need no symbol of theirs. clang has them since version 19 only: what it builds is for glibc alone.
LATE_LIBRARY = $(if $(filter x86_64-% i%86-%,$(shell $(CC) -dumpmachine)),$(BUILD)/libnosigpipe-attach.so)
LIBRARIES = libnosigpipe.so $(notdir $(LATE_LIBRARY))
LATE_TLS = $(if $(findstring clang,$(CXX)),initial-exec,global-dynamic -mtls-dialect=gnu2)
LATE_CXXFLAGS = $(patsubst -ftls-model=%,-ftls-model=$(LATE_TLS),$(SHIM_CXXFLAGS)) -DNOSIGPIPE_LATE

REPORT_CXXFLAGS = -std=c++20 $(WARNINGS) $(INCLUDES) $(PREFIX_MAP) -DNOSIGPIPE_VERSION='"$(VERSION)"'
# Compiled more often than run. Includes are written from two roots: "support/process.h", "log/timestamp.h".
TEST_INCLUDES = -iquote tests $(INCLUDES)
TEST_CXXFLAGS = -std=c++20 $(WARNINGS) $(TEST_INCLUDES) -pthread -O0 -g0
JOBS = $(shell nproc)

SHIM_SOURCES = $(sort $(wildcard shim/*.cpp)) $(foreach room,$(ROOMS),$(sort $(wildcard shim/$(room)/*.cpp)))
TOOLS_SOURCES = $(sort $(wildcard shim/tools/*.cpp))
REPORT_SOURCES = $(sort $(wildcard shim/report/*.cpp)) $(TOOLS_SOURCES)
DOCTOR_SOURCES = $(sort $(wildcard shim/doctor/*.cpp)) $(TOOLS_SOURCES)
ATTACH_SOURCES = $(sort $(wildcard shim/attach/*.cpp)) $(addprefix shim/doctor/,elf_headers.cpp in_force.cpp library.cpp mapped_shim.cpp proc_file.cpp) $(TOOLS_SOURCES)
TOOLS = nosigpipe-report nosigpipe-doctor nosigpipe-attach
TOOL_LDFLAGS = -Wl,-z,now,-z,relro,-z,noexecstack
PROGRAMS = nosigpipe $(TOOLS)
SHIM_OBJECTS = $(SHIM_SOURCES:%.cpp=$(BUILD)/%.o)
LATE_SOURCES = $(filter-out shim/start.cpp,$(SHIM_SOURCES)) $(wildcard shim/late/*.cpp)
LATE_OBJECTS = $(LATE_SOURCES:%.cpp=$(BUILD)/late/%.o)
REPORT_OBJECTS = $(REPORT_SOURCES:%.cpp=$(BUILD)/%.o) $(BUILD)/shim/report/page.o
DOCTOR_OBJECTS = $(DOCTOR_SOURCES:%.cpp=$(BUILD)/%.o)
ATTACH_OBJECTS = $(ATTACH_SOURCES:%.cpp=$(BUILD)/%.o)
TOOL_OBJECTS = $(patsubst %.cpp,$(BUILD)/%.o,$(sort $(REPORT_SOURCES) $(DOCTOR_SOURCES) $(ATTACH_SOURCES)))
# What is built of tests/ mirrors its folders.
SUITES = $(patsubst %.cpp,$(BUILD)/%,$(wildcard tests/*_test.cpp tests/foreign/*_test.cpp))
FOREIGN_SUITES = $(filter $(BUILD)/tests/foreign/%,$(SUITES))
CROSS_SUITE = $(BUILD)/tests/cross_test
BROWSER_SUITE = $(BUILD)/tests/browser_test
DEPLOY_SUITE = $(BUILD)/tests/deploy_test
OWN_SUITES = $(filter-out $(FOREIGN_SUITES) $(CROSS_SUITE) $(BROWSER_SUITE) $(DEPLOY_SUITE),$(SUITES))
# They build all of it again and again, play the demo, try everything with everything, or wait for seconds: more than half
# of the time that all take.
SLOW_SUITES = $(patsubst %,$(BUILD)/tests/%_test,build install demo matrix partial runaway interleavings attach static_attach late)
TEST_SUPPORT = $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard tests/support/*.cpp))
VICTIM_LIBRARIES = $(patsubst %.cpp,$(BUILD)/%.so,$(wildcard tests/victims/lib*.cpp))
VICTIMS = $(patsubst %.cpp,$(BUILD)/%,$(filter-out tests/victims/lib%.cpp,$(wildcard tests/victims/*.cpp)))
SCENES = $(BUILD)/tests/victims/scenes/scenes
DEMO_PROGRAMS = $(patsubst demo/%.cpp,$(BUILD)/demo/%,$(wildcard demo/*.cpp))
# Each part with the sources whose schedules are explored: as they are, but for what yielding.h makes of their steps.
INTERLEAVED = $(BUILD)/interleaved
INTERLEAVED_stubs = $(patsubst %,$(INTERLEAVED)/%.o,$(addprefix shim/program/,handler_stubs disposition mask policy fd) \
  $(addprefix shim/guard/,sigpipe_handler raised call wrappers) tests/interleavings/kernel_model)
INTERLEAVED_call_sites = $(patsubst %,$(INTERLEAVED)/shim/log/%.o,call_sites event memory)
INTERLEAVED_log_fd = $(patsubst %,$(INTERLEAVED)/shim/%.o,log/destination log/memory log/nonblocking_write system/kept_file)
INTERLEAVED_modules = $(INTERLEAVED)/shim/unwind/modules.o
INTERLEAVED_policy = $(INTERLEAVED)/shim/program/policy.o
INTERLEAVINGS = $(patsubst %,$(BUILD)/tests/interleavings/%,explorer stubs call_sites modules log_fd policy)
BENCH_DIR = $(BUILD)/tests/bench
BENCH_PARTS = bench calls exact servers start stops report
SOURCES = $(wildcard $(foreach d,shim shim/* shim/*/* tests tests/* tests/*/* demo,$(d)/*.cpp $(d)/*.h))
SCRIPTS = .ci/run tests/run tests/roots tests/kernels tests/package_roots tests/compilers tests/sanitized tests/elsewhere tests/install tests/fuzz/run shim/nosigpipe.sh shim/package/build $(wildcard demo/*.sh tests/*.sh) \
  demo/deploy/try demo/deploy/init.d/server $(wildcard demo/deploy/*/run demo/deploy/*/alone demo/deploy/*/try.sh)

.PHONY: all demo test test-slow test-foreign test-browser test-deploy test-cross test-roots test-kernels test-suites test-suites-fast test-compilers test-sanitized test-elsewhere test-all fuzz soak mutants interleavings bench install uninstall deb rpm test-packages clean format lint help
.DELETE_ON_ERROR:
.SECONDARY:

all: libraries $(PROGRAMS:%=$(BUILD)/%) ## build the shim and its programs into build/

.PHONY: libraries
libraries: $(LIBRARIES:%=$(BUILD)/%)

$(BUILD)/libnosigpipe.so: $(SHIM_OBJECTS)
	$(SAY)$(CC) $(CFLAGS) $(PREFIX_MAP) $(LDFLAGS) $(SHIM_LDFLAGS) -o $@ $^

$(BUILD)/libnosigpipe-attach.so: $(LATE_OBJECTS) shim/late/exports
	$(SAY)$(CC) $(CFLAGS) $(PREFIX_MAP) $(LDFLAGS) $(SHIM_LDFLAGS:%,libnosigpipe.so=%,$(@F)) -Wl,--version-script=shim/late/exports -o $@ $(LATE_OBJECTS)

# To it libc's names are those of bytes, where a link-time optimizer has seen functions.
$(BUILD)/late/shim/late/functions.o: LATE_CXXFLAGS += -fno-lto

$(LATE_OBJECTS): $(BUILD)/late/%.o: %.cpp Makefile
	@mkdir -p $(@D)
	$(SAY)$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(LATE_CXXFLAGS) -MMD -MP -c -o $@ $<

# An older compiler fails at each file in a way of its own, so it is asked once.
NEW_ENOUGH = (defined __clang__ && __clang_major__ >= 14) || (!defined __clang__ && __GNUC__ >= 11)
new-enough-compiler:
	@answer=$$(printf '\043if $(NEW_ENOUGH)\nyes\n\043endif\n' | $(CXX) -E -P -x c++ -) || exit 1; \
	test "$$answer" || { echo "nosigpipe: $(CXX) is older than gcc 11 or clang 14; choose another: make CXX=... CC=..." >&2; exit 1; }
.PHONY: new-enough-compiler

$(SHIM_OBJECTS) $(LATE_OBJECTS) $(TOOL_OBJECTS): | new-enough-compiler

$(SHIM_OBJECTS): $(BUILD)/%.o: %.cpp Makefile
	@mkdir -p $(@D)
	$(SAY)$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(SHIM_CXXFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/nosigpipe-report: $(REPORT_OBJECTS)
	$(SAY)$(CXX) $(CXXFLAGS) $(PREFIX_MAP) $(LDFLAGS) $(TOOL_LDFLAGS) -o $@ $^

# Each start by the launcher starts it, too, and the C++ library takes half of that when it is loaded.
$(BUILD)/nosigpipe-doctor: $(DOCTOR_OBJECTS)
	$(SAY)$(CXX) $(CXXFLAGS) $(PREFIX_MAP) $(LDFLAGS) $(TOOL_LDFLAGS) -static-libstdc++ -static-libgcc -o $@ $^

$(BUILD)/nosigpipe-attach: $(ATTACH_OBJECTS)
	$(SAY)$(CXX) $(CXXFLAGS) $(PREFIX_MAP) $(LDFLAGS) $(TOOL_LDFLAGS) -static-libstdc++ -static-libgcc -o $@ $^

# The handler of static programs: code that runs wherever it is put, which is seen by linking it at two addresses. For
# 32-bit programs only where the compiler can; else that image is empty, and nosigpipe-attach says so.
BLOB = $(BUILD)/shim/attach/blob
BLOB_CXXFLAGS = -std=c++20 $(WARNINGS) $(INCLUDES) -Os -fPIE -ffreestanding -fvisibility=hidden -fno-exceptions -fno-rtti \
  -fno-threadsafe-statics -fno-stack-protector $(UNDEFINED) -fno-asynchronous-unwind-tables -fno-jump-tables \
  -ffunction-sections -fdata-sections -DNOSIGPIPE_VERSION='"$(VERSION)"'
BLOB_LDFLAGS = -nostdlib -static -Wl,--gc-sections,--build-id=none,--no-warn-rwx-segments,-e,nosigpipe_handler,-T,shim/attach/blob/layout.ld
# Of gcc; clang finds out by itself what nobody calls.
BLOB_WHOLE = $(if $(findstring clang,$(CXX)),,-fwhole-program)
BLOB_CLASS_x86_64 = -m64
BLOB_CLASS_i386 = -m32
BLOB_IMAGES = $(if $(filter x86_64,$(shell uname -m)),$(BLOB)/x86_64.bin $(BLOB)/i386.bin)

$(BLOB)/%.bin: shim/attach/blob/handler.cpp shim/attach/blob/layout.ld Makefile | new-enough-compiler
	@mkdir -p $(@D)
	$(SAY)if [ $* != i386 ] || echo '#include <signal.h>' | $(CXX) -m32 -fsyntax-only -x c++ - 2>/dev/null; then \
	  $(CXX) $(BLOB_CLASS_$*) $(BLOB_CXXFLAGS) $(BLOB_WHOLE) -MMD -MP -MT $@ -c -o $@.o $< && \
	  $(CXX) $(BLOB_CLASS_$*) $(BLOB_CXXFLAGS) -c -o $@.memory.o shim/system/memory.cpp && \
	  for address in 0 0x40001000; do \
	    $(CXX) $(BLOB_CLASS_$*) $(BLOB_LDFLAGS),--defsym,address=$$address -o $@.$$address $@.o $@.memory.o && \
	    objcopy -O binary -j .code $@.$$address $@.$$address.bin || exit 1; \
	  done && cmp $@.0.bin $@.0x40001000.bin && mv $@.0.bin $@; \
	else : >$@; fi

# A link-time optimizer would assemble them elsewhere: without this option, and apart from who uses the labels.
$(BUILD)/shim/attach/handler_image.o $(BUILD)/shim/attach/stretch.o: REPORT_CXXFLAGS += -Wa,-I$(BLOB) -fno-lto
$(BUILD)/shim/attach/handler_image.o: $(BLOB_IMAGES)

# Name the place that they are installed in.
$(BUILD)/shim/doctor/library.o $(BUILD)/shim/attach/main.o: REPORT_CXXFLAGS += -DNOSIGPIPE_LIBDIR='"$(LIBDIR)"'
$(BUILD)/shim/doctor/library.o $(BUILD)/shim/attach/main.o: $(BUILD)/libdir

$(TOOL_OBJECTS): $(BUILD)/%.o: %.cpp Makefile
	@mkdir -p $(@D)
	$(SAY)$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(REPORT_CXXFLAGS) -MMD -MP -c -o $@ $<

# The page of --html names its style and its script by their hashes, as a policy for the browser.
PAGE = $(patsubst %,shim/report/page/%,page.html style.css dom.js sites.js flame.js timeline.js main.js)
define PAGE_SOURCE
@echo '  make  $@'
@mkdir -p $(@D)
@cat $(filter %.js,$^) >$@.js
@set -e; hash() { env printf "$$({ echo; cat "$$1"; } | sha256sum | sed 's/[^0-9a-f]//g; s/../\\x&/g')" | base64; }; \
script=$$(hash $@.js); style=$$(hash shim/report/page/style.css); test $${#script}$${#style} = 4444; \
{ printf '#include "report/page.h"\nconstinit const std::string_view report::kPage = R"page('; \
  sed -e "s|@SCRIPT_HASH@|$$script|; s|@STYLE_HASH@|$$style|" \
      -e '/@SCRIPT@/{r $@.js' -e 'd}' -e '/@STYLE@/{r shim/report/page/style.css' -e 'd}' shim/report/page/page.html; \
  echo ')page";'; } >$@
@rm -f $@.js
endef

$(BUILD)/shim/report/page.cpp: $(PAGE) Makefile
	$(PAGE_SOURCE)

$(BUILD)/shim/report/page.o: %.o: %.cpp
	$(SAY)$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(REPORT_CXXFLAGS) -c -o $@ $<

# The launcher's options and their help are those of the one list the shim is compiled from.
define LAUNCHER_SCRIPT
@echo '  make  $@'
@awk -f shim/options.awk shim/options.def >$@.help
@names=$$(awk -v names=1 -f shim/options.awk shim/options.def); \
sed -e "s/@VERSION@/$(VERSION)/; s/@OPTIONS@/$$names/; s|@LIBDIR@|$(LIBDIR)|" \
    -e '/@OPTION_HELP@/{r $@.help' -e 'd}' shim/nosigpipe.sh >$@
@rm -f $@.help
@chmod +x $@
endef

$(BUILD)/nosigpipe: shim/nosigpipe.sh shim/options.def shim/options.awk $(BUILD)/libdir Makefile
	$(LAUNCHER_SCRIPT)

# Changes where LIBDIR does, so that a launcher built for one place is not installed into another.
$(BUILD)/libdir: FORCE | $(BUILD)
	@echo '$(LIBDIR)' | cmp -s - $@ || echo '$(LIBDIR)' >$@
.PHONY: FORCE

$(BUILD)/tests/%.o: tests/%.cpp Makefile
	@mkdir -p $(@D)
	$(SAY)$(CXX) $(CXXFLAGS) $(TEST_CXXFLAGS) -MMD -MP -c -o $@ $<

$(SUITES): %: %.o $(TEST_SUPPORT)
	$(SAY)$(CXX) $(CXXFLAGS) -pthread -o $@ $^ $(CATCH_LIBS) -ldl

# Catch2 3 is a library, Catch2 2 a header.
CATCH_LIBS = $(if $(wildcard $(foreach d,/usr/include /usr/local/include,$(d)/catch2/catch_session.hpp)),-lCatch2)

# A victim knows nothing of the shim, and finds none of its headers.
$(BUILD)/tests/victims/%: TEST_INCLUDES = -iquote tests

$(VICTIMS): %: %.o
$(SCENES): $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard tests/victims/scenes/*.cpp))
$(VICTIMS) $(SCENES):
	$(SAY)$(CXX) $(CXXFLAGS) -pthread -o $@ $^ -ldl -lrt -lutil

$(VICTIM_LIBRARIES): $(BUILD)/%.so: %.cpp Makefile
	@mkdir -p $(@D)
	$(SAY)$(CXX) $(CXXFLAGS) $(TEST_CXXFLAGS) -fPIC -shared -MMD -MP -MF $(@:.so=.d) -o $@ $<

$(BUILD)/demo/%: demo/%.cpp Makefile | $(BUILD)/demo
	$(SAY)$(CXX) $(TEST_CXXFLAGS) $(CXXFLAGS) -MMD -MP -MF $@.d -o $@ $<

# What is measured is compiled as programs are, what measures as tests are.
$(BENCH_DIR)/bench: $(BENCH_PARTS:%=$(BENCH_DIR)/%.o) $(patsubst %,$(BUILD)/tests/support/%.o,process strings)
	$(SAY)$(CXX) $(CXXFLAGS) -pthread -o $@ $^

$(BENCH_DIR)/load: tests/bench/load.cpp Makefile
	@mkdir -p $(@D)
	$(SAY)$(CXX) $(TEST_CXXFLAGS) $(CXXFLAGS) -MMD -MP -MF $@.d -o $@ $<

$(BENCH_DIR)/lib%.so: tests/bench/lib%.cpp Makefile
	@mkdir -p $(@D)
	$(SAY)$(CXX) $(TEST_CXXFLAGS) $(CXXFLAGS) -fPIC -shared -MMD -MP -MF $(@:.so=.d) -o $@ $< -ldl

$(BENCH_DIR)/libempty.so: Makefile
	@mkdir -p $(@D)
	$(SAY)$(CC) $(CFLAGS) $(LDFLAGS) $(SHIM_LDFLAGS) -o $@ -x c /dev/null

# Linked a hundred times, under a hundred names.
HUNDRED = $(shell seq -f '$(BENCH_DIR)/parts/libpart%.0f.so' 100)
$(HUNDRED): tests/bench/hundred.cpp | $(BENCH_DIR)/parts
	@$(CXX) -w -fPIC -shared -Dmain=part -Wl,-soname,$(@F) -o $@ $<

$(BENCH_DIR)/hundred: tests/bench/hundred.cpp $(HUNDRED)
	$(SAY)$(CXX) -Wl,--no-as-needed -Wl,-rpath,'$$ORIGIN/parts' -o $@ $^

$(BUILD) $(BUILD)/demo $(BENCH_DIR)/parts:
	mkdir -p $@

DEMO_PARTS = $(patsubst %,$(BUILD)/%,libnosigpipe.so nosigpipe nosigpipe-doctor)
demo: ## kill servers with SIGPIPE, then keep the same ones alive
	@$(MAKE) --no-print-directory -j$(JOBS) $(DEMO_PARTS) $(DEMO_PROGRAMS)
	@BUILD=$(BUILD) demo/demo.sh

test: ## install what the tests need and run them
	tests/install test
	@$(MAKE) --no-print-directory -j$(JOBS) test-programs
	@tests/run $(filter-out $(SLOW_SUITES),$(OWN_SUITES))

test-slow: ## the same for what takes minutes: the matrix, the build, the demo, running processes
	tests/install test
	@$(MAKE) --no-print-directory -j$(JOBS) test-programs
	@tests/run $(SLOW_SUITES)

test-foreign: ## the same for unmodified servers of the distribution
	tests/install test foreign
	@$(MAKE) --no-print-directory -j$(JOBS) all $(FOREIGN_SUITES) $(VICTIM_LIBRARIES)
	@tests/run $(FOREIGN_SUITES)

test-browser: ## the same for the page of nosigpipe-report --html, in Chromium
	tests/install test browser
	@$(MAKE) --no-print-directory -j$(JOBS) all $(BROWSER_SUITE)
	@tests/run $(BROWSER_SUITE)

test-deploy: ## the same for each deployment of demo/deploy, as it is written there
	tests/install test deploy
	@$(MAKE) --no-print-directory -j$(JOBS) all $(DEMO_PROGRAMS) $(DEPLOY_SUITE)
	@tests/run $(DEPLOY_SUITE)

# By clang, since Debian's gcc for aarch64 and gcc for i386 cannot be installed side by side.
CROSS_MACHINES = aarch64 riscv64 armhf s390x ppc64le
TARGET_aarch64 = aarch64-linux-gnu
TARGET_riscv64 = riscv64-linux-gnu
TARGET_armhf = arm-linux-gnueabihf
TARGET_s390x = s390x-linux-gnu
TARGET_ppc64le = powerpc64le-linux-gnu
test-cross: ## the same for other machines, emulated
	tests/install test cross
	@$(MAKE) --no-print-directory -j$(JOBS) $(CROSS_MACHINES) i386 $(BUILD)/libnosigpipe.so $(SCENES) $(CROSS_SUITE)
	@tests/run $(CROSS_SUITE)

.PHONY: $(CROSS_MACHINES)
$(CROSS_MACHINES):
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/$@ CXX='clang++ --target=$(TARGET_$@)' CC='clang --target=$(TARGET_$@)' \
	  $(BUILD)/$@/libnosigpipe.so $(SCENES:$(BUILD)/%=$(BUILD)/$@/%)

test-roots: ## the same in Debian 13, and the library that is built here in Debian 11; makes their roots in build/.roots
	tests/install roots
	@$(MAKE) --no-print-directory -j$(JOBS) all i386
	@tests/roots $(BUILD)

test-kernels: ## run what the kernel has a say in under those of Debian 11, 12 and 13, in QEMU
	tests/install test kernels
	@$(MAKE) --no-print-directory -j$(JOBS) test-programs
	@tests/kernels $(BUILD)

test-suites: ## run the test suites of others, bare, under the shim and with a log, and compare
	tests/install suites
	@$(MAKE) --no-print-directory -j$(JOBS) $(BUILD)/libnosigpipe.so $(BUILD)/tests/victims/libignoring.so
	@tests/suites/run.py $(BUILD)

test-suites-fast: ## the part of it that CI has time for
	tests/install suites
	@$(MAKE) --no-print-directory -j$(JOBS) $(BUILD)/libnosigpipe.so $(BUILD)/tests/victims/libignoring.so
	@tests/suites/run.py $(BUILD) fast

test-packages: ## make packages, and install, upgrade and remove them in Debian 12 and 13
	tests/install packages
	@$(MAKE) --no-print-directory -j$(JOBS) all completions
	@tests/package_roots $(BUILD) $(VERSION)

test-sanitized: ## run the tests of the tools with sanitizers in these; and programs under a shim that sanitizers or valgrind watch
	tests/install test watched
	@$(MAKE) --no-print-directory -j$(JOBS) test-programs
	@status=0; tests/sanitized $(BUILD) || status=1; tests/watched/run.py $(BUILD) || status=1; exit $$status

test-elsewhere: ## run the tests as an ordinary user, without IPv6, without ptrace, and on overlayfs
	tests/install test
	@$(MAKE) --no-print-directory -j$(JOBS) test-programs
	@tests/elsewhere $(BUILD)

test-all: ## what a release needs: all that CI runs, and what takes longer
	@status=0; .ci/run || status=1; \
	for target in test-compilers test-sanitized test-elsewhere test-roots test-packages test-kernels test-suites mutants; do \
	  $(MAKE) --no-print-directory $$target || { echo "FAILED   make $$target"; status=1; }; \
	done; exit $$status

test-compilers: ## build the shim with each compiler that is here, at each level
	tests/install compilers
	@tests/compilers

bench: ## measure what the shim costs, for ten minutes; BENCH=quick for two
	tests/install bench
	@$(MAKE) --no-print-directory -j$(JOBS) bench-programs
	@$(BENCH_DIR)/bench

.PHONY: bench-programs
bench-programs: all $(DEMO_PROGRAMS) $(patsubst %,$(BENCH_DIR)/%,bench load libtextbook.so libfarfd.so libflagonly.so libempty.so liblate.so hundred) $(BUILD)/tests/victims/attached

.PHONY: test-programs native-programs
test-programs: native-programs i386
native-programs: all $(OWN_SUITES) $(INTERLEAVINGS) $(VICTIMS) $(SCENES) $(VICTIM_LIBRARIES) $(DEMO_PROGRAMS) $(BENCH_DIR)/load $(BENCH_DIR)/libempty.so

# The shim for 32-bit programs, and programs to try it on.
.PHONY: i386
i386:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/i386 CXXFLAGS='$(CXXFLAGS) -m32' CFLAGS='$(CFLAGS) -m32' \
	  $(BUILD)/i386/libnosigpipe.so $(LATE_LIBRARY:$(BUILD)/%=$(BUILD)/i386/%) $(SCENES:$(BUILD)/%=$(BUILD)/i386/%) \
	  $(patsubst %,$(BUILD)/i386/tests/victims/%,steps_victim attached libstandin.so)

# Each fuzzer with the sources that it feeds.
FUZZ_SECONDS = 60
FUZZERS = $(patsubst tests/fuzz/%.cpp,$(BUILD)/tests/fuzz/%,$(wildcard tests/fuzz/*.cpp))
FUZZ_CXX = clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZED_options = shim/system/kept_file.cpp shim/system/syscall.cpp
FUZZED_reader = $(filter-out shim/report/main.cpp,$(REPORT_SOURCES)) $(BUILD)/shim/report/page.cpp
FUZZED_unwind = $(patsubst %,shim/unwind/%.cpp,unwind cfi guess rows)
FUZZED_path = $(wildcard shim/unwind/*.cpp) shim/system/kept_file.cpp shim/system/proc.cpp shim/system/syscall.cpp
FUZZED_attach = $(patsubst %,shim/%.cpp,attach/modules attach/filter attach/machine doctor/elf_headers tools/fd)
FUZZED_record = shim/log/record_writer.cpp $(FUZZED_reader)

.SECONDEXPANSION:
$(FUZZERS): $(BUILD)/tests/fuzz/%: tests/fuzz/%.cpp $$(FUZZED_$$*) $(wildcard tests/fuzz/*.h shim/*.def shim/*/*.h shim/*/*.def) Makefile
	@mkdir -p $(@D)
	$(SAY)$(FUZZ_CXX) $(WARNINGS) $(TEST_INCLUDES) -o $@ $(filter %.cpp,$^)

fuzz: ## feed the readers with what fuzzers make up, FUZZ_SECONDS (default 60) each
	tests/install fuzz
	@$(MAKE) --no-print-directory -j$(JOBS) fuzzers
	tests/fuzz/run $(FUZZ_SECONDS) $(FUZZERS)

.PHONY: fuzzers
fuzzers: $(FUZZERS)

SOAK = $(BUILD)/tests/soak/soak
$(SOAK): $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard tests/soak/*.cpp)) $(patsubst %,$(BUILD)/tests/support/%.o,process strings)
	$(SAY)$(CXX) $(CXXFLAGS) -pthread -o $@ $^

SOAK_MINUTES = 2
soak: ## keep servers under attack for SOAK_MINUTES (default 2), or until SOAK_ABORTED connections have been left
	tests/install soak
	@$(MAKE) --no-print-directory -j$(JOBS) soak-programs
	@$(SOAK) $(SOAK_MINUTES) $(SOAK_ABORTED)

.PHONY: soak-programs
soak-programs: all $(DEMO_PROGRAMS) $(BUILD)/tests/victims/churn $(SOAK)

mutants: ## change the shim in many small ways, and say of which no test knows; EACH=n made up for each folder
	tests/install test mutants
	@$(MAKE) --no-print-directory -j$(JOBS) test-programs
	@tests/mutants/run.py $(BUILD)

$(INTERLEAVED)/%.o: %.cpp Makefile
	@mkdir -p $(@D)
	$(SAY)$(CXX) $(CXXFLAGS) -std=c++20 $(WARNINGS) $(TEST_INCLUDES) -fno-threadsafe-statics -DNOSIGPIPE_VERSION='"$(VERSION)"' \
	  -include tests/interleavings/yielding.h -MMD -MP -c -o $@ $<

$(INTERLEAVINGS): $(BUILD)/tests/interleavings/%: $(INTERLEAVED)/tests/interleavings/%.o $(INTERLEAVED)/tests/interleavings/schedules.o \
  $$(INTERLEAVED_$$*) $(BUILD)/shim/system/syscall.o
	@mkdir -p $(@D)
	$(SAY)$(CXX) $(CXXFLAGS) -o $@ $^

interleavings: ## try all schedules of a few threads in the shim's own code
	tests/install test
	@$(MAKE) --no-print-directory -j$(JOBS) $(INTERLEAVINGS)
	@for part in $(INTERLEAVINGS); do $$part || exit 1; done

# Made from the lists of options: completions/SHELL/PROGRAM.
LISTS_nosigpipe = shim/options.def shim/nosigpipe.sh
LISTS_nosigpipe-report = shim/report/options.def
LISTS_nosigpipe-doctor = shim/doctor/options.def
LISTS_nosigpipe-attach = shim/attach/options.def shim/options.def
COMPLETIONS = $(foreach shell,bash zsh fish,$(PROGRAMS:%=$(BUILD)/completions/$(shell)/%))
$(COMPLETIONS): $(BUILD)/completions/%: $(wildcard shim/completions/*) $(foreach program,$(PROGRAMS),$(LISTS_$(program))) Makefile
	@mkdir -p $(@D)
	@echo '  make  $@'
	@options() { awk -v shell=$(*D) -v program=$(*F) "$$@" -f shim/completions/options.awk $(LISTS_$(*F)); }; options >$@.options; \
	  sed -e "s/@PROGRAM@/$(*F)/g; s/@FUNCTION@/_$(subst -,_,$(*F))/g; s/@LONE@/$$(options -v lone=1)/" \
	    -e '/^@OPTIONS@$$/{r $@.options' -e 'd}' shim/completions/$(*D) >$@
	@rm $@.options

.PHONY: completions
completions: $(COMPLETIONS)

# What debuggers want lies apart, where they look for it: in .debug beside the file.
$(BUILD)/stripped/%: $(BUILD)/%
	@mkdir -p $(@D)
	$(SAY)objcopy --only-keep-debug $< $@.debug && strip -o $@ $< && objcopy --add-gnu-debuglink=$@.debug $@

# Mode, file and place. The library comes first, so that no launcher is there without it. NOSTRIP=1 is for those whose tools
# strip what was installed.
STRIPPED = $(BUILD)$(if $(NOSTRIP),,/stripped)
define INSTALLED_LIBRARY
$(if $(NOSTRIP),,644 $(STRIPPED)/$(1).debug $(LIBDIR)/.debug/$(1).debug)
644 $(STRIPPED)/$(1) $(LIBDIR)/$(1)

endef
INSTALLED_LIBRARIES = $(foreach library,$(LIBRARIES),$(call INSTALLED_LIBRARY,$(library)))
define INSTALLED_TOOL
$(if $(NOSTRIP),,644 $(STRIPPED)/$(1).debug $(BINDIR)/.debug/$(1).debug)
755 $(STRIPPED)/$(1) $(BINDIR)/$(1)

endef
define INSTALLED_COMPLETIONS
644 $(BUILD)/completions/bash/$(1) $(BASHDIR)/$(1)
644 $(BUILD)/completions/zsh/$(1) $(ZSHDIR)/_$(1)
644 $(BUILD)/completions/fish/$(1) $(FISHDIR)/$(1).fish

endef
define INSTALLED
$(INSTALLED_LIBRARIES)
$(foreach tool,$(TOOLS),$(call INSTALLED_TOOL,$(tool)))
755 $(BUILD)/nosigpipe $(BINDIR)/nosigpipe
644 shim/nosigpipe.1 $(MANDIR)/man1/nosigpipe.1
644 shim/report/nosigpipe-report.1 $(MANDIR)/man1/nosigpipe-report.1
644 shim/doctor/nosigpipe-doctor.1 $(MANDIR)/man1/nosigpipe-doctor.1
644 shim/attach/nosigpipe-attach.1 $(MANDIR)/man1/nosigpipe-attach.1
644 shim/nosigpipe.conf.5 $(MANDIR)/man5/nosigpipe.conf.5
$(foreach program,$(PROGRAMS),$(call INSTALLED_COMPLETIONS,$(program)))
644 LICENSE $(DOCDIR)/LICENSE
644 shim/CHANGELOG.md $(DOCDIR)/CHANGELOG.md
endef
EACH_INSTALLED = printf '%s\n' "$$LIST" | grep / | while read -r mode file place; do place='$(DESTDIR)'$$place;

# By a new name that is then the file's: what starts meanwhile finds the old file or the new one, and what runs keeps its own.
PUT = @$(EACH_INSTALLED) install -D -m "$$mode" "$$file" "$$place.new" && mv -f "$$place.new" "$$place" || exit 1; done

install: export LIST = $(INSTALLED)
install: all $(patsubst %,$(STRIPPED)/%,$(LIBRARIES) $(TOOLS)) completions ## install into PREFIX (default /usr/local); DESTDIR and LIBDIR are honoured
	$(PUT)

# For those of the other class.
.PHONY: install-library
install-library: export LIST = $(INSTALLED_LIBRARIES)
install-library: $(LIBRARIES:%=$(STRIPPED)/%)
	$(PUT)

uninstall: export LIST = $(INSTALLED)
uninstall: ## remove what install has put there
	@$(EACH_INSTALLED) rm -f "$$place"; done
	@rmdir '$(DESTDIR)$(LIBDIR)/.debug' '$(DESTDIR)$(BINDIR)/.debug' '$(DESTDIR)$(DOCDIR)' 2>/dev/null || :

deb: ## make Debian packages in build/deb
	shim/package/build deb $(BUILD) $(VERSION) $(DEBFLAGS)

rpm: ## make RPM packages in build/rpm
	shim/package/build rpm $(BUILD) $(VERSION) $(RPMFLAGS)

clean: ## remove build/
	rm -rf $(BUILD)

format: ## format the sources
	clang-format -i $(SOURCES)

# clang-tidy's own choice and these groups. Left out: easily-swappable-parameters, since their names say which is which;
# reserved-identifier and what cert calls it, since libc's names are what hooks are called; macro-parentheses, since the lists
# (*.def) give statements and types. For the tools, too: mt-unsafe, since each has one thread; err58-cpp, since nothing is there
# to catch what a constant throws; err33-c, since nobody could be told that a line is not said.
SHIM_CHECKS = bugprone-*,cert-*,concurrency-*,-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier,-cert-dcl37-c,-cert-dcl51-cpp,-bugprone-macro-parentheses
TOOL_CHECKS = $(SHIM_CHECKS),-concurrency-mt-unsafe,-cert-err58-cpp,-cert-err33-c
# What the library that is loaded late has otherwise stands in these files.
LATE_READ = $(wildcard shim/late/*.cpp) $(shell grep -l NOSIGPIPE_LATE $(SHIM_SOURCES))
# Options, files, what they are compiled with; a few files at a time for each processor.
TIDY = printf '%s\n' $(2) | xargs -n 6 -P $(JOBS) sh -c 'clang-tidy --quiet --warnings-as-errors="*" $(1) "$$@" -- $(INCLUDES) -std=c++20 -DNOSIGPIPE_VERSION=\"\" $(3)' -
lint: ## clang-format, clang-tidy, gcc's analyzer, shellcheck, the changelog
	tests/install lint
	clang-format --dry-run --Werror $(SOURCES)
	shellcheck $(SCRIPTS)
	@grep -m 1 '^## ' shim/CHANGELOG.md | grep -qF '[$(VERSION)]' || \
	  { echo 'shim/CHANGELOG.md does not begin with version $(VERSION)' >&2; exit 1; }
	$(call TIDY,--checks="$(SHIM_CHECKS)",$(SHIM_SOURCES),-fno-exceptions -fno-rtti)
	$(call TIDY,--checks="$(SHIM_CHECKS)",$(LATE_READ),-DNOSIGPIPE_LATE -fno-exceptions -fno-rtti)
	$(call TIDY,--checks="$(TOOL_CHECKS)",$(sort $(REPORT_SOURCES) $(DOCTOR_SOURCES) $(ATTACH_SOURCES)),-DNOSIGPIPE_LIBDIR=\"\")
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(BUILD)/analyzed CXX=g++ CC=gcc CXXFLAGS='-O1 -fanalyzer' libraries

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/*/*/*.d $(BUILD)/*/*/*/*.d)
