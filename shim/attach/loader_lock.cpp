#include "attach/loader_lock.h"

#include <pthread.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>

#include "doctor/proc_file.h"

namespace attach {
namespace {

// A recursive mutex of glibc's, as programs have it in them: this has never changed.
struct Mutex {
  std::int32_t lock;
  std::uint32_t count;
  std::int32_t owner;
  std::int32_t last[2];  // how many use it, and its kind; with 32 bits in the other order
};

// Where in _rtld_global they are differs from version to version.
bool is_held(const Mutex& mutex) {
  constexpr std::uint32_t kMostTimes = 1000;
  static_assert(PTHREAD_MUTEX_RECURSIVE == 1);  // so that the order does not matter: there is one user
  return (mutex.lock == 1 || mutex.lock == 2) && mutex.count >= 1 && mutex.count <= kMostTimes && mutex.owner > 0 &&
         mutex.last[0] == 1 && mutex.last[1] == PTHREAD_MUTEX_RECURSIVE;
}

// The number of the thread that has a lock there, as the target itself knows it.
std::optional<std::int32_t> holder_in(const Target& target, std::uint64_t global) {
  constexpr std::size_t kMost = 8192, kStep = 4;
  if (global == 0) return {};
  Mutex mutex;
  for (std::size_t at = 0; at < kMost && target.read(global + at, &mutex, sizeof mutex); at += kStep)
    if (is_held(mutex)) return mutex.owner;
  return {};
}

}  // namespace

std::string why_loader_is_busy(const Target& target, std::uint64_t global) {
  const auto holder = holder_in(target, global);
  if (!holder) return "";
  for (const int tid : target.threads()) {
    const auto status = doctor::read_proc(target.directory() + "task/" + std::to_string(tid) + "/status").value_or("");
    const auto numbers = doctor::value_of(status, "NSpid");
    const auto own = numbers.substr(numbers.find_last_of('\t') + 1);
    if (doctor::number_of(own) == static_cast<std::uint64_t>(*holder))
      return "its thread " + std::to_string(tid) +
             " is at work in the loader, in dlopen or in what a library does at its start";
  }
  // glibc's fork frees but one of them in the child.
  return "its loader is locked for ever: it was forked while another thread of its parent was at work in there";
}

}  // namespace attach
