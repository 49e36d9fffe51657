#ifdef __x86_64__  // elsewhere nothing is armed, see arm.cpp
#include "attach/sleepers.h"

#include <sys/socket.h>
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>

#include "attach/frame.h"
#include "doctor/proc_file.h"
#include "system/arch/loaded_number.h"

namespace attach {
namespace {

using Arguments = std::array<std::uint64_t, 6>;

// What these have by then they return, as if that had been all: a stop cuts them short, and nothing makes up for it.
bool is_cut_short(Call call, const Arguments& arguments) {
  switch (call) {
    case Call::recvfrom:
      return (arguments[3] & MSG_WAITALL) != 0;
    case Call::recvmsg:
      return (arguments[2] & MSG_WAITALL) != 0;
    case Call::recvmmsg:
    case Call::recvmmsg_time64:
      return arguments[2] > 1 && (arguments[3] & MSG_WAITFORONE) == 0;
    case Call::io_getevents:
    case Call::io_pgetevents:
    case Call::io_pgetevents_time64:
      return arguments[1] > 1;
    default:
      return false;
  }
}

// Of socketcall(2) those that it stands for are in memory. False where that is gone.
bool unpack(const Target& target, Machine machine, long number, Arguments& arguments) {
  if (number != number_of(machine, Call::socketcall)) return true;
  std::uint32_t packed[4];
  if (!target.read(arguments[1], packed, sizeof packed)) return false;
  std::ranges::copy(packed, arguments.begin());
  return true;
}

constexpr std::size_t kMostOfStack = 8 << 20;

// What a handler returns to, by libc's sa_restorer or in the vDSO.
enum class Restorer { none, of_info, of_plain };
Restorer restorer_at(const Target& target, Machine machine, std::uint64_t at) {
  const auto is = [&](std::string_view code) {
    std::string there(code.size(), '\0');
    return target.read(at, there.data(), there.size()) && there == code;
  };
  using namespace std::string_view_literals;
  if (machine == Machine::x86_64) {
    const bool is_restorer = is("\x48\xc7\xc0\x0f\0\0\0\x0f\x05"sv) || is("\xb8\x0f\0\0\0\x0f\x05"sv);
    return is_restorer ? Restorer::of_info : Restorer::none;
  }
  if (is("\xb8\xad\0\0\0\xcd\x80"sv)) return Restorer::of_info;
  return is("\x58\xb8\x77\0\0\0\xcd\x80"sv) ? Restorer::of_plain : Restorer::none;
}

using Mappings = std::vector<Mapping>;

// They are in the order of their addresses, and there may be thousands.
const Mapping* mapping_at(const Mappings& mappings, std::uint64_t address) {
  const auto next = std::ranges::upper_bound(mappings, address, {}, &Mapping::start);
  return next != mappings.begin() && address < std::prev(next)->end ? &*std::prev(next) : nullptr;
}

// What a signal frame says of who was interrupted.
struct Interrupted {
  std::uint64_t counter, stack, result, first_argument;
};

// The number of the system call that ends at this counter, in the code before it: "mov $number, %eax; syscall" or
// "xor %eax, %eax; syscall", where no prefix makes another register of it.
long number_before(const Target& target, std::uint64_t counter) {
  constexpr auto kCall = call_instruction(Machine::x86_64);
  char code[8]{};  // up to the counter: whatever is before, and then 5 bytes and 2
  const std::string_view before(code, sizeof code);
  if (!target.read(counter - sizeof code, code, sizeof code) || !before.ends_with(kCall)) return -1;
  const auto is_prefix = [](char byte) { return (byte & 0xf0) == 0x40; };
  if (before.substr(4, 2) == std::string_view("\x31\xc0", 2) && !is_prefix(code[3])) return 0;
  if (code[1] != '\xb8' || is_prefix(code[0])) return -1;
  std::int32_t number = 0;
  std::memcpy(&number, code + 2, sizeof number);
  return number;
}

// The same on i386, where what has been called by "call *%gs:0x10" makes it in the vDSO and has three registers on the
// stack.
long number_before_i386(const Target& target, const Interrupted& interrupted) {
  constexpr std::string_view kPops("\x5d\x5a\x59\xc3", 4), kEntry("\x65\xff\x15\x10\0\0\0", 7);
  auto end = interrupted.counter;
  auto made_by = call_instruction(Machine::i386);
  char pops[kPops.size()];
  std::uint32_t back = 0;
  if (target.read(end, pops, sizeof pops) && std::string_view(pops, sizeof pops) == kPops) {
    if (!target.read(interrupted.stack + 3 * sizeof back, &back, sizeof back)) return -1;
    end = back;
    made_by = kEntry;
  }
  char code[32];
  const std::string_view before(code, sizeof code);
  if (!target.read(end - sizeof code, code, sizeof code) || !before.ends_with(made_by)) return -1;
  const auto room = sizeof code - made_by.size();
  return arch::number_loaded(reinterpret_cast<const unsigned char*>(code) + room,
                             [=](unsigned bytes) { return bytes <= room; });
}

// The same of glibc 2.41. What it leaves on the stack may say two: then it is not known. In musl what is pushed so is
// another argument.
long number_pushed(const Target& target, Machine machine, const Mappings& mappings, const Interrupted& interrupted) {
  const auto& pushed = machine == Machine::x86_64 ? arch::kPushedWide : arch::kPushedNarrow;
  const auto size = word_size(machine);
  const auto word = [&](unsigned place) {
    std::uint64_t value = 0;
    return target.read(interrupted.stack + std::uint64_t{place} * size, &value, size) ? value : 0;
  };
  const auto is_in_glibc = [&](std::uint64_t address) {
    const auto* code = mapping_at(mappings, address);
    return code != nullptr && code->path.ends_with("/libc.so.6");
  };
  long number = -1;
  for (unsigned place = 0; place < pushed.words; ++place) {
    std::string code(pushed.far, '\0');
    const auto returns_to = word(place);
    if (returns_to < code.size() || !target.read(returns_to - code.size(), code.data(), code.size())) continue;
    if (pushed.arguments > 0 && word(place + 1) != interrupted.first_argument) continue;
    const auto candidate = word(place + 1 + pushed.arguments);
    const auto* behind = reinterpret_cast<const unsigned char*>(code.data()) + code.size();
    if (!arch::pushes(behind, pushed.far, candidate) || !is_in_glibc(returns_to)) continue;
    if (number != -1 && number != static_cast<long>(candidate)) return -1;
    number = static_cast<long>(candidate);
  }
  return number;
}

// The system call that who was interrupted is about to make, or to make again, or that the signal has ended; else none.
std::optional<Call> call_of(const Target& target, Machine machine, const Mappings& mappings,
                            const Interrupted& interrupted) {
  const auto call = call_instruction(machine);
  constexpr auto kEnded = static_cast<std::uint64_t>(-EINTR);
  std::string next(call.size(), '\0');
  long number = -1;
  if (target.read(interrupted.counter, next.data(), next.size()) && next == call) {
    number = static_cast<long>(interrupted.result);
  } else if (result_of(machine, interrupted.result) == kEnded) {
    number = machine == Machine::x86_64 ? number_before(target, interrupted.counter)
                                        : number_before_i386(target, interrupted);
    if (number == -1) number = number_pushed(target, machine, mappings, interrupted);
  }
  return attach::call_of(machine, number, interrupted.first_argument);
}

// A frame whose handler returns to what stands `at`. None where it has been written over: nobody changes these of what
// is to be returned to. `is_elsewhere` where it does not stand below what it has interrupted, on an alternate stack.
struct Found {
  Interrupted interrupted;
  bool is_elsewhere;
};
constexpr std::uint64_t kMostFlags = 7;

std::optional<Found> frame_of_x86_64(const Target& target, std::uint64_t at) {
  ucontext_t context{};
  if (!target.read(at + sizeof at, &context, offsetof(ucontext_t, uc_sigmask))) return Found{{}, true};
  const auto of = [&](int name) { return static_cast<std::uint64_t>(context.uc_mcontext.gregs[name]); };
  if (context.uc_flags > kMostFlags || context.uc_link != nullptr ||
      (of(REG_CSGSFS) & 0xffff) != code_segment(Machine::x86_64))
    return {};
  const auto alternate = reinterpret_cast<std::uint64_t>(context.uc_stack.ss_sp);
  return Found{{of(REG_RIP), of(REG_RSP), of(REG_RAX), of(REG_RDI)}, at - alternate < context.uc_stack.ss_size};
}

// One without siginfo does not say where the alternate stack is. But else there is nothing between it and what it has
// interrupted but the floating point.
std::optional<Found> frame_of_i386(const Target& target, std::uint64_t at, Restorer restorer) {
  constexpr std::uint64_t kMostOfFloatingPoint = 16 << 10;
  const auto frame = at + sizeof(std::uint32_t);
  i386::Registers registers{};
  bool is_elsewhere = false;
  if (restorer == Restorer::of_info) {
    i386::InfoFrame info{};
    if (!target.read(frame, &info, sizeof info)) return Found{{}, true};
    const auto& context = info.context;
    if (context.flags > kMostFlags || context.link != 0) return {};
    registers = context.registers;
    is_elsewhere = at - context.alternate.at < context.alternate.size;
  } else {
    i386::PlainFrame plain{};
    if (!target.read(frame, &plain, sizeof plain)) return Found{{}, true};
    registers = plain.registers;
    is_elsewhere = registers.esp - at > kMostOfFloatingPoint;
  }
  if ((registers.cs & 0xffff) != code_segment(Machine::i386)) return {};
  return Found{{registers.eip, registers.esp, registers.eax, registers.ebx}, is_elsewhere};
}

// Whether a thread with a signal frame there cannot be taken, as far as that frame goes, which may be left behind:
// where the handler has interrupted who may hold a lock, if that `matters`; on an alternate stack, of which nobody
// knows how much is left; on this stack, of which all that is above is looked at, it is not.
bool is_in_the_way(const Target& target, Machine machine, const Mappings& mappings, std::uint64_t at, Restorer restorer,
                   std::uint64_t end, bool matters) {
  const auto found = machine == Machine::x86_64 ? frame_of_x86_64(target, at) : frame_of_i386(target, at, restorer);
  if (!found) return false;
  const auto& interrupted = found->interrupted;
  if (found->is_elsewhere || interrupted.stack <= at || interrupted.stack >= end) return true;
  return matters && !may_be_taken_in(call_of(target, machine, mappings, interrupted));
}

}  // namespace

bool may_be_taken_in(std::optional<Call> call) { return call && stopped_in(*call) != Stopped::no; }

std::vector<Sleeper> find_sleepers(const Target& target, Machine machine) {
  std::vector<Sleeper> sleepers;
  std::ptrdiff_t first_interrupted = 0;
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
    Arguments arguments{};
    for (auto& argument : arguments) argument = hex();
    const Sleeper sleeper{tid, static_cast<long>(doctor::number_of(number)), hex(), hex()};
    const auto call = attach::call_of(machine, sleeper.number, arguments[0]);
    if (!may_be_taken_in(call) || !unpack(target, machine, sleeper.number, arguments) || is_cut_short(*call, arguments))
      continue;
    const bool is_last = stopped_in(*call) == Stopped::interrupted;
    sleepers.insert(is_last ? sleepers.end() : sleepers.begin() + first_interrupted++, sleeper);
  }
  return sleepers;
}

