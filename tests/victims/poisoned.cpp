// A program whose stack, below and around each call, is full of one byte that it writes to nobody.
//
// usage: poisoned
//
// Exits with 0 if every call came back with EPIPE, and if the stack still holds the byte then.
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <thread>

#include "victims/sockets.h"

namespace {

constexpr unsigned char kPoison = 0xa7;
constexpr size_t kBelow = 32 << 10;
constexpr size_t kAround = 4 << 10;

// Where the frames of what is called next will be.
[[gnu::noinline]] void poison_below() {
  unsigned char room[kBelow];
  std::memset(room, kPoison, sizeof room);
  asm volatile("" : : "r"(room) : "memory");
}

template <class Call>
[[gnu::noinline]] bool fails_among_poison(Call call) {
  unsigned char before[kAround], after[kAround];
  std::memset(before, kPoison, sizeof before);
  std::memset(after, kPoison, sizeof after);
  asm volatile("" : : "r"(before), "r"(after) : "memory");
  const int fd = dead_socket();
  poison_below();
  errno = 0;
  const bool failed = call(fd) == -1 && errno == EPIPE;
  asm volatile("" : : "r"(before), "r"(after) : "memory");
  return failed && before[0] == kPoison && after[kAround - 1] == kPoison;
}

char text[] = "text";
const iovec parts[] = {{text, 2}, {text, 4}};

int print(int fd) {
  FILE* stream = fdopen(fd, "w");
  return std::fputs(text, stream) == EOF ? -1 : std::fflush(stream);
}

bool all_fail() {
  return fails_among_poison([](int fd) { return write(fd, text, 4); }) &&
         fails_among_poison([](int fd) { return send(fd, text, 4, 0); }) &&
         fails_among_poison([](int fd) { return writev(fd, parts, 2); }) &&
         fails_among_poison([](int fd) { return dprintf(fd, "%s", text); }) &&
         fails_among_poison([](int fd) { return print(fd); });
}

}  // namespace

int main() {
  bool failed = all_fail();
  std::thread([&] { failed = all_fail() && failed; }).join();
  return failed ? 0 : 1;
}
