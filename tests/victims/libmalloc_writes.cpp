// A malloc library that writes to a dead socket at every allocation, on the way to libc's malloc.

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

extern "C" void* __libc_malloc(std::size_t size);
extern "C" void* __libc_calloc(std::size_t count, std::size_t size);

static void write_to_dead_socket() {
  static int fd = -1;
  const int error = errno;
  if (fd < 0) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return;
    close(ends[1]);
    fd = ends[0];
  }
  if (write(fd, "x", 1) == 1) __builtin_trap();
  errno = error;
}

extern "C" void* malloc(std::size_t size) {
  write_to_dead_socket();
  return __libc_malloc(size);
}

extern "C" void* calloc(std::size_t count, std::size_t size) {
  write_to_dead_socket();
  return __libc_calloc(count, size);
}
