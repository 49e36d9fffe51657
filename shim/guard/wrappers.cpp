#include "guard/wrappers.h"

// An fd below 0 looks as if a SIGPIPE had come. It would cost each call to tell it apart, and here nothing: none is so
// high.
void net_met(Call call, long result, bool raised) {
  if (call.fd >= 1 << 30) raised = false;
  const bool told = std::exchange(thread.told, false);
  if (result < 0 && errno == EPIPE) raised ? net_caught_epipe(call, told) : net_met_epipe(call);
  if (result < 0) return;
  runaway::stop();
  if (call.asked.exceeds_bytes(result)) thread.short_count_fd = call.fd;
  if (raised && !told) net_met_success(call);
}

ssize_t write_met_error(Call call, const void* buf, std::size_t n, int error) {
  if (errno == EPIPE) {
    if (fd::hint(call.fd) == fd::Hint::none) fd::remember(call.fd, fd::Hint::socket);
    flag_met_epipe(call);
  }
  if (errno != ENOTSOCK && !refuses_flag()) return -1;
  if (errno == ENOTSOCK) fd::remember(call.fd, fd::Hint::other);
  errno = error;
  return guarded_rarely(call, [=] { return real::write(call.fd, buf, n); });
}

ssize_t written_rarely(int fd, const void* buf, std::size_t n, const char* function, const void* caller) {
  const Call call{function, fd, caller, Bytes{n}};
  const unsigned technique = technique::now();
  const bool known_other = (technique & technique::trust_hints) != 0 && fd::hint(call.fd) == fd::Hint::other;
  if ((technique & technique::write_is_send) == 0 || known_other || n > kMostInOneCall)
    return guarded_rarely(call, [=] { return real::write(call.fd, buf, n); });
  thread.errno_at = &errno;
  const int error = errno;
  const ssize_t result = real::send(call.fd, buf, n, MSG_NOSIGNAL);
  if (result < 0) return write_met_error(call, buf, n, error);
  fd::remember(call.fd, fd::Hint::socket);
  runaway::stop();
  return result;
}
