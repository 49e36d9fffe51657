// Sends to a peer that leaves half-way, again and again. The kernel sends in portions: where the peer leaves between
// two of them, the call reports the bytes of the first ones and raises SIGPIPE all the same.
//
// usage: half_way CALL SOCKET DISPOSITION ROUNDS, of (syscall_)sendfile and splice; tcp and unix; default, handler and
// blocked. Prints in how many rounds less than everything was sent and in how many of those SIGPIPE was seen, by the
// handler or as pending; and in how many one was left behind, or the thread's mask had changed.
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>

#include "victims/sockets.h"

namespace {

constexpr int kPortions = 256;  // as many as a pipe has room for
constexpr int kBuffer = 16 * 1024;

// All from one listener, whose buffer is small.
Pair tcp_pair_with_small_buffer() {
  static Address address;
  static const int listener = [] {
    const int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    must(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kBuffer, sizeof kBuffer), "SO_RCVBUF");
    address = bound_to_loopback(fd);
    must(listen(fd, 1), "listen");
    return fd;
  }();
  const int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
  connect_to(fd, address);
  reset_at_close(fd);
  return {fd, must(accept(listener, nullptr, nullptr), "accept")};
}

int unread(int fd) {
  int bytes = 0;
  must(ioctl(fd, FIONREAD, &bytes), "FIONREAD");
  return bytes;
}

// Keeps a thread on a processor, the first or the last there is. On one and the same, neither would see the other at
// it.
void stay_on(bool last) {
  cpu_set_t all, one;
  must(sched_getaffinity(0, sizeof all, &all), "sched_getaffinity");
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &all) || (!last && CPU_COUNT(&one) == 1)) continue;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
  }
  must(sched_setaffinity(0, sizeof one, &one), "sched_setaffinity");
}

// The other end, in a thread of its own. It leaves once it has seen so many bytes.
class Peer {
 public:
  explicit Peer(bool reads) : reads_(reads), thread_([this] { run(); }) {}
  ~Peer() {
    hand_over(kStop);
    thread_.join();
  }

  // Returns when the peer is at it; on a busy machine it may have lost its processor again.
  void meet(int fd, int bytes) {
    bytes_ = bytes;
    const unsigned before = looks_;
    hand_over(fd);
    while (looks_ == before) sched_yield();
    for (int tries = 0; !reads_ && tries < 20 && !is_looking(); ++tries) sched_yield();
  }
  void wait_until_gone() {
    for (int fd; (fd = fd_) != kNobody;) fd_.wait(fd);
  }

 private:
  static constexpr int kNobody = -1;
  static constexpr int kStop = -2;

  void hand_over(int fd) {
    fd_ = fd;
    fd_.notify_all();
  }

  bool is_looking() const {
    const unsigned before = looks_;
    for (int i = 0; i < 1000; ++i)
      if (looks_ - before > 2) return true;
    return false;
  }

  void run() {
    if (!reads_) stay_on(true);
    while (true) {
      fd_.wait(kNobody);
      const int fd = fd_;
      if (fd == kStop) return;
      if (reads_)
        read_all(fd);
      else
        look(fd);
      close(fd);
      hand_over(kNobody);
    }
  }

  // Leaves nothing unread, which TCP would answer with RST, and the sender see as ECONNRESET.
  void read_all(int fd) {
    char buffer[kBuffer];
    ++looks_;
    for (ssize_t n, left = bytes_; left > 0 && (n = read(fd, buffer, sizeof buffer)) > 0;) left -= n;
    while (unread(fd) > 0) must(read(fd, buffer, sizeof buffer), "read");
  }

  void look(int fd) {
    for (int i = 0; unread(fd) < bytes_; ++i) {
      ++looks_;
      if (i > 2000) sched_yield();
    }
  }

  const bool reads_;
  std::atomic<int> fd_ = kNobody;
  std::atomic<unsigned> looks_ = 0;
  int bytes_ = 0;
  std::thread thread_;
};

