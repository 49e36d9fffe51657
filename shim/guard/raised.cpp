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

constexpr bool is_listed(std::string_view call) {
#define SYSTEM_CALL(name, number, fd, asked, quiet, raises) \
  if (call == #name) return true;
#include "functions.def"
  return call == "never";
}
#define FUNCTION(name, type, technique, by) \
  static_assert(is_listed(#by), #name " raises SIGPIPE by a system call that functions.def does not list");
#include "functions.def"

// A row of functions.def, each column read for the call at hand.
Call by_known(const Interrupted& at) {
  const bool failed = at.result == -EPIPE;
  const auto number = [&](int argument) { return static_cast<unsigned long>(at.arguments[argument]); };
  const auto fd_of = [&](int argument) {
    return argument < 0 || (argument == 0 && !at.has_arguments) ? -1 : static_cast<int>(at.arguments[argument]);
  };
  constexpr int nowhere = -1;

  constexpr std::size_t bytes_unknown = event::kNotKnown;
  const auto bytes = [&](int argument) { return std::size_t{number(argument)}; };
  const auto iovec = [&](int argument) {
    return asked(reinterpret_cast<const ::iovec*>(number(argument)), number(argument + 1)).bytes();
  };
  const auto message = [&](int argument) { return asked(reinterpret_cast<const msghdr*>(number(argument))).bytes(); };

  constexpr bool loud = false;
  const auto quiet = [&](int argument, unsigned long bit) { return (number(argument) & bit) != 0; };

  // Or a pipe's reader leaves in the middle of a write. What is said of a socket then would be wrong, see DESIGN.md.
  const auto at_epipe = [&](int fd) {
    if (failed || at.result <= 0 || !at.has_arguments) return failed;
    return options::get().scope == Scope::all ? fd::is_dead(fd) : fd::is_unread_pipe(fd);
  };
  const auto when_short = [&](int argument) {
    const bool is_short = at.result > 0 && static_cast<unsigned long>(at.result) < number(argument);
    return [=](int) { return failed || is_short; };
  };
  const auto at_any = [](int) { return true; };

  switch (at.number) {
#define SYSTEM_CALL(name, number, fd, asked, quiet, raises) \
  case number:                                              \
    if (quiet || !(raises)(fd_of(fd))) return {};           \
    return {#name, fd_of(fd), asked, failed};
#include "functions.def"
  }
  return {};
}

// A splice reads from what its first argument is, so that cannot be written to; but if both are sockets it is a
// splice's only where the first has not failed itself.
int fd_of_unknown(const Interrupted& at, bool may_ask) {
  const int first = static_cast<int>(at.arguments[0]);
  const int third = static_cast<int>(at.arguments[2]);
  if (!may_ask || fd::is_dead(first)) return first;
  // The second argument of tee; elsewhere most often an address, or none, which is no fd.
  const long second = at.arguments[1];
  if (second > 0 && second < (1 << 20) && fd::is_dead(static_cast<int>(second))) return static_cast<int>(second);
  // As splice has them: of no bytes it raises nothing, and it knows four flags.
  const bool may_be_splice = at.arguments[4] != 0 && static_cast<unsigned>(at.arguments[5]) < 16;
  return may_be_splice && fd::is_dead(third) ? third : first;
}

Call by_unknown(const Interrupted& at, bool may_ask) {
  const bool failed = at.result == -EPIPE;
  if (!failed && (at.result <= 0 || !may_ask)) return {};
  const int fd = at.has_arguments ? fd_of_unknown(at, may_ask) : -1;
  // A count comes from many a call that has raised nothing: only a socket's can have, and a dead pipe's.
  if (!failed && !fd::is_stream_socket(fd) && !fd::is_unread_pipe(fd)) return {};
  return {"syscall", fd, event::kNotKnown, failed};
}

}  // namespace

bool writes(long number) {
  switch (number) {
#define SYSTEM_CALL(name, number, fd, asked, quiet, raises) case number:
#include "functions.def"
    return true;
  }
  return false;
}

Call by(const Interrupted& at, bool may_ask) {
  if (!at.in_call || at.is_met) return {};
  return at.number == kUnknown ? by_unknown(at, may_ask) : by_known(at);
}

bool is_ours(const Call& call) {
  if (call.name == nullptr) return false;
  return call.fd >= 0 ? !fd::is_unread_pipe(call.fd) : !fd::has_unread_pipe() || fd::has_dead_socket();
}

}  // namespace raised
