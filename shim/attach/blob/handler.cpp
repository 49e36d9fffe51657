// The SIGPIPE handler of a static program, which no library reaches: it stands alone, without libc, on pages of its
// own. Which SIGPIPE it averts is not decided here but in guard/raised.cpp and program/fd.cpp, which are the shim's.
#define NOSIGPIPE_WITHOUT_LOG
#include "attach/blob/layout.h"
#include "guard/raised.h"
#include "system/kernel.h"
#include "system/options.h"
#include "system/proc.h"

// One object, of which all that the handler does not need is left out.
#include "guard/raised.cpp"
#include "program/fd.cpp"
#include "system/syscall.cpp"

// Found by their names in layout.ld and below.
extern "C" {
[[gnu::section(".blob.data"), gnu::used]] blob::Data nosigpipe_data;
void nosigpipe_restorer();
}

namespace {

static_assert(blob::kMask == kernel::kAllButFaults);
static_assert(blob::kFlags == (SA_SIGINFO | SA_ONSTACK | SA_RESTART | 0x04000000));

constexpr Options kDefaults{};

// In the order of the texts below.
unsigned place_of(long number) {
  unsigned place = 0;
#define SYSTEM_CALL(name, number_, fd, asked, quiet, raises) \
  if (number == (number_)) return place;                     \
  ++place;
#include "functions.def"
  return place;
}

using Sigaction = blob::Sigaction<unsigned long>;

void set(const Sigaction* act, Sigaction* before) {
  kernel::call(SYS_rt_sigaction, SIGPIPE, act, before, sizeof(kernel::Signals));
}

// As handler_stubs::deliver does it for SIG_DFL, but it does not ask first whether a signal may be raised here: for
// that there is no room on the page.
void die(const siginfo_t& info) {
  if (kernel::pid() == 1) return;
  const Sigaction fatal{};
  Sigaction ours;
  set(&fatal, &ours);
  kernel::raise_again(info);
  Sigaction stands;
  set(nullptr, &stands);
  if (stands.handler == 0) set(&ours, nullptr);
}

}  // namespace

// What the rule asks of the rest of the shim. Nobody has set options, and /proc is not read.
const Options& options::get() { return kDefaults; }
int proc::fd_limit() { return -1; }

extern "C" [[gnu::used]] void nosigpipe_handler(int, siginfo_t* info, void* context) {
  if (!kernel::has_raised(*info)) return die(*info);
  arch::program = {static_cast<std::uintptr_t>(nosigpipe_data.code), static_cast<std::size_t>(nosigpipe_data.size)};
  if (nosigpipe_data.has_glibc != 0) arch::glibc = arch::program;
  const auto at = context::read(context);
  const auto call = raised::by(at, true);
  if (!raised::is_ours(call)) return die(*info);
  __atomic_fetch_add(&nosigpipe_data.averted[place_of(at.number)], 1, __ATOMIC_RELAXED);
}

asm(".pushsection .blob.header, \"a\"\n"
    "nosigpipe_header:\n"
    ".asciz \"nosigpipe-h\"\n"
    ".long nosigpipe_code_end - nosigpipe_header, nosigpipe_data - nosigpipe_header\n"
    ".long nosigpipe_handler - nosigpipe_header, nosigpipe_restorer - nosigpipe_header\n"
    ".long 1f - nosigpipe_header\n"
    "1: .asciz \"" NOSIGPIPE_VERSION
    "\"\n"
#define SYSTEM_CALL(name, number, fd, asked, quiet, raises) ".asciz \"" #name "\"\n"
#include "functions.def"
    ".asciz \"syscall\"\n"
    ".byte 0\n"
    ".popsection\n");

// These very instructions, as debuggers and unwinders know libc's by them.
#ifdef __x86_64__
asm("nosigpipe_restorer: mov $15, %rax\nsyscall");
static_assert(SYS_rt_sigreturn == 15);
#else
asm("nosigpipe_restorer: mov $173, %eax\nint $0x80");
static_assert(SYS_rt_sigreturn == 173);
#endif
