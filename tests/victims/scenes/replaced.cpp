// Scenes of an fd that becomes another file while threads write to it, as when a log is reconnected.
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>

#include <atomic>
#include <cstdio>
#include <thread>

#include "scenes.h"

namespace {

constexpr int kFd = 200;
constexpr int kCalls = 40'000;  // of each writer, and more until this many have met EPIPE
constexpr int kFewest = 10;

using Replace = std::function<void(int dead)>;

// Two threads write to the fd while it is a dead socket, something else, and a dead socket again.
void replaced(const Verb& verb, const Replace& replace) {
  const int dead = dead_socket();
  dup2(dead, kFd);
  std::atomic<int> writers = 2;
  std::vector<std::thread> list;
  for (int i = 0; i < 2; ++i)
    list.emplace_back([&] {
      for (int call = 0, epipes = 0; call < kCalls || epipes < kFewest; ++call) {
        errno = 0;
        verb.call(kFd);
        if (errno == EPIPE) ++epipes;
      }
      --writers;
    });
  while (writers > 0) {
    replace(dead);
    dup2(dead, kFd);
  }
  for (auto& thread : list) thread.join();
  puts("alive");
}

void by_file(int) {
  static const int null = open("/dev/null", O_WRONLY);
  dup2(null, kFd);
}
void by_nothing(int) { close(kFd); }
void by_packets(int) {
  static const int packets = dead_socket(SOCK_SEQPACKET);
  dup2(packets, kFd);
}

const Verb kWrite{"write", [](int fd) { return write(fd, byte, 1); }};
const Verb kWritev{"writev", [](int fd) { return writev(fd, &one_byte, 1); }};
const Verb kDprintf{"dprintf", [](int fd) { return ssize_t{dprintf(fd, "x")}; }};
const Verb kSyscall{"syscall", [](int fd) { return syscall(SYS_write, fd, byte, 1); }};
const Verb kSendfile{"sendfile", [](int fd) {
                       static const int source = file();
                       off_t begin = 0;
                       return sendfile(fd, source, &begin, 1);
                     }};
const Verb kFwrite{"fwrite", [](int fd) {
                     thread_local FILE* const stream = fdopen(fd, "w");
                     setvbuf(stream, nullptr, _IONBF, 0);
                     return static_cast<ssize_t>(fwrite(byte, 1, 1, stream));
                   }};

}  // namespace

SCENE(replaced_by_file_write) { replaced(kWrite, by_file); }
SCENE(replaced_by_file_writev) { replaced(kWritev, by_file); }
SCENE(replaced_by_file_dprintf) { replaced(kDprintf, by_file); }
SCENE(replaced_by_file_fwrite) { replaced(kFwrite, by_file); }
SCENE(replaced_by_file_sendfile) { replaced(kSendfile, by_file); }
SCENE(replaced_by_file_syscall) { replaced(kSyscall, by_file); }
SCENE(replaced_by_nothing_write) { replaced(kWrite, by_nothing); }
SCENE(replaced_by_nothing_writev) { replaced(kWritev, by_nothing); }
SCENE(replaced_by_nothing_dprintf) { replaced(kDprintf, by_nothing); }
SCENE(replaced_by_packets_writev) { replaced(kWritev, by_packets); }
SCENE(replaced_by_packets_dprintf) { replaced(kDprintf, by_packets); }
