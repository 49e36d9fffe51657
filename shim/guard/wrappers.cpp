#include "guard/wrappers.h"

// An fd below 0 looks as if a SIGPIPE had come (Hooked keeps that in its sign). To tell it apart would cost each call
// something; here it costs nothing, since no fd is so high.
void on_unmasked_failure(Call call, long result, bool raised) {
  if (call.fd >= 1 << 30) raised = false;
  const bool logged = std::exchange(thread.logged, false);
  if (result < 0 && errno == EPIPE) raised ? on_epipe_handled(call, logged) : on_epipe_unhandled(call);
  if (result < 0) return;
  runaway::stop();
  if (call.asked.exceeds_bytes(result)) thread.short_count_fd = call.fd;
  if (raised && !logged) on_success_handled(call);
}

ssize_t on_write_failure(Call call, const void* buf, std::size_t n, int error) {
  if (errno == EPIPE) {
    if (fd::hint(call.fd) == fd::Hint::none) fd::remember(call.fd, fd::Hint::socket);
    on_epipe_flagged(call);
  }
  if (errno != ENOTSOCK && !refuses_flag()) return -1;
  if (errno == ENOTSOCK) fd::remember(call.fd, fd::Hint::other);
  errno = error;
  return guarded_slow(call, [=] { return real::write(call.fd, buf, n); });
}

ssize_t written_slow(int fd, const void* buf, std::size_t n, const char* function, const void* return_address) {
  const Call call{function, fd, return_address, Bytes{n}};
  const bool known_other = policy::uses(policy::trusts_hints) && fd::hint(call.fd) == fd::Hint::other;
  if (!policy::uses(policy::write_is_send) || known_other || n > kMostInOneCall)
    return guarded_slow(call, [=] { return real::write(call.fd, buf, n); });
  thread.errno_at = &errno;
  const int error = errno;
  const ssize_t result = real::send(call.fd, buf, n, MSG_NOSIGNAL);
  if (result < 0) return on_write_failure(call, buf, n, error);
  fd::remember(call.fd, fd::Hint::socket);
  runaway::stop();
  return result;
}
