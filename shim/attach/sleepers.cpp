#ifdef __x86_64__  // elsewhere nothing is armed, see arm.cpp
#include "attach/sleepers.h"

#include <sys/syscall.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <set>
#include <string_view>

#include "doctor/proc_file.h"

namespace attach {
namespace {

// Neither futex, which waits for somebody's lock, nor what writes, opens or maps.
constexpr long kGoneOnWith[] = {
    SYS_read,    SYS_readv,    SYS_poll,          SYS_ppoll,    SYS_select,          SYS_pselect6,        SYS_accept,
    SYS_accept4, SYS_recvfrom, SYS_recvmsg,       SYS_recvmmsg, SYS_nanosleep,       SYS_clock_nanosleep, SYS_wait4,
    SYS_waitid,  SYS_pause,    SYS_rt_sigsuspend, SYS_msgrcv,   SYS_mq_timedreceive,
};
// A stop makes EINTR of these; see Remote.
constexpr long kInterrupted[] = {
    SYS_epoll_wait, SYS_epoll_pwait,  441 /* epoll_pwait2 */,  SYS_rt_sigtimedwait,      SYS_semop,
    SYS_semtimedop, SYS_io_getevents, 333 /* io_pgetevents */, 426 /* io_uring_enter */,
};

bool is_among(const auto& list, long number) { return std::ranges::find(list, number) != std::end(list); }

constexpr std::size_t kMostOfStack = 8 << 20;

// What libc has sa_restorer lead to, the only way that a 64-bit handler returns.
bool is_restorer(const Target& target, std::uint64_t at) {
  constexpr std::string_view kLong("\x48\xc7\xc0\x0f\0\0\0\x0f\x05", 9), kShort("\xb8\x0f\0\0\0\x0f\x05", 7);
  char code[9];
  if (!target.read(at, code, sizeof code)) return false;
  return std::string_view(code, kLong.size()) == kLong || std::string_view(code, kShort.size()) == kShort;
}

}  // namespace

bool may_be_taken_in(long number) { return is_among(kGoneOnWith, number) || is_among(kInterrupted, number); }

std::vector<Sleeper> find_sleepers(const Target& target) {
  std::vector<Sleeper> sleepers;
  for (const int tid : target.threads()) {
    // "running", or the number, six arguments, the stack pointer and the program counter; -1 outside of any call.
    const auto text = doctor::read_proc(target.directory() + "task/" + std::to_string(tid) + "/syscall").value_or("");
    std::string_view rest(text);
    const auto number = doctor::take_word(rest);
    if (number.empty() || number[0] < '0' || number[0] > '9') continue;
    for (int i = 0; i < 6; ++i) doctor::take_word(rest);
    const auto hex = [&] {
      auto word = doctor::take_word(rest);
      word.remove_prefix(std::min<std::size_t>(word.size(), 2));
      return doctor::number_of(word, 16);
    };
    Sleeper sleeper{tid, static_cast<long>(doctor::number_of(number)), hex(), hex()};
    if (may_be_taken_in(sleeper.number)) sleepers.push_back(sleeper);
  }
  std::stable_partition(sleepers.begin(), sleepers.end(),
                        [](const auto& one) { return is_among(kGoneOnWith, one.number); });
  return sleepers;
}

bool is_in_handler(const Target& target, const std::vector<Mapping>& mappings, std::uint64_t stack) {
  const auto of = [&](std::uint64_t address) {
    return std::ranges::find_if(mappings, [=](const auto& one) { return one.start <= address && address < one.end; });
  };
  const auto mapping = of(stack);
  if (mapping == mappings.end()) return true;
  std::vector<std::uint64_t> words(std::min<std::size_t>(mapping->end - stack, kMostOfStack) / sizeof(std::uint64_t));
  if (!target.read(stack, words.data(), words.size() * sizeof(std::uint64_t))) return true;
  for (const auto word : std::set<std::uint64_t>(words.begin(), words.end())) {
    const auto code = of(word);
    if (code != mappings.end() && code->executable && is_restorer(target, word)) return true;
  }
  return false;
}

}  // namespace attach
#endif
