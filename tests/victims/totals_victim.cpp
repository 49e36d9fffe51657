// A program that loses its peers in every way there is, and changes what a log could stand on. It knows nothing of the
// shim, says on standard output what is true of each connection, and lives if nobody kills it.
//
// usage: totals_victim WORD...
//
// A connection: tcp-reset tcp-shutdown tcp-unconnected tcp6-reset unix-closed unix-shutdown unix-named=PATH
// unix-named=@NAME (abstract, each @ a NUL).
//
// One more EPIPE: write (on the connection before), print (by stdio), storm=COUNT (by each of two threads),
// crowd=COUNT (by each of 64), vfork-writes.
//
// Meanwhile: close-all take-all take-all=PATH no-numbers chroot=PATH become-nobody fork wait (for a byte of input)
// limit=BYTES memory (says how much).
//
// The end: _exit _Exit kill handler-ends (at the next SIGPIPE); otherwise it returns from main.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace {

int must(int result) {
  if (result < 0) {
    std::perror("totals_victim");
    std::exit(2);
  }
  return result;
}

sockaddr_storage loopback(int family) {
  sockaddr_storage address{};
  address.ss_family = static_cast<sa_family_t>(family);
  if (family == AF_INET) reinterpret_cast<sockaddr_in*>(&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (family == AF_INET6) reinterpret_cast<sockaddr_in6*>(&address)->sin6_addr = in6addr_loopback;
  return address;
}

unsigned port_of(const sockaddr_storage& address) {
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);  // it is where sin6_port is
}

struct Pair {
  int ours;
  int theirs;
};

Pair tcp_pair(int family) {
  sockaddr_storage address = loopback(family);
  socklen_t length = sizeof address;
  auto* name = reinterpret_cast<sockaddr*>(&address);
  const int listener = must(socket(family, SOCK_STREAM, 0));
  must(bind(listener, name, length));
  must(listen(listener, 1));
  must(getsockname(listener, name, &length));
  const int theirs = must(socket(family, SOCK_STREAM, 0));
  must(connect(theirs, name, length));
  const int ours = must(accept(listener, nullptr, nullptr));
  close(listener);
  return {ours, theirs};
}

void say(int fd) {
  sockaddr_storage local{}, peer{};
  socklen_t length = sizeof local;
  getsockname(fd, reinterpret_cast<sockaddr*>(&local), &length);
  length = sizeof peer;
  getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length);
  struct stat file {};
  must(fstat(fd, &file));
  std::printf("fd=%d inode=%lu local=%u peer=%u\n", fd, static_cast<unsigned long>(file.st_ino), port_of(local),
              port_of(peer));
  std::fflush(stdout);
}

// Seven bytes have been sent and three received when the peer resets it: it has left five of the seven unread.
int reset_tcp(int family) {
  const auto [ours, theirs] = tcp_pair(family);
  char buffer[8];
  must(static_cast<int>(send(ours, "seven..", 7, MSG_NOSIGNAL)));
  must(static_cast<int>(send(theirs, "3..", 3, MSG_NOSIGNAL)));
  must(static_cast<int>(recv(ours, buffer, 3, MSG_WAITALL)));
  must(static_cast<int>(recv(theirs, buffer, 2, MSG_WAITALL)));
  say(ours);
  close(theirs);
  pollfd end{ours, 0, 0};
  poll(&end, 1, -1);
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(ours, SOL_SOCKET, SO_ERROR, &error, &length);  // ECONNRESET, which the first write would say
  return ours;
}

int shut(int fd) {
  say(fd);
  must(shutdown(fd, SHUT_WR));
  return fd;
}

Pair unix_pair() {
  int ends[2];
  must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
  return {ends[0], ends[1]};
}

int closed_unix(const Pair& pair) {
  say(pair.ours);
  close(pair.theirs);
  return pair.ours;
}

Pair named_unix(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::strncpy(name.sun_path, path.c_str(), sizeof name.sun_path - 1);
  if (path.starts_with('@')) std::replace(name.sun_path, name.sun_path + path.size(), '@', '\0');
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  const int listener = must(socket(AF_UNIX, SOCK_STREAM, 0));
  must(bind(listener, reinterpret_cast<sockaddr*>(&name), length));
  must(listen(listener, 1));
  const int ours = must(socket(AF_UNIX, SOCK_STREAM, 0));
  must(connect(ours, reinterpret_cast<sockaddr*>(&name), length));
  return {ours, must(accept(listener, nullptr, nullptr))};
}

int unconnected() {
  const int fd = must(socket(AF_INET, SOCK_STREAM, 0));
  say(fd);
  return fd;
}

