// A program that writes to sockets nobody reads from, out of functions to which the log has to lead back. It says what
// it did, knows nothing of the shim, and exits with 0 if every call came back with EPIPE.
//
// usage: log_victim WORD...
//
// The name of a CALLER below makes the call, `library=PATH` has it made by libcaller.so, and the other words are in
// main().
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <atomic>
#include <cerrno>
#include <latch>
#include <thread>
#include <vector>

#include "victims/sockets.h"
#include "victims/words.h"

namespace {

using Caller = long (*)(int fd);

std::map<std::string, Caller>& callers() {
  static std::map<std::string, Caller> list;
  return list;
}

// One call each, whose place in the program is known by the name of the function; none ends in a jump to it.
#define CALLER(name, expression)                           \
  extern "C" [[gnu::noinline]] long calls_##name(int fd) { \
    long result = (expression);                            \
    asm volatile("" : "+r"(result));                       \
    return result;                                         \
  }                                                        \
  [[maybe_unused]] const bool has_##name = callers().emplace(#name, calls_##name).second;

char text[] = "lost";
iovec parts[] = {{text, 4}, {text, 2}};
const msghdr message = [] {
  msghdr header{};
  header.msg_iov = parts;
  header.msg_iovlen = 2;
  return header;
}();
int program_file() {
  static const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  return fd;
}
int filled_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0 || write(ends[1], text, 4) != 4) std::abort();
  return ends[0];
}
int print(int fd) {
  FILE* stream = fdopen(fd, "w");
  return std::fputs(text, stream) == EOF ? -1 : std::fflush(stream);
}

CALLER(write, write(fd, text, 4))
CALLER(send, send(fd, text, 3, 0))
CALLER(sendto, sendto(fd, text, 2, 0, nullptr, 0))
CALLER(sendmsg, sendmsg(fd, &message, 0))
CALLER(writev, writev(fd, parts, 2))
CALLER(sendfile, sendfile(fd, program_file(), nullptr, 1000))
CALLER(splice, splice(filled_pipe(), nullptr, fd, nullptr, 4, 0))
CALLER(stdio, print(fd))
CALLER(syscall, syscall(SYS_write, fd, text, 4))

int dead_socket_of(const std::string& kind) {
  if (kind == "unix") return dead_socket();
  const int fd = tcp_pair(kind == "tcp6" ? AF_INET6 : AF_INET).ours;
  must(shutdown(fd, SHUT_WR), "shutdown");
  return fd;
}

std::atomic<int> handled = 0;

void set_sigpipe(const std::string& how) {
  if (how == "ignored") signal(SIGPIPE, SIG_IGN);
  if (how == "handled") signal(SIGPIPE, [](int) { ++handled; });
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  if (how == "blocked") sigprocmask(SIG_BLOCK, &set, nullptr);
}

std::string open_descriptors() {
  DIR* directory = opendir("/proc/self/fd");
  std::string list;
  while (const dirent* entry = readdir(directory))
    if (entry->d_name[0] != '.' && std::atoi(entry->d_name) != dirfd(directory))
      list += std::string(" ") + entry->d_name;
  closedir(directory);
  return list;
}

// Every number from 3 to 299 becomes this end of a pair.
int take_all_numbers() {
  close_range(3, ~0U, 0);
  const auto [ours, theirs] = unix_pair();
  const int other = must(fcntl(theirs, F_DUPFD, 300), "F_DUPFD");
  for (int fd = 3; fd < 300; ++fd)
    if (fd != ours) must(dup2(ours, fd), "dup2");
  return other;
}

}  // namespace

int main(int argc, char* argv[]) {
  std::string kind = "unix";
  int threads = 1;
  int times = 1;
  int taken = -1;
  std::atomic<bool> all_failed = true;

  const auto call = [&](Caller caller) {
    const int fd = dead_socket_of(kind);
    for (int i = 0; i < times; ++i)
      if (caller(fd) != -1 || errno != EPIPE) all_failed = false;
    return fd;
  };
  const auto call_in_threads = [&](Caller caller) {
    std::latch all_there(threads);
    std::vector<std::thread> crew;
    for (int i = 0; i < threads; ++i)
      crew.emplace_back([&] {
        all_there.arrive_and_wait();
        call(caller);
      });
    for (auto& thread : crew) thread.join();
  };

  Words words{
      {"socket", [&](const std::string& value) { kind = value; }},
      {"sigpipe", set_sigpipe},
      {"thread", [](const std::string& value) { prctl(PR_SET_NAME, value.c_str()); }},
      {"times", [&](const std::string& value) { times = std::atoi(value.c_str()); }},
      {"threads", [&](const std::string& value) { threads = std::atoi(value.c_str()); }},
      {"descriptors", [] { std::printf("descriptors%s\n", open_descriptors().c_str()); }},
      {"close", [](const std::string& value) { close(std::atoi(value.c_str())); }},
      {"take_all_numbers", [&] { taken = take_all_numbers(); }},
      {"count_taken",
       [&] { std::printf("taken %zd\n", recv(taken, std::vector<char>(65536).data(), 65536, MSG_DONTWAIT)); }},
      {"library",
       [&](const std::string& path) {
         std::printf("fd %d\n",
                     call(reinterpret_cast<Caller>(dlsym(dlopen(path.c_str(), RTLD_NOW), "calls_from_a_library"))));
       }},
  };
  for (const auto& [name, caller] : callers())
    words.emplace(name, [&, caller = caller] {
      if (threads == 1)
        std::printf("fd %d\n", call(caller));
      else
        call_in_threads(caller);
    });
  obey(words, argc, argv);
  if (handled > 0) std::printf("handled %d\n", handled.load());
  return all_failed ? 0 : 1;
}
