#ifdef __x86_64__  // elsewhere nothing is armed, see arm.cpp
#include "attach/put_in.h"

#include <signal.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <ctime>

#include "attach/handler_image.h"
#include "attach/refusal.h"
#include "doctor/elf_headers.h"

namespace attach {
namespace {

using Sigaction = blob::Sigaction<std::uint64_t>;

constexpr std::uint64_t kDefault = 0, kIgnore = 1;
constexpr std::uint64_t kDataSize = 4096;
// The page below the code is for nobody: else the kernel would put the code and what the program compiles there into
// one mapping, and it is by the beginning of its mapping that the handler is found.
constexpr std::uint64_t kGuard = 4096;
// What sigaction(2) reads and what it gives, and what the program had set, on the page of data behind what the handler
// has there.
constexpr std::uint64_t kNew = 2048, kOld = 2048 + 64, kBefore = 2048 + 128;
static_assert(sizeof(blob::Data) < kNew);

void must(std::uint64_t result, const char* what) {
  if (is_error(result)) throw Refusal(what + std::string(": ") + error_in(result));
}

template <class Value>
void write(const Target& target, std::uint64_t at, const Value& value) {
  if (!target.write(at, &value, sizeof value)) throw Lost("its memory is gone");
}

// As a program with words of that size has it.
template <class Word>
void write_action(const Target& target, std::uint64_t at, const Sigaction& from) {
  write(target, at,
        blob::Sigaction<Word>{static_cast<Word>(from.handler), static_cast<Word>(from.flags),
                              static_cast<Word>(from.restorer), from.mask});
}
template <class Word>
Sigaction read_action(const Target& target, std::uint64_t at) {
  blob::Sigaction<Word> action{};
  if (!target.read(at, &action, sizeof action)) throw Lost("its memory is gone");
  return {action.handler, action.flags, action.restorer, action.mask};
}

// What stood there before.
Sigaction change(const Target& target, Remote& remote, std::uint64_t data, const Sigaction* to) {
  const bool is_64_bit = remote.machine() == Machine::x86_64;
  const auto put = is_64_bit ? write_action<std::uint64_t> : write_action<std::uint32_t>;
  if (to != nullptr) put(target, data + kNew, *to);
  const auto given = to != nullptr ? data + kNew : 0;
  must(remote.run({system_call(Call::rt_sigaction, SIGPIPE, given, data + kOld, sizeof(std::uint64_t))})[0],
       "its handler of SIGPIPE cannot be set");
  const auto get = is_64_bit ? read_action<std::uint64_t> : read_action<std::uint32_t>;
  return get(target, data + kOld);
}

// Where the handler may look for the number of a call.
void write_code(const Target& target, std::uint64_t data) {
  const auto mappings = target.mappings();
  const auto code = std::ranges::find_if(
      mappings, [](const auto& one) { return one.executable && !one.writable && one.path.starts_with('/'); });
  if (code == mappings.end()) return;
  const auto headers = doctor::read_headers_of(target.directory_of_all() + "exe");
  write(target, data + offsetof(blob::Data, code), std::uint64_t{code->start});
  write(target, data + offsetof(blob::Data, size), std::uint64_t{code->end - code->start});
  write(target, data + offsetof(blob::Data, has_glibc), std::uint32_t{headers && headers->is_of_glibc()});
}

void give_back(Remote& remote, const HandlerInPlace& place) {
  remote.run({system_call(Call::munmap, place.at - kGuard, kGuard + place.header.data + kDataSize)});
}

// Pages of code that is not called yet, and behind them one of data.
HandlerInPlace place(const Target& target, Remote& remote) {
  const auto image = handler_image(remote.machine());
  if (image.empty()) throw Refusal("this nosigpipe-attach was built without the handler of 32-bit programs");
  const auto header = header_in(image);
  const auto room = remote.run({system_call(Call::mmap, 0, kGuard + header.data + kDataSize, PROT_READ | PROT_WRITE,
                                            MAP_PRIVATE | MAP_ANONYMOUS, ~0UL, 0)})[0];
  must(room, "no memory can be had in it");
  const HandlerInPlace placed{room + kGuard, header};
  if (!target.write(placed.at, image.data(), image.size())) throw Lost("its memory is gone");
  write_code(target, placed.at + header.data);
  const auto results = remote.run({system_call(Call::mprotect, room, kGuard, PROT_NONE),
                                   system_call(Call::mprotect, placed.at, header.data, PROT_READ | PROT_EXEC)});
  for (const auto result : results) {
    if (is_error(result)) give_back(remote, placed);
    must(result, "no code can be put into it");
  }
  return placed;
}

}  // namespace

Outcome put_handler_in(const Target& target, Remote& remote) {
  const auto there = find_handler(target);
  const auto in_place = there ? *there : place(target, remote);
  const auto& [at, header] = in_place;
  const auto data = at + header.data;
  const Sigaction ours{at + header.handler, blob::kFlags, at + header.restorer, blob::kMask};
  const auto now = change(target, remote, data, nullptr);
  if (now.handler == ours.handler) return {true, "armed before", {}};
  auto before = now;
  if (now.handler == kDefault) {
    write(target, data, static_cast<std::uint64_t>(std::time(nullptr)));
    write(target, data + kBefore, now);
    before = change(target, remote, data, &ours);
  }
  if (before.handler != kDefault) {
    // Another thread has set one of its own meanwhile.
    if (now.handler == kDefault) change(target, remote, data, &before);
    if (!there) give_back(remote, in_place);
    throw Unneeded(before.handler == kIgnore ? "it ignores SIGPIPE: left alone, and not needed"
                                             : "it has a SIGPIPE handler of its own: left alone");
  }
  write(target, data + kBefore, before);
  return {true, "static, the handler; no log, nothing of what it executes, and only until it sets SIGPIPE itself", {}};
}

Outcome take_handler_out(const Target& target, Remote& remote) {
  const auto there = find_handler(target);
  if (!there) throw Refusal("nosigpipe-attach has not armed it");
  const auto data = there->at + there->header.data;
  if (change(target, remote, data, nullptr).handler != there->at + there->header.handler)
    return {false, "nothing to take back: the handler does not stand", {}};
  Sigaction standard{};
  if (!target.read(data + kBefore, &standard, sizeof standard)) throw Lost("its memory is gone");
  standard.handler = kDefault;
  change(target, remote, data, &standard);
  return {true, "no handler", {}};
}

}  // namespace attach
#endif
