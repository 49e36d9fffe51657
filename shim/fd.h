// What a file descriptor is: a socket or not, and what is remembered of it from one write to the next.
#pragma once

#include <atomic>
#include <cstdint>

namespace fd {

// Asks the kernel. A socketpair on fd 0, 1 or 2 counts as `other`: it is a pipe in disguise (ksh93 builds its
// pipelines, Node its children's stdio from them).
enum class Kind { stream, packets, other, closed };
Kind kind_of(int fd);

// Whether a SIGPIPE over this fd is ours to avert: a socket, or anything with NOSIGPIPE_SCOPE=all. An fd that another
// thread has closed meanwhile was what we remember of it, else a socket.
bool in_scope(int fd);

// Whether the kernel has raised SIGPIPE where it answered EPIPE: not on AF_UNIX's or UDP's packets.
bool raises_sigpipe(int fd);

// Whether a write on this fd fails with EPIPE: a stream socket that can send no more, a pipe that nobody reads.
bool is_dead(int fd);

// The same of two fds, where a SIGPIPE says that one of them is: an AF_UNIX peer that leaves raises it a moment before
// our end shows it, so that moment is waited for, 40 ms at most. Gives the dead one, or -1. They may be the same.
int dead_one_of(int first, int second);

// Hints: what the last write on each fd has shown. They may be stale, since nobody tells us of close or dup.
class Hints {
 public:
  static constexpr int kFds = 1 << 20;  // above the usual hard limit; an fd beyond is never remembered

  bool has(int fd) const { return known(fd) && (word(fd).load(std::memory_order_relaxed) & bit(fd)) != 0; }
  void add(int fd) {
    if (known(fd) && !has(fd)) word(fd).fetch_or(bit(fd), std::memory_order_relaxed);
  }
  void drop(int fd) {
    if (has(fd)) word(fd).fetch_and(~bit(fd), std::memory_order_relaxed);
  }

 private:
  using Word = std::atomic<std::uint32_t>;
  static bool known(int fd) { return static_cast<unsigned>(fd) < kFds; }
  static std::uint32_t bit(int fd) { return std::uint32_t{1} << (fd & 31); }
  Word& word(int fd) { return words_[fd >> 5]; }
  const Word& word(int fd) const { return words_[fd >> 5]; }

  Word words_[kFds / 32];
};
inline constinit Hints sockets;
inline constinit Hints others;

inline void remember_socket(int fd) {
  sockets.add(fd);
  others.drop(fd);
}
inline void remember_other(int fd) {
  others.add(fd);
  sockets.drop(fd);
}

// Learns what the lowest 1,024 fds are, while the kernel may still be asked.
void remember_all();

}  // namespace fd
