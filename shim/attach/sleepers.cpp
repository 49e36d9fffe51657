#ifdef __x86_64__  // elsewhere nothing is armed, see arm.cpp
#include "attach/sleepers.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <map>
#include <optional>
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

// What these have by then they return, as if that had been all: a stop cuts them short, and nothing makes up for it.
bool is_cut_short(long number, const std::uint64_t (&arguments)[6]) {
  switch (number) {
    case SYS_recvfrom:
      return (arguments[3] & MSG_WAITALL) != 0;
    case SYS_recvmsg:
      return (arguments[2] & MSG_WAITALL) != 0;
    case SYS_recvmmsg:
      return arguments[2] > 1 && (arguments[3] & MSG_WAITFORONE) == 0;
    case SYS_io_getevents:
    case 333:  // io_pgetevents
      return arguments[1] > 1;
    default:
      return false;
  }
}

bool is_among(const auto& list, long number) { return std::ranges::find(list, number) != std::end(list); }

constexpr std::size_t kMostOfStack = 8 << 20;

// What libc has sa_restorer lead to, the only way that a 64-bit handler returns.
bool is_restorer(const Target& target, std::uint64_t at) {
  constexpr std::string_view kLong("\x48\xc7\xc0\x0f\0\0\0\x0f\x05", 9), kShort("\xb8\x0f\0\0\0\x0f\x05", 7);
  char code[9];
  if (!target.read(at, code, sizeof code)) return false;
  return std::string_view(code, kLong.size()) == kLong || std::string_view(code, kShort.size()) == kShort;
}

// The number of the system call that a thread with these registers is about to make, or to make again, or that a
// signal has ended; else none. The ended one's is in the code, "mov $number, %eax; syscall" or "xor %eax, %eax;
// syscall", where no prefix makes another register of it.
std::optional<long> call_of(const Target& target, std::uint64_t counter, std::uint64_t result) {
  constexpr std::string_view kCall("\x0f\x05", 2);
  constexpr auto kEnded = static_cast<std::uint64_t>(-EINTR);
  char code[8]{};  // up to the counter: whatever is before, and then 5 bytes and 2
  const std::string_view before(code, sizeof code);
  if (target.read(counter, code, kCall.size()) && before.starts_with(kCall)) return static_cast<long>(result);
  if (result != kEnded || !target.read(counter - sizeof code, code, sizeof code) || !before.ends_with(kCall)) return {};
  const auto is_prefix = [](char byte) { return (byte & 0xf0) == 0x40; };
  if (before.substr(4, 2) == std::string_view("\x31\xc0", 2) && !is_prefix(code[3])) return 0;
  if (code[1] != '\xb8' || is_prefix(code[0])) return {};
  std::int32_t number = 0;
  std::memcpy(&number, code + 2, sizeof number);
  return number;
}

// Whether a thread with a signal frame there cannot be taken, as far as that frame goes, which may be left behind:
// where the handler has interrupted who may hold a lock, if that `matters`; on an alternate stack, of which nobody
// knows how much is left; on this stack, of which all that is above is looked at, it is not.
bool is_in_the_way(const Target& target, std::uint64_t frame, std::uint64_t end, bool matters) {
  ucontext_t context{};
  if (!target.read(frame + sizeof frame, &context, offsetof(ucontext_t, uc_sigmask))) return true;
  const auto of = [&](int name) { return static_cast<std::uint64_t>(context.uc_mcontext.gregs[name]); };
  // Nobody changes these in a frame that is to be returned to: so it has been written over.
  constexpr std::uint64_t kMostFlags = 7, kUserCode = 0x33;
  if (context.uc_flags > kMostFlags || context.uc_link != nullptr || (of(REG_CSGSFS) & 0xffff) != kUserCode)
    return false;
  const auto alternate = reinterpret_cast<std::uint64_t>(context.uc_stack.ss_sp);
  if (frame - alternate < context.uc_stack.ss_size || of(REG_RSP) <= frame || of(REG_RSP) >= end) return true;
  const auto call = call_of(target, of(REG_RIP), of(REG_RAX));
  return matters && (!call || !may_be_taken_in(*call));
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
    const auto hex = [&] {
      auto word = doctor::take_word(rest);
      word.remove_prefix(std::min<std::size_t>(word.size(), 2));
      return doctor::number_of(word, 16);
    };
    std::uint64_t arguments[6];
    for (auto& argument : arguments) argument = hex();
    Sleeper sleeper{tid, static_cast<long>(doctor::number_of(number)), hex(), hex()};
    if (may_be_taken_in(sleeper.number) && !is_cut_short(sleeper.number, arguments)) sleepers.push_back(sleeper);
  }
  std::stable_partition(sleepers.begin(), sleepers.end(),
                        [](const auto& one) { return is_among(kGoneOnWith, one.number); });
  return sleepers;
}

bool is_in_handler(const Target& target, const std::vector<Mapping>& mappings, std::uint64_t stack, bool locks_matter) {
  // They are in the order of their addresses, and there may be thousands, as of words.
  const auto around = [&](std::uint64_t address) -> const Mapping* {
    const auto next = std::ranges::upper_bound(mappings, address, {}, &Mapping::start);
    return next != mappings.begin() && address < std::prev(next)->end ? &*std::prev(next) : nullptr;
  };
  const auto* mapping = around(stack);
  if (mapping == nullptr) return true;
  // The kernel puts a frame where this is its address's remainder.
  constexpr std::uint64_t kAlign = 16, kRemainder = 8;
  const auto first = stack + (kRemainder - stack) % kAlign;
  const auto end = std::min(mapping->end, stack + kMostOfStack);
  if (end < first) return true;
  std::vector<std::uint64_t> words((end - first) / sizeof(std::uint64_t));
  if (!target.read(first, words.data(), words.size() * sizeof(std::uint64_t))) return true;
  std::map<std::uint64_t, bool> restorers;
  for (std::size_t i = 0; i < words.size(); i += kAlign / sizeof(std::uint64_t)) {
    const auto* code = around(words[i]);
    if (code == nullptr || !code->executable) continue;
    const auto [known, is_new] = restorers.try_emplace(words[i], false);
    if (is_new) known->second = is_restorer(target, words[i]);
    if (known->second && is_in_the_way(target, first + i * sizeof(std::uint64_t), mapping->end, locks_matter))
      return true;
  }
  return false;
}

}  // namespace attach
#endif
