#include "guard/raised.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <string_view>

#include "guard/asked.h"
#include "log/event.h"
#include "program/fd.h"
#include "system/kernel.h"
#include "system/options.h"

namespace raised {
namespace {

using context::Interrupted;
using context::kUnknown;

// The columns of functions.def.
constexpr int nowhere = -1;

struct Amount {
  enum class In { nothing, number, iovec, message } in;
  int argument;
};
constexpr Amount bytes_unknown{Amount::In::nothing, 0};
constexpr Amount bytes(int argument) { return {Amount::In::number, argument}; }
constexpr Amount iovec(int argument) { return {Amount::In::iovec, argument}; }
constexpr Amount message(int argument) { return {Amount::In::message, argument}; }

struct Quiet {
  int argument;
  long bit;
};
constexpr Quiet loud{0, 0};
constexpr Quiet quiet(int argument, long bit) { return {argument, bit}; }

struct Raises {
  enum class When { epipe, is_short, always } when;
  int argument;
};
constexpr Raises at_epipe{Raises::When::epipe, 0};
constexpr Raises when_short(int argument) { return {Raises::When::is_short, argument}; }
constexpr Raises at_any{Raises::When::always, 0};

struct SystemCall {
  long number;
  const char* name;
  int fd;
  Amount asked;
  Quiet quiet;
  Raises raises;
};
constexpr SystemCall kCalls[] = {
#define SYSTEM_CALL(name, number, fd, asked, quiet, raises) {number, #name, fd, asked, quiet, raises},
#include "functions.def"
};

constexpr bool is_listed(std::string_view name) {
  for (const auto& call : kCalls)
    if (std::string_view(call.name) == name) return true;
  return name == "never";
}
#define FUNCTION(name, type, technique, by) \
  static_assert(is_listed(#by), #name " raises SIGPIPE by a system call that functions.def does not list");
#include "functions.def"

const SystemCall* call_of(long number) {
  for (const auto& call : kCalls)
    if (call.number == number) return &call;
  return nullptr;
}

bool has_raised(const SystemCall& call, const Interrupted& at) {
  if ((at.arguments[call.quiet.argument] & call.quiet.bit) != 0) return false;
  if (call.raises.when == Raises::When::always || at.result == -EPIPE) return true;
  // A pipe whose reader leaves in the middle of a write; only with NOSIGPIPE_SCOPE=all is that ours to avert.
  if (at.result > 0 && options::get().scope == Scope::all && call.raises.when == Raises::When::epipe &&
      at.has_arguments)
    return fd::is_dead(static_cast<int>(at.arguments[call.fd]));
  return call.raises.when == Raises::When::is_short && at.result > 0 &&
         static_cast<unsigned long>(at.result) < static_cast<unsigned long>(at.arguments[call.raises.argument]);
}

// The kernel has just read all of this memory.
std::size_t bytes_asked(const Amount& amount, const Interrupted& at) {
  const long argument = at.arguments[amount.argument];
  switch (amount.in) {
    case Amount::In::number:
      return static_cast<std::size_t>(argument);
    case Amount::In::iovec:
      return asked(reinterpret_cast<const ::iovec*>(argument), at.arguments[amount.argument + 1]).bytes();
    case Amount::In::message:
      return asked(reinterpret_cast<const msghdr*>(argument)).bytes();
    default:
      return event::kNotKnown;
  }
}

// A splice reads from what its first argument is, so that cannot be written to; but if both are sockets it is a
// splice's only where the first has not failed itself.
int fd_of_unknown(const Interrupted& at, bool may_ask) {
  const int first = static_cast<int>(at.arguments[0]);
  const int third = static_cast<int>(at.arguments[2]);
  if (!may_ask || fd::is_dead(first)) return first;
  // The second argument of tee; elsewhere most often an address.
  const long second = at.arguments[1];
  if (second >= 0 && second < (1 << 20) && fd::is_dead(static_cast<int>(second))) return static_cast<int>(second);
  return fd::is_dead(third) ? third : first;
}

Call by_unknown(const Interrupted& at, bool may_ask) {
  const bool failed = at.result == -EPIPE;
  if (!failed && (at.result <= 0 || !may_ask)) return {};
  const int fd = at.has_arguments ? fd_of_unknown(at, may_ask) : -1;
  // A count comes from many a call that has raised nothing: only a socket's can have.
  if (!failed && !fd::is_stream_socket(fd)) return {};
  return {"syscall", fd, event::kNotKnown, failed};
}

}  // namespace

bool writes(long number) { return call_of(number) != nullptr; }

Call by(const Interrupted& at, bool may_ask) {
  if (!at.in_call) return {};
  if (at.number == kUnknown) return by_unknown(at, may_ask);
  const SystemCall* call = call_of(at.number);
  if (call == nullptr || !has_raised(*call, at)) return {};
  const bool fd_is_lost = call->fd == nowhere || (call->fd == 0 && !at.has_arguments);
  return {call->name, fd_is_lost ? -1 : static_cast<int>(at.arguments[call->fd]), bytes_asked(call->asked, at),
          at.result == -EPIPE};
}

}  // namespace raised
