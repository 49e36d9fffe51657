// What a file descriptor is, and what is remembered of it from one write to the next. What is asked here is asked of
// the kernel, can be asked in a signal handler, leaves errno alone and never blocks.
#pragma once

#include <atomic>
#include <cstdint>

namespace fd {

// The question: whether a SIGPIPE over this fd is not ours to avert. It is now the writing end of a pipe or FIFO that
// nobody reads; or it is 0, 1 or 2 and an AF_UNIX stream socket whose ends have no names, which is a pipe in disguise
// (ksh93 builds its pipelines, Node its children's stdio from them). With NOSIGPIPE_SCOPE=all: nothing is.
bool is_unread_pipe(int fd);

// The same where the fd is not known: whether one is open anywhere in this process. At most 4,096 fds are looked at:
// beyond, the answer is no.
bool has_unread_pipe();

// Whether a stream socket is open that can write no more, among as many: then a SIGPIPE may be its own.
bool has_dead_socket();

// A pipe in disguise, see above; dead or alive.
bool is_disguised_pipe(int fd);

// Whether the kernel raises SIGPIPE where it answers EPIPE: not on AF_UNIX's or UDP's packets.
bool raises_sigpipe(int fd);

bool is_stream_socket(int fd);

// Whether this can write no more: a socket whose peer has left, a pipe that nobody reads.
bool is_dead(int fd);

// Whether a flag that it does not know makes this socket's family refuse the call, before anything has happened: AX.25,
// X.25, RDS and their like. Not the four that everybody uses.
bool refuses_flags(int fd);

// Whether another socket than this one is open on which somebody is being served: it listens, or is connected.
bool serves_others(int fd);

// A number that no other socket of this boot has; 0 where the kernel has none (before Linux 4.12).
unsigned long long cookie(int fd);

// What the last write on each fd has shown. It may be stale, since nobody tells us of close or dup: where our handler
// stands that does no harm, nor that fds beyond these share one with others.
enum class Hint : std::uint8_t { none, socket, other };
constexpr unsigned kHints = 1 << 16;
extern constinit std::atomic<Hint> hints[kHints];

// What is remembered decides once the program has set a seccomp filter, and nothing can be asked any more. Forgets all
// that is not a pipe now.
void remember_pipes_alone();

inline std::atomic<Hint>& hint_of(int fd) { return hints[static_cast<unsigned>(fd) % kHints]; }
inline Hint hint(int fd) { return hint_of(fd).load(std::memory_order_relaxed); }
inline void remember(int fd, Hint hint) { hint_of(fd).store(hint, std::memory_order_relaxed); }

}  // namespace fd
