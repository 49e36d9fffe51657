// Scenes of writes that the kernel makes for a ring or a context, by io_uring_enter and io_submit, in the midst of
// those calls. Made by number, as programs do that have no library for it.
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "scenes.h"

namespace {

[[noreturn]] void refused(const char* what) {
  printf("refused: %s, %s\n", what, strerror(errno));
  _exit(0);
}

// A ring of eight entries; what is put into it is made at once.
class Ring {
 public:
  Ring() {
    io_uring_params params{};
    fd_ = static_cast<int>(syscall(SYS_io_uring_setup, 8, &params));
    if (fd_ < 0) refused("io_uring_setup");
    const size_t size = params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe);
    rings_ = static_cast<char*>(map(size > 4096 ? size : 4096, IORING_OFF_SQ_RING));
    entries_ = static_cast<io_uring_sqe*>(map(8 * sizeof(io_uring_sqe), IORING_OFF_SQES));
    sq_ = params.sq_off;
    cq_ = params.cq_off;
  }

  int wait() { return syscall(SYS_io_uring_enter, fd_, 0, 1, IORING_ENTER_GETEVENTS, nullptr, 0) < 0 ? -errno : 0; }

  // What the kernel says of it; of the call itself, if that has failed.
  int make(int op, int fd, const void* address, unsigned length) {
    io_uring_sqe& entry = entries_[0];
    entry = {};
    entry.opcode = static_cast<std::uint8_t>(op);
    entry.fd = fd;
    entry.addr = reinterpret_cast<std::uintptr_t>(address);
    entry.len = length;
    at(sq_.array) = 0;
    tail(sq_.tail).fetch_add(1);
    const long submitted = syscall(SYS_io_uring_enter, fd_, 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0);
    if (submitted < 0) return -errno;
    const unsigned head = at(cq_.head);
    const auto* done = reinterpret_cast<const io_uring_cqe*>(rings_ + cq_.cqes) + (head & at(cq_.ring_mask));
    tail(cq_.head).fetch_add(1);
    return done->res;
  }

 private:
  void* map(size_t size, off_t what) const {
    void* area = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_, what);
    if (area == MAP_FAILED) refused("a ring's memory");
    return area;
  }
  unsigned& at(unsigned offset) const { return *reinterpret_cast<unsigned*>(rings_ + offset); }
  std::atomic<unsigned>& tail(unsigned offset) const {
    return *reinterpret_cast<std::atomic<unsigned>*>(rings_ + offset);
  }

  int fd_;
  char* rings_;
  io_uring_sqe* entries_;
  io_sqring_offsets sq_;
  io_cqring_offsets cq_;
};

void say(const char* what, int result) { printf("%s: %s\n", what, result < 0 ? strerror(-result) : "made"); }

int write_by_submit(int fd) {
  aio_context_t context = 0;
  if (syscall(SYS_io_setup, 1, &context) != 0) refused("io_setup");
  iocb block{};
  block.aio_lio_opcode = IOCB_CMD_PWRITE;
  block.aio_fildes = static_cast<std::uint32_t>(fd);
  block.aio_buf = reinterpret_cast<std::uintptr_t>(byte);
  block.aio_nbytes = 1;
  iocb* list[] = {&block};
  if (syscall(SYS_io_submit, context, 1, list) != 1) return -errno;
  io_event event{};
  syscall(SYS_io_getevents, context, 1, 1, &event, nullptr);
  return static_cast<int>(event.res);
}

}  // namespace

SCENE(ring_to_dead_socket) {
  Ring ring;
  for (int i = 0; i < 3; ++i) {
    say("write", ring.make(IORING_OP_WRITE, dead_socket(), byte, 1));
    say("writev", ring.make(IORING_OP_WRITEV, dead_socket(), &one_byte, 1));
  }
}
SCENE(ring_to_live_and_dead_sockets) {
  Ring ring;
  const Pair live = unix_pair();
  for (int i = 0; i < 3; ++i) {
    say("live", ring.make(IORING_OP_WRITE, live.ours, byte, 1));
    say("dead", ring.make(IORING_OP_WRITE, dead_socket(), byte, 1));
  }
}
SCENE(ring_to_dead_pipe_still_kills) {
  Ring ring;
  say("write", ring.make(IORING_OP_WRITE, dead_pipe(), byte, 1));
}
SCENE(ring_to_dead_pipe_by_vector_still_kills) {
  Ring ring;
  say("writev", ring.make(IORING_OP_WRITEV, dead_pipe(), &one_byte, 1));
}
// The ring's call says nothing of the fd: with both open, it may have been the socket's.
SCENE(ring_to_dead_socket_beside_dead_pipe) {
  Ring ring;
  dead_pipe();
  say("write", ring.make(IORING_OP_WRITE, dead_socket(), byte, 1));
}
SCENE(submit_to_dead_socket_beside_dead_pipe) {
  dead_pipe();
  say("io_submit", write_by_submit(dead_socket()));
}
SCENE(ring_with_own_handler) {
  static volatile int calls;
  signal(SIGPIPE, [](int) { calls = calls + 1; });
  Ring ring;
  for (int i = 0; i < 3; ++i) {
    say("write", ring.make(IORING_OP_WRITE, dead_socket(), byte, 1));
    printf("called %d times\n", calls);
  }
}
// Its handler is called for a signal of a timer as it waits for what never comes.
SCENE(ring_that_waits_and_a_handler_that_dies) {
  signal(SIGPIPE, [](int) {
    signal(SIGPIPE, SIG_DFL);
    kill(getpid(), SIGPIPE);
  });
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGPIPE;
  timer_t timer;
  timer_create(CLOCK_MONOTONIC, &event, &timer);
  Ring ring;
  const itimerspec soon{{0, 0}, {0, 5'000'000}};
  timer_settime(timer, 0, &soon, nullptr);
  say("wait", ring.wait());
}
// Between two calls of getppid.
SCENE(ring_with_own_handler_when_told) {
  signal(SIGPIPE, [](int) {});
  Ring ring;
  const int dead = dead_socket();
  char word;
  if (read(0, &word, 1) != 1) abort();
  getppid();
  for (int i = 0; i < 10; ++i) ring.make(IORING_OP_WRITE, dead, byte, 1);
  getppid();
}
SCENE(submit_to_dead_socket) {
  for (int i = 0; i < 3; ++i) say("io_submit", write_by_submit(dead_socket()));
}
SCENE(submit_to_dead_pipe_still_kills) { say("io_submit", write_by_submit(dead_pipe())); }
SCENE(submit_to_dead_pipe_of_high_number_still_kills) {
  const int fd = dead_pipe();
  const int high = fcntl(fd, F_DUPFD, 200);
  close(fd);
  say("io_submit", write_by_submit(high));
}
