#include "guard/by_number.h"

#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>

#include "guard/call.h"
#include "guard/raised.h"
#include "guard/runaway.h"
#include "guard/sigpipe_handler.h"
#include "log/event.h"
#include "program/disposition.h"
#include "program/mask.h"
#include "system/arch/syscall.h"
#include "system/clock.h"

namespace {

bool sets_filter(long number, const long (&arguments)[6]) {
  return (number == SYS_seccomp && static_cast<unsigned long>(arguments[0]) <= SECCOMP_SET_MODE_FILTER) ||
         (number == SYS_prctl && arguments[0] == PR_SET_SECCOMP);
}

// With TSYNC a thread that cannot be confined is named by a positive result.
bool is_refused(long number, const long (&arguments)[6], long result) {
  const auto flags = static_cast<unsigned long>(arguments[1]);
  const bool names_thread = number == SYS_seccomp && (flags & SECCOMP_FILTER_FLAG_TSYNC) != 0 &&
                            (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) == 0;
  return result < 0 || (names_thread && result > 0);
}

// What a hook does after its call.
void look_at(long number, const long (&arguments)[6], long result, const void* return_address) {
  if (result >= 0 && raised::writes(number)) runaway::stop();
  if (number == SYS_rt_sigaction && result == 0 && arguments[0] == SIGPIPE && arguments[1] != 0)
    disposition::changed_unseen();
  if (result != -EPIPE) return;
  context::Interrupted at{true, true, result, number, {}, return_address};
  memcpy(at.arguments, arguments, sizeof arguments);
  const auto call = raised::by(at, true);
  if (call.name != nullptr) on_epipe_unmasked({call.name, call.fd, call.asked, return_address});
}

}  // namespace

long by_number(long number, const long (&arguments)[6], const void* return_address) {
  const auto call = [&] {
    return nosigpipe_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                             arguments[5]);
  };
  if (number == SYS_rt_sigprocmask) mask::blocks_from_here();
  if (number == SYS_prctl) kernel::before_prctl(arguments[0], static_cast<unsigned long>(arguments[1]));
  if (number == SYS_exit_group) event::log_totals();
  if (number == SYS_chroot || number == SYS_pivot_root || number == SYS_umount2) event::before_root();
  const bool enters = sets_filter(number, arguments);
  const long result =
      enters ? handler::enter_seccomp(call, [&](long given) { return is_refused(number, arguments, given); }) : call();
  look_at(number, arguments, result, return_address);
  if (result >= 0 || result < -4095) return result;
  errno = static_cast<int>(-result);
  return -1;
}