bool is_in_handler(const Target& target, Machine machine, const std::vector<Mapping>& mappings, std::uint64_t stack,
                   bool locks_matter) {
  const auto* mapping = mapping_at(mappings, stack);
  if (mapping == nullptr) return true;
  // The kernel puts a frame where this is its address's remainder.
  constexpr std::uint64_t kAlign = 16;
  const auto size = word_size(machine);
  const auto remainder = kAlign - (machine == Machine::x86_64 ? 8 : 4);
  const auto first = stack + (remainder - stack) % kAlign;
  const auto end = std::min(mapping->end, stack + kMostOfStack);
  if (end < first) return true;
  std::string bytes((end - first) / size * size, '\0');
  if (!target.read(first, bytes.data(), bytes.size())) return true;
  std::map<std::uint64_t, Restorer> restorers;
  for (std::size_t i = 0; i < bytes.size(); i += kAlign) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, size);
    const auto* code = mapping_at(mappings, word);
    if (code == nullptr || !code->executable) continue;
    const auto [known, is_new] = restorers.try_emplace(word, Restorer::none);
    if (is_new) known->second = restorer_at(target, machine, word);
    if (known->second != Restorer::none &&
        is_in_the_way(target, machine, mappings, first + i, known->second, mapping->end, locks_matter))
      return true;
  }
  return false;
}

}  // namespace attach
#endif
