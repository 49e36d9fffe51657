// A program that writes to sockets nobody reads from, out of functions to which the log has to lead back. It tells what
// it did, knows nothing of the shim, and exits with 0 if every call came back with EPIPE.
//
// usage: log_victim WORD...
//
// The words are obeyed one after the other: a name from `callers` below makes the call, `library=PATH` has it made by
// libcaller.so, and the others are in main().
#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <latch>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace {

char text[] = "lost";

// One call each, whose place in the program is known by the name of the function; none ends in a jump to it.
#define CALLER(name, expression)                           \
  extern "C" [[gnu::noinline]] long calls_##name(int fd) { \
    long result = (expression);                            \
    asm volatile("" : "+r"(result));                       \
    return result;                                         \
  }

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

using Caller = long (*)(int fd);
const std::map<std::string, Caller> callers = {
    {"write", calls_write},     {"send", calls_send},     {"sendto", calls_sendto},
    {"sendmsg", calls_sendmsg}, {"writev", calls_writev}, {"sendfile", calls_sendfile},
    {"splice", calls_splice},   {"stdio", calls_stdio},   {"syscall", calls_syscall},
};

int must(int result) {
  if (result < 0) {
    std::perror("log_victim");
    std::exit(2);
  }
  return result;
}

int dead_tcp(int family) {
  sockaddr_storage address{};
  address.ss_family = static_cast<sa_family_t>(family);
  socklen_t length = sizeof address;
  auto* name = reinterpret_cast<sockaddr*>(&address);
  if (family == AF_INET) reinterpret_cast<sockaddr_in*>(&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (family == AF_INET6) reinterpret_cast<sockaddr_in6*>(&address)->sin6_addr = in6addr_loopback;
  const int listener = must(socket(family, SOCK_STREAM, 0));
  must(bind(listener, name, length));
  must(listen(listener, 1));
  must(getsockname(listener, name, &length));
  const int fd = must(socket(family, SOCK_STREAM, 0));
  must(connect(fd, name, length));
  must(shutdown(fd, SHUT_WR));
  return fd;
}

int dead_socket(const std::string& family) {
  if (family == "tcp") return dead_tcp(AF_INET);
  if (family == "tcp6") return dead_tcp(AF_INET6);
  int ends[2];
  must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
  close(ends[1]);
  return ends[0];
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
  int ends[2];
  must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
  const int other = must(fcntl(ends[1], F_DUPFD, 300));
  for (int fd = 3; fd < 300; ++fd)
    if (fd != ends[0]) must(dup2(ends[0], fd));
  return other;
}

}  // namespace

int main(int argc, char* argv[]) {
  std::string family = "unix";
  int threads = 1;
  int times = 1;
  int taken = -1;
  std::atomic<bool> all_failed = true;

  const auto call = [&](Caller caller) {
    const int fd = dead_socket(family);
    for (int i = 0; i < times; ++i)
      if (caller(fd) != -1 || errno != EPIPE) all_failed = false;
    return fd;
  };

  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const std::string name = word.substr(0, word.find('='));
    const std::string value = word.substr(name.size() < word.size() ? name.size() + 1 : word.size());
    if (name == "socket") {
      family = value;
    } else if (name == "sigpipe") {
      set_sigpipe(value);
    } else if (name == "thread") {
      prctl(PR_SET_NAME, value.c_str());
    } else if (name == "times") {
      times = std::atoi(value.c_str());
    } else if (name == "threads") {
      threads = std::atoi(value.c_str());
    } else if (name == "descriptors") {
      std::printf("descriptors%s\n", open_descriptors().c_str());
    } else if (name == "close") {
      close(std::atoi(value.c_str()));
    } else if (name == "take_all_numbers") {
      taken = take_all_numbers();
    } else if (name == "count_taken") {
      std::printf("taken %zd\n", recv(taken, std::vector<char>(65536).data(), 65536, MSG_DONTWAIT));
    } else if (name == "library") {
      const auto caller = reinterpret_cast<Caller>(dlsym(dlopen(value.c_str(), RTLD_NOW), "calls_from_a_library"));
      std::printf("fd %d\n", call(caller));
    } else if (callers.count(name) == 0) {
      std::fprintf(stderr, "log_victim: there is no word %s\n", name.c_str());
      return 2;
    } else if (threads == 1) {
      std::printf("fd %d\n", call(callers.at(name)));
    } else {
      std::latch all_there(threads);
      std::vector<std::thread> crew;
      for (int n = 0; n < threads; ++n)
        crew.emplace_back([&] {
          all_there.arrive_and_wait();
          call(callers.at(name));
        });
      for (auto& thread : crew) thread.join();
    }
  }
  if (handled > 0) std::printf("handled %d\n", handled.load());
  return all_failed ? 0 : 1;
}