// What is sent, as a file and as memory.
struct Content {
  int portion;
  int size = portion * kPortions;
  int file = must(memfd_create("content", 0), "memfd_create");
  char* bytes = static_cast<char*>(mmap(nullptr, static_cast<size_t>(size), PROT_READ, MAP_SHARED, file, 0));
};

// The content in a pipe.
struct Filled {
  int fds[2];
  explicit Filled(const Content& content) {
    must(pipe(fds), "pipe");
    must(fcntl(fds[1], F_SETPIPE_SZ, kPortions * getpagesize()), "F_SETPIPE_SZ");
    iovec portions[kPortions];
    for (int i = 0; i < kPortions; ++i)
      portions[i] = {content.bytes + i * content.portion, static_cast<size_t>(content.portion)};
    must(vmsplice(fds[1], portions, kPortions, 0), "vmsplice");
  }
  ~Filled() {
    close(fds[0]);
    close(fds[1]);
  }
};

ssize_t send_file(int fd, int source, size_t size, bool raw) {
  off_t offset = 0;
  return raw ? syscall(SYS_sendfile, fd, source, &offset, size) : sendfile(fd, source, &offset, size);
}

ssize_t send_pipe(int fd, int source, size_t size, bool raw) {
  return raw ? syscall(SYS_splice, source, nullptr, fd, nullptr, size, 0)
             : splice(source, nullptr, fd, nullptr, size, 0);
}

sigset_t mask() {
  sigset_t now{};
  pthread_sigmask(SIG_SETMASK, nullptr, &now);
  return now;
}

bool take_pending() {
  sigset_t sigpipe{};
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  const timespec at_once{};
  sigset_t pending{};
  sigpending(&pending);
  return sigismember(&pending, SIGPIPE) == 1 && sigtimedwait(&sigpipe, nullptr, &at_once) == SIGPIPE;
}

std::atomic<int> handled = 0;

}  // namespace

int main(int argc, char* argv[]) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: half_way CALL SOCKET DISPOSITION ROUNDS\n");
    return 2;
  }
  const std::string call = argv[1], socket = argv[2], disposition = argv[3];
  const bool raw = call.starts_with("syscall_");
  const bool splices = call.ends_with("splice");

  sigset_t blocked{};
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);  // so that the mask is not an empty one
  if (disposition == "blocked") sigaddset(&blocked, SIGPIPE);
  if (disposition == "handler") signal(SIGPIPE, [](int) { ++handled; });
  pthread_sigmask(SIG_SETMASK, &blocked, nullptr);

  // A splice to AF_UNIX that waits for room gets EPIPE and no signal: there the peer goes while it is at work.
  const bool waits_for_room = !splices || socket == "tcp";
  const Content content{waits_for_room ? 1024 : 64};
  must(ftruncate(content.file, content.size), "ftruncate");
  Peer peer(waits_for_room);
  if (!waits_for_room) stay_on(false);
  std::mt19937 random(1);
  std::uniform_int_distribution<> some(1, waits_for_room ? content.size / 2 : content.portion);
  int partial = 0, seen = 0, left_behind = 0, changed = 0;
  for (int round = 0; round < std::atoi(argv[4]); ++round) {
    const auto [fd, other] = socket == "tcp" ? tcp_pair_with_small_buffer() : unix_pair();
    if (waits_for_room) must(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kBuffer, sizeof kBuffer), "SO_SNDBUF");
    const sigset_t before = mask();
    const int handled_before = handled;
    const Filled filled(content);
    const auto size = static_cast<size_t>(content.size);
    peer.meet(other, some(random));
    const ssize_t sent = splices ? send_pipe(fd, filled.fds[0], size, raw) : send_file(fd, content.file, size, raw);
    const sigset_t after = mask();
    const bool pending = take_pending();
    partial += sent > 0 && sent < content.size;
    seen += sent > 0 && (disposition == "blocked" ? pending : handled != handled_before);
    left_behind += disposition != "blocked" && pending;
    changed += std::memcmp(&before, &after, sizeof before) != 0;
    peer.wait_until_gone();
    close(fd);
  }
  std::printf("partial=%d seen=%d left_behind=%d changed=%d\n", partial, seen, left_behind, changed);
}
