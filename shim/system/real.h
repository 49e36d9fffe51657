// The definitions behind ours: real::send is what send would be without the shim. Typed by libc's own headers.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "system/elf_symbols.h"

// 4.3BSD's, which glibc exports for old programs but declares no more.
struct Sigvec {
  void (*sv_handler)(int);
  int sv_mask;   // bit n-1 is signal n
  int sv_flags;  // 1: on the alternate stack, 2: interrupts system calls, 4: reset to default when it is called
};
extern "C" int sigvec(int sig, const Sigvec* vec, Sigvec* ovec);

namespace real {

// Finds all of them, so that no hot path, no signal handler and no child of vfork has to. One walk through the objects
// costs as much as a name or two.
void find_all();

// What a libc without this function (musl has no sigvec) has in its place: it answers as a kernel does, in the register
// that holds an int, a long and a pointer.
long absent();

// Where the function of this name is.
class Symbol {
 public:
  constexpr explicit Symbol(const char* name) : name_(name) {}

  // Whether it is known, from this object or from one before.
  bool find_in(const ElfSymbols& object);
  void replace_absent() {
    if (known() == nullptr) set(reinterpret_cast<void*>(absent));
  }

 protected:
  void* known() const { return at_.load(std::memory_order_relaxed); }
  void set(void* at) { at_.store(at, std::memory_order_relaxed); }

 private:
  std::atomic<void*> at_ = nullptr;
  SymbolName name_;
};

// Found when first used, so that a hook works before our constructor ran, and once more never.
template <class Prototype>
class Definition : public Symbol {
 public:
  using Symbol::Symbol;

  Prototype* find() {
    if (known() == nullptr) [[unlikely]]
      find_all();
    return reinterpret_cast<Prototype*>(known());
  }
  auto operator()(auto... arguments) { return find()(arguments...); }
};

// Of a hook that asks first for the policy. policy::decide() has found all of these by then, so that no call has to
// look whether its own is.
template <class Prototype>
class Found : public Symbol {
 public:
  using Symbol::Symbol;

  auto operator()(auto... arguments) { return reinterpret_cast<Prototype*>(known())(arguments...); }
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#pragma GCC diagnostic ignored "-Wignored-attributes"
#define IN_flag Found
#define IN_guard Found
#define IN_view Definition
#define IN_blocks Definition
#define IN_takes Definition
#define IN_end Definition
#define IN_leaves Definition
#define IN_waits Definition
#define IN_seccomp Definition
#define FUNCTION(name, type, technique, by) inline constinit IN_##technique<decltype(::type)> name{#name};
#include "functions.def"
#pragma GCC diagnostic pop

// How libc keeps cleanup handlers. What pthread_cleanup_push compiles to one libc alone has; these two are in both,
// under the same names. An old glibc has them in libpthread: without it nobody cancels.
inline constinit Definition<void(void*, void (*)(void*), void*)> cleanup_push{"_pthread_cleanup_push"};
inline constinit Definition<void(void*, int)> cleanup_pop{"_pthread_cleanup_pop"};

// Whether this object is libc, or the part of it that has the threads, before glibc 2.34.
inline bool is_of_libc(const ElfSymbols& object) {
  constexpr SymbolName kInGlibc{"gnu_get_libc_version"};
  constexpr SymbolName kWithThreads{"_pthread_cleanup_push"};
  return object.find(kInGlibc) != nullptr || object.find(kWithThreads) != nullptr;
}

}  // namespace real
