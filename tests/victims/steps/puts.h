// Steps that write: by functions that the shim replaces, by number, by libc's own, by instructions of the program's and
// by rings.
#pragma once

#include <sys/sendfile.h>
#include <sys/uio.h>

#include "victims/steps/rings.h"

namespace steps {

inline const msghdr& message(const iovec& part) {
  auto& header = given_now().message;
  header = {};
  header.msg_iov = const_cast<iovec*>(&part);
  header.msg_iovlen = 1;
  return header;
}

inline int filled_pipe() {
  const Pair pair = pipe_pair();
  (void)!raw(SYS_write, pair.ours, some, 8);
  raw(SYS_close, pair.ours);
  return moved_up(pair.theirs);
}
inline int filled_file() {
  const int file = moved_up(memfd_create("source", 0));
  (void)!raw(SYS_pwrite64, file, some, 8, 0);
  return file;
}

inline long by_sendmmsg(const Bytes& b, int flags) {
  const auto& part = b.vector();
  mmsghdr both[2] = {{message(part), 0}, {message(part), 0}};
  return sendmmsg(b.fd, both, 2, flags);
}

template <class Call>
long from(int source, Call call) {
  const long result = call(source);
  const int error = errno;
  raw(SYS_close, source);
  errno = error;
  return result;
}

inline long by_fwrite(const Bytes& b) {
  FILE* file = fdopen(b.fd, "w");  // it is not closed: the fd is not its own
  if (file == nullptr) return -2;
  setvbuf(file, nullptr, _IONBF, 0);
  forget_errno();
  return static_cast<long>(fwrite(some, 1, b.count, file));
}

struct Put {
  const char* name;
  By by;
  long (*call)(const Bytes&);
};

inline const Put kPuts[] = {
    {"write", By::hook, [](const Bytes& b) { return long{write(b.fd, b.at, b.count)}; }},
    {"send", By::hook, [](const Bytes& b) { return long{send(b.fd, b.at, b.count, 0)}; }},
    {"send, quiet", By::hook, [](const Bytes& b) { return long{send(b.fd, b.at, b.count, MSG_NOSIGNAL)}; }},
    {"sendto", By::hook, [](const Bytes& b) { return long{sendto(b.fd, b.at, b.count, MSG_DONTWAIT, nullptr, 0)}; }},
    {"sendmsg", By::hook,
     [](const Bytes& b) {
       const auto& part = b.vector();
       const auto& header = message(part);
       return long{sendmsg(b.fd, &header, 0)};
     }},
    {"sendmmsg", By::hook, [](const Bytes& b) { return by_sendmmsg(b, 0); }},
    {"sendmmsg, quiet", By::hook, [](const Bytes& b) { return by_sendmmsg(b, MSG_NOSIGNAL); }},
    {"writev", By::hook,
     [](const Bytes& b) {
       const auto& part = b.vector();
       return long{writev(b.fd, &part, 1)};
     }},
    {"pwritev2", By::hook,
     [](const Bytes& b) {
       const auto& part = b.vector();
       return long{pwritev2(b.fd, &part, 1, -1, 0)};
     }},
    {"pwritev2, quiet", By::hook,
     [](const Bytes& b) {
       const auto& part = b.vector();
       return long{pwritev2(b.fd, &part, 1, -1, 0x100)};  // RWF_NOSIGNAL
     }},
    {"sendfile", By::hook,
     [](const Bytes& b) {
       return from(filled_file(), [&](int in) {
         off_t offset = 0;
         forget_errno();
         return long{sendfile(b.fd, in, &offset, 8)};
       });
     }},
    {"splice", By::hook,
     [](const Bytes& b) {
       return from(filled_pipe(), [&](int in) {
         forget_errno();
         return long{splice(in, nullptr, b.fd, nullptr, 8, SPLICE_F_NONBLOCK)};
       });
     }},
    {"tee", By::hook,
     [](const Bytes& b) {
       return from(filled_pipe(), [&](int in) {
         forget_errno();
         return long{tee(in, b.fd, 8, SPLICE_F_NONBLOCK)};
       });
     }},
    {"vmsplice", By::hook,
     [](const Bytes& b) {
       const auto& part = b.vector();
       return long{vmsplice(b.fd, &part, 1, SPLICE_F_NONBLOCK)};
     }},
    {"syscall, write", By::number, [](const Bytes& b) { return syscall(SYS_write, b.fd, b.at, b.count); }},
    {"syscall, sendto", By::number,
     [](const Bytes& b) { return syscall(SYS_sendto, b.fd, b.at, b.count, 0, nullptr, 0); }},
    {"syscall, quiet sendto", By::number,
     [](const Bytes& b) { return syscall(SYS_sendto, b.fd, b.at, b.count, MSG_NOSIGNAL, nullptr, 0); }},
    {"syscall, writev", By::number,
     [](const Bytes& b) {
       const auto& part = b.vector();
       return syscall(SYS_writev, b.fd, &part, 1);
     }},
    {"syscall, splice", By::number,
     [](const Bytes& b) {
       return from(filled_pipe(), [&](int in) {
         forget_errno();
         return syscall(SYS_splice, in, nullptr, b.fd, nullptr, 8, SPLICE_F_NONBLOCK);
       });
     }},
    {"syscall, sendfile", By::number,
     [](const Bytes& b) {
       return from(filled_file(), [&](int in) {
         off_t offset = 0;
         forget_errno();
         return syscall(SYS_sendfile, b.fd, in, &offset, 8);
       });
     }},
    {"dprintf", By::unseen, [](const Bytes& b) { return long{dprintf(b.fd, "x")}; }},
    {"fwrite", By::unseen, by_fwrite},
    {"inline write", By::unseen, [](const Bytes& b) { return inline_call(SYS_write, b.fd, b.at, b.count); }},
    {"inline writev", By::unseen,
     [](const Bytes& b) {
       const auto& part = b.vector();
       return inline_call(SYS_writev, b.fd, &part, 1);
     }},
    {"inline sendfile", By::unseen,
     [](const Bytes& b) {
       return from(filled_file(), [&](int in) {
         off_t offset = 0;
         forget_errno();
         return inline_call(SYS_sendfile, b.fd, in, &offset, 8);
       });
     }},
    {"inline splice", By::unseen,
     [](const Bytes& b) {
       return from(filled_pipe(), [&](int in) {
         forget_errno();
         return inline_call(SYS_splice, in, nullptr, b.fd, nullptr, 8, SPLICE_F_NONBLOCK);
       });
     }},
    {"aio_write", By::unseen, by_aio},
    {"io_submit", By::unseen, by_submit},
    {"io_uring_enter", By::unseen, by_ring}};
constexpr int kPutsByRing = 3;  // the last ones
inline const int kWays = static_cast<int>(std::size(kPuts));

// Of what length, and from where.
enum Shape { kOne, kNothing, kMany, kBadPointer, kMinusOne, kShapes };

inline Bytes shaped(int shape, int fd, By by) {
  switch (shape) {
    case kNothing:
      return {some, 0, fd};
    case kMany:
      return {some, 300, fd};
    case kBadPointer:
      return {by == By::unseen ? some : reinterpret_cast<const char*>(8), 1, fd};
    default:
      return {some, 1, fd};
  }
}

}  // namespace steps