void storm(int fd, int count) {
  const auto rage = [=] {
    for (int i = 0; i < count; ++i)
      if (write(fd, "x", 1) != -1 || errno != EPIPE) std::abort();
  };
  std::thread one(rage), other(rage);
  one.join();
  other.join();
}

// No descriptor can be opened any more.
void use_up_all_numbers() {
  const rlimit few{64, 64};
  must(setrlimit(RLIMIT_NOFILE, &few));
  while (dup(2) >= 0) {
  }
}

// All the usual numbers are one end of a pair, at whose other end nothing must ever arrive, or a file.
void take_all_numbers(int but, const std::string& file) {
  close_range(3, static_cast<unsigned>(but) - 1, 0);
  close_range(static_cast<unsigned>(but) + 1, ~0U, 0);
  if (!file.empty()) {
    const int taken = must(open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    for (int fd = 3; fd < 500; ++fd)
      if (fd != but && fd != taken) must(dup2(taken, fd));
    return;
  }
  const auto [ours, theirs] = unix_pair();
  const int watched = must(fcntl(theirs, F_DUPFD, 500));
  for (int fd = 3; fd < 500; ++fd)
    if (fd != but && fd != ours) must(dup2(ours, fd));
  std::thread([watched] {
    char byte;
    if (recv(watched, &byte, 1, 0) > 0) std::abort();
  }).detach();
}

// The most that it ever had resident, in KiB.
void say_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == "VmHWM:" && status >> word) std::printf("memory=%s\n", word.c_str());
}

void print(int fd) {
  FILE* stream = fdopen(fd, "w");
  std::fputs("x", stream);
  std::fflush(stream);
}

}  // namespace

int main(int argc, char* argv[]) {
  int fd = -1;
  std::string value;
  const std::map<std::string, std::function<void()>> words = {
      {"tcp-reset", [&] { fd = reset_tcp(AF_INET); }},
      {"tcp6-reset", [&] { fd = reset_tcp(AF_INET6); }},
      {"tcp-shutdown", [&] { fd = shut(tcp_pair(AF_INET).ours); }},
      {"tcp-unconnected", [&] { fd = unconnected(); }},
      {"unix-closed", [&] { fd = closed_unix(unix_pair()); }},
      {"unix-shutdown", [&] { fd = shut(unix_pair().ours); }},
      {"unix-named", [&] { fd = closed_unix(named_unix(value)); }},
      {"write", [&] { (void)!write(fd, "four", 4); }},
      {"print", [&] { print(fd); }},
      {"storm", [&] { storm(fd, std::atoi(value.c_str())); }},
      {"close-all",
       [&] {
         close_range(3, static_cast<unsigned>(fd) - 1, 0);
         close_range(static_cast<unsigned>(fd) + 1, ~0U, 0);
       }},
      {"take-all", [&] { take_all_numbers(fd, value); }},
      {"no-numbers", [] { use_up_all_numbers(); }},
      {"chroot", [&] { must(chroot(value.c_str()) + chdir("/")); }},
      {"become-nobody", [] { must(setgid(65534) + setuid(65534)); }},
      {"fork",
       [] {
         if (const pid_t child = must(fork()); child > 0) {
           int status = 0;
           must(waitpid(child, &status, 0));
           _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
         }
       }},
      {"memory", [] { say_memory(); }},
      {"wait", [] { must(static_cast<int>(read(0, std::string(1, ' ').data(), 1))); }},
      {"limit",
       [&] {
         const rlimit bytes{std::strtoul(value.c_str(), nullptr, 10), RLIM_INFINITY};
         must(setrlimit(RLIMIT_FSIZE, &bytes));
       }},
      {"handler-ends", [] { signal(SIGPIPE, [](int) { _exit(0); }); }},
      {"vfork-writes",
       [&] {
         const pid_t child = vfork();
         if (child == 0) {
           (void)!write(fd, "x", 1);
           _exit(0);
         }
         waitpid(child, nullptr, 0);
       }},
      {"crowd",
       [&] {
         std::vector<std::thread> crowd;
         for (int i = 0; i < 32; ++i) crowd.emplace_back([&] { storm(fd, std::atoi(value.c_str())); });
         for (auto& thread : crowd) thread.join();
       }},
      {"_exit", [] { _exit(0); }},
      {"_Exit", [] { _Exit(0); }},
      {"kill", [] { kill(getpid(), SIGTERM); }},
  };
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto name = word.substr(0, word.find('='));
    value = name.size() < word.size() ? word.substr(name.size() + 1) : "";
    if (words.count(name) == 0) return 2;
    words.at(name)();
  }
}
