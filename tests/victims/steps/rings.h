// Writes that the kernel, or a thread of libc's, makes for the program: AIO, io_submit and io_uring.
#pragma once

#include <aio.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "victims/steps/fds.h"

namespace steps {

// What is written, and where to.
struct Bytes {
  const char* at;
  size_t count;
  int fd;
  const iovec& vector() const;
};

// What a vector and a message are in: a page of its own, which a handler may unmap.
struct Given {
  iovec part;
  msghdr message;
};
inline thread_local Given* given = nullptr;
inline Given& given_now() {
  if (given == nullptr)
    given = static_cast<Given*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  return *given;
}
inline void unmaps_what_was_given() {
  if (given != nullptr) raw(SYS_munmap, given, 4096);
  given = nullptr;
}
inline const iovec& Bytes::vector() const {
  auto& part = given_now().part;
  part = {const_cast<char*>(at), count};
  return part;
}

inline char some[512] = "some bytes";

// By a child: libc's thread for it is not in a later one.
inline long by_aio(const Bytes& b) {
  const pid_t child = fork();
  if (child == 0) {
    aiocb block{};
    block.aio_fildes = b.fd;
    block.aio_buf = some;
    block.aio_nbytes = 1;
    const aiocb* const list[] = {&block};
    if (aio_write(&block) != 0) _exit(errno);
    while (aio_error(&block) == EINPROGRESS) aio_suspend(list, 1, nullptr);
    _exit(aio_error(&block));
  }
  int status = 0;
  while (waitpid(child, &status, 0) == -1 && errno == EINTR) {
  }
  return -status;
}

inline long by_submit(const Bytes& b) {
  aio_context_t context = 0;
  if (raw(SYS_io_setup, 1, &context) != 0) return -2;
  iocb block{};
  block.aio_fildes = static_cast<unsigned>(b.fd);
  block.aio_lio_opcode = IOCB_CMD_PWRITE;
  block.aio_buf = reinterpret_cast<std::uintptr_t>(some);
  block.aio_nbytes = 1;
  iocb* blocks[] = {&block};
  io_event done{};
  long result = syscall(SYS_io_submit, context, 1, blocks);
  if (result == 1 && raw(SYS_io_getevents, context, 1, 1, &done, nullptr) == 1) result = static_cast<long>(done.res);
  raw(SYS_io_destroy, context);
  return result;
}

// A ring for one entry.
inline long by_ring(const Bytes& b) {
  io_uring_params params{};
  const int ring = static_cast<int>(raw(SYS_io_uring_setup, 2, &params));
  if (ring < 0) return -2;
  constexpr size_t kSize = 8192;
  auto* rings = static_cast<char*>(mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING));
  auto* entries =
      static_cast<io_uring_sqe*>(mmap(nullptr, kSize / 2, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES));
  entries[0].opcode = IORING_OP_WRITE;
  entries[0].fd = b.fd;
  entries[0].addr = reinterpret_cast<std::uintptr_t>(some);
  entries[0].len = 1;
  *reinterpret_cast<unsigned*>(rings + params.sq_off.array) = 0;
  __atomic_store_n(reinterpret_cast<unsigned*>(rings + params.sq_off.tail), 1, __ATOMIC_RELEASE);
  long result = syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0);
  if (result == 1) result = reinterpret_cast<io_uring_cqe*>(rings + params.cq_off.cqes)->res;
  munmap(rings, kSize);
  munmap(entries, kSize / 2);
  raw(SYS_close, ring);
  return result;
}

}  // namespace steps
