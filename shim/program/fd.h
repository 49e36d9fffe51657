// What a file descriptor is: a socket or not, and what is remembered of it from one write to the next.
#pragma once

#include <atomic>
#include <cstdint>

namespace fd {

// All of these ask the kernel, are safe in a signal handler and leave errno alone.

// A socketpair on fd 0, 1 or 2 counts as `other`: it is a pipe in disguise (ksh93 builds its
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
// our end shows it, so that moment is waited for: the only one here that can block, for 40 ms at most. Gives the dead
// one, or -1. They may be the same.
int dead_one_of(int first, int second);

// What the last write on each fd has shown. It may be stale, since nobody tells us of close or dup; so it does no harm
// that two fds share one where there are more than the usual hard limit.
enum class Hint : std::uint8_t { none, socket, other };
constexpr unsigned kHints = 1 << 20;
inline constinit std::atomic<Hint> hints[kHints];

inline std::atomic<Hint>& hint_of(int fd) { return hints[static_cast<unsigned>(fd) % kHints]; }
inline Hint hint(int fd) { return hint_of(fd).load(std::memory_order_relaxed); }
inline void remember(int fd, Hint hint) { hint_of(fd).store(hint, std::memory_order_relaxed); }

// Learns what the lowest 1,024 fds are, while the kernel may still be asked.
void remember_all();

}  // namespace fd
