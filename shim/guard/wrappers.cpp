#include "guard/wrappers.h"

// A send fails where the write would not, or for another reason: then the write is made, with errno as it was. None of
// these errors comes after something was sent.
ssize_t on_write_failure(Hook<Bytes> hook, const void* return_address, const void* buf, int error) {
  const int refusal = errno;
  const bool denied = refusal == EPERM || refusal == EACCES || refusal == ENOSYS;  // by a seccomp filter, perhaps
  if (refusal == EPIPE) {
    if (fd::hint(hook.fd) == fd::Hint::none) fd::remember(hook.fd, fd::Hint::socket);
    on_epipe_flagged(hook.over(return_address));
    return -1;
  }
  // write looks at the fd before it looks at the buffer, so its error may be another one.
  const bool is_other = refusal == ENOTSOCK;
  if (!is_other && !denied && refusal != EFAULT && !(may_refuse_flags(refusal) && fd::refuses_flags(hook.fd)))
    return -1;
  if (is_other) fd::remember(hook.fd, fd::Hint::other);
  errno = error;
  const auto result = guarded_slow(hook, return_address, [=] { return real::write(hook.fd, buf, hook.what.count); });
  if (denied && result >= 0) policy::learn(policy::send_is_denied);
  return result;
}

ssize_t written_slow(Hook<Bytes> hook, const void* return_address, const void* buf) {
  const bool write_is_send = policy::uses(policy::write_is_send);
  const bool known_other = !policy::uses(policy::masks) && fd::hint(hook.fd) == fd::Hint::other;
  if (!write_is_send || known_other || hook.what.count > kMostInOneCall)
    return guarded_slow(hook, return_address, [=] { return real::write(hook.fd, buf, hook.what.count); });
  thread.errno_at = &errno;
  const int error = errno;
  const ssize_t result = real::send(hook.fd, buf, hook.what.count, MSG_NOSIGNAL);
  if (result < 0) return on_write_failure(hook, return_address, buf, error);
  fd::remember(hook.fd, fd::Hint::socket);
  runaway::stop();
  return result;
}
