// A program that loses its peers in every way there is, often, and changes what a log could stand on. It knows nothing
// of the shim, says on standard output what is true of each connection, and lives if nobody kills it.
//
// usage: totals_victim WORD...
//
// A connection: tcp-reset tcp-shutdown tcp-unconnected tcp6-reset mptcp-reset mptcp-shutdown mptcp-unconnected
// unix-closed unix-shutdown unix-named=PATH unix-named=@NAME (abstract, each @ a NUL).
//
// One more EPIPE: write (on the connection before), print (by stdio), storm=COUNT (by each of two threads), crowd=COUNT
// (by each of 64), vfork-writes. Before the first of them: vfork-becomes-nobody.
//
// While another thread has one EPIPE after another: replace=COUNT (a number that was just closed becomes this file's),
// children=COUNT (of fork, each of which is to have the numbers that were open before).
//
// Meanwhile: close-all take-all take-all=PATH no-numbers chroot=PATH become-nobody=FUNCTION fork wait (for a byte of
// input) limit=BYTES memory (says how much).
//
// The end: _exit _Exit exit_group (by syscall) kill handler-ends (at the next SIGPIPE); otherwise it returns from main.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <thread>
#include <vector>

#include "victims/sockets.h"
#include "victims/words.h"

namespace {

void say(int fd) {
  Address local, peer;
  getsockname(fd, local.name(), &local.length);
  getpeername(fd, peer.name(), &peer.length);
  struct stat file {};
  must(fstat(fd, &file), "fstat");
  std::printf("fd=%d inode=%lu local=%u peer=%u\n", fd, static_cast<unsigned long>(file.st_ino), port_of(local),
              port_of(peer));
  std::fflush(stdout);
}

// Seven bytes have been sent and three received when the peer resets it: it has left five of the seven unread.
int reset_tcp(int family) {
  const auto [ours, theirs] = tcp_pair(family);
  char buffer[8];
  must(send(ours, "seven..", 7, MSG_NOSIGNAL), "send");
  must(send(theirs, "3..", 3, MSG_NOSIGNAL), "send");
  must(recv(ours, buffer, 3, MSG_WAITALL), "recv");
  must(recv(theirs, buffer, 2, MSG_WAITALL), "recv");
  say(ours);
  close(theirs);
  pollfd end{ours, 0, 0};
  poll(&end, 1, -1);
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(ours, SOL_SOCKET, SO_ERROR, &error,
             &length);  // ECONNRESET, which the first write would say
  return ours;
}

// The first write says ECONNRESET.
int reset_mptcp() {
  const auto [ours, theirs] = tcp_pair(AF_INET, IPPROTO_MPTCP);
  say(ours);
  reset_at_close(theirs);
  close(theirs);
  pollfd end{ours, 0, 0};
  poll(&end, 1, -1);
  if (send(ours, "x", 1, MSG_NOSIGNAL) != -1 || errno != ECONNRESET) std::abort();
  return ours;
}

int shut(int fd) {
  say(fd);
  must(shutdown(fd, SHUT_WR), "shutdown");
  return fd;
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
  const int listener = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
  must(bind(listener, reinterpret_cast<sockaddr*>(&name), length), "bind");
  must(listen(listener, 1), "listen");
  const int ours = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
  must(connect(ours, reinterpret_cast<sockaddr*>(&name), length), "connect");
  return {ours, must(accept(listener, nullptr, nullptr), "accept")};
}

int unconnected(int protocol) {
  const int fd = must(socket(AF_INET, SOCK_STREAM, protocol), "socket");
  say(fd);
  return fd;
}

void storm(int fd, const std::string& count) {
  const auto rage = [fd, count = std::stoi(count)] {
    for (int i = 0; i < count; ++i)
      if (write(fd, "x", 1) != -1 || errno != EPIPE) std::abort();
  };
  std::thread one(rage), other(rage);
  one.join();
  other.join();
}

void crowd(int fd, const std::string& count) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 32; ++i) threads.emplace_back([&] { storm(fd, count); });
  for (auto& thread : threads) thread.join();
}

void become_nobody(const std::string& by) {
  constexpr uid_t kNobody = 65534;
  must(setgid(kNobody), "setgid");
  if (by == "setuid") must(setuid(kNobody), "setuid");
  if (by == "seteuid") must(seteuid(kNobody), "seteuid");
  if (by == "setreuid") must(setreuid(kNobody, kNobody), "setreuid");
  if (by == "setresuid") must(setresuid(kNobody, kNobody, kNobody), "setresuid");
  if (geteuid() != kNobody) std::abort();
}

// No descriptor can be opened any more.
void use_up_all_numbers() {
  const rlimit few{64, 64};
  must(setrlimit(RLIMIT_NOFILE, &few), "setrlimit");
  while (dup(2) >= 0) {
  }
}

void close_all(int but) {
  close_range(3, static_cast<unsigned>(but) - 1, 0);
  close_range(static_cast<unsigned>(but) + 1, ~0U, 0);
}

// All the usual numbers are one end of a pair, at whose other end nothing must ever arrive, or a file.
void take_all_numbers(int but, const std::string& file) {
  close_all(but);
  if (!file.empty()) {
    const int taken = must(open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), "open");
    for (int fd = 3; fd < 500; ++fd)
      if (fd != but && fd != taken) must(dup2(taken, fd), "dup2");
    return;
  }
  const auto [ours, theirs] = unix_pair();
  const int watched = must(fcntl(theirs, F_DUPFD, 500), "F_DUPFD");
  for (int fd = 3; fd < 500; ++fd)
    if (fd != but && fd != ours) must(dup2(ours, fd), "dup2");
  std::thread([watched] {
    char byte;
    if (recv(watched, &byte, 1, 0) > 0) std::abort();
  }).detach();
}

// What it has of its own, in KiB: how much of a library is read in at once is the kernel's affair.
void say_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == "RssAnon:" && status >> word) std::printf("memory=%s\n", word.c_str());
}

void limit_files_to(const std::string& size) {
  const rlimit bytes{std::strtoul(size.c_str(), nullptr, 10), RLIM_INFINITY};
  must(setrlimit(RLIMIT_FSIZE, &bytes), "setrlimit");
}

void print(int fd) {
  FILE* stream = fdopen(fd, "w");
  std::fputs("x", stream);
  std::fflush(stream);
}

// All the while another thread has EPIPEs.
template <class Act>
void in_a_storm(int fd, const std::string& count, Act act) {
  std::atomic<bool> is_over = false;
  std::atomic<bool> has_begun = false;
  std::thread rage([&] {
    for (; !is_over; has_begun = true) (void)!write(fd, "x", 1);
  });
  while (!has_begun) std::this_thread::yield();  // for the first, /proc/self/maps is read
  for (int i = std::stoi(count); i > 0; --i) act();
  is_over = true;
  rage.join();
}

ino_t inode_at(int fd) {
  struct stat file {};
  return fstat(fd, &file) == 0 ? file.st_ino : 0;
}

void replace_low_numbers(int fd, const std::string& count) {
  const int file = fcntl(must(memfd_create("file", 0), "memfd_create"), F_DUPFD, 40);
  const auto inode = inode_at(file);
  in_a_storm(fd, count, [&] {
    const int number = must(dup(2), "dup");
    close(number);
    while (dup2(file, number) < 0)
      if (errno != EBUSY) std::abort();  // EBUSY: another thread is about to open something there (dup(2))
    for (int i = 0; i < 10; ++i)
      if (inode_at(number) != inode) std::abort();
    close(number);
  });
  struct stat written {};
  if (fstat(file, &written) != 0 || written.st_size != 0) std::abort();
}

std::vector<int> open_numbers() {
  std::vector<int> numbers;
  for (int fd = 0; fd < 1024; ++fd)
    if (fcntl(fd, F_GETFD) != -1) numbers.push_back(fd);
  return numbers;
}

void have_children(int fd, const std::string& count) {
  const auto before = open_numbers();
  in_a_storm(fd, count, [&] {
    const pid_t child = must(fork(), "fork");
    if (child == 0) _exit(open_numbers() == before ? 0 : 1);
    int status = 0;
    must(waitpid(child, &status, 0), "waitpid");
    if (status != 0) std::abort();
  });
}

// The child goes on; the parent ends as it does.
void go_on_in_a_child() {
  if (const pid_t child = must(fork(), "fork"); child > 0) {
    int status = 0;
    must(waitpid(child, &status, 0), "waitpid");
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
  }
}

void become_nobody_in_vfork() {
  const pid_t child = vfork();
  if (child == 0) _exit(setuid(65534) == 0 ? 0 : 1);
  waitpid(child, nullptr, 0);
}

void write_in_vfork(int fd) {
  const pid_t child = vfork();
  if (child == 0) {
    (void)!write(fd, "x", 1);
    _exit(0);
  }
  waitpid(child, nullptr, 0);
}

}  // namespace

int main(int argc, char* argv[]) {
  int fd = -1;
  const Words words = {
      {"tcp-reset", [&] { fd = reset_tcp(AF_INET); }},
      {"tcp6-reset", [&] { fd = reset_tcp(AF_INET6); }},
      {"tcp-shutdown", [&] { fd = shut(tcp_pair(AF_INET).ours); }},
      {"tcp-unconnected", [&] { fd = unconnected(0); }},
      {"mptcp-reset", [&] { fd = reset_mptcp(); }},
      {"mptcp-shutdown", [&] { fd = shut(tcp_pair(AF_INET, IPPROTO_MPTCP).ours); }},
      {"mptcp-unconnected", [&] { fd = unconnected(IPPROTO_MPTCP); }},
      {"unix-closed", [&] { fd = closed_unix(unix_pair()); }},
      {"unix-shutdown", [&] { fd = shut(unix_pair().ours); }},
      {"unix-named", [&](const std::string& path) { fd = closed_unix(named_unix(path)); }},

      {"write", [&] { (void)!write(fd, "four", 4); }},
      {"print", [&] { print(fd); }},
      {"storm", [&](const std::string& count) { storm(fd, count); }},
      {"crowd", [&](const std::string& count) { crowd(fd, count); }},
      {"vfork-writes", [&] { write_in_vfork(fd); }},
      {"vfork-becomes-nobody", become_nobody_in_vfork},
      {"replace", [&](const std::string& count) { replace_low_numbers(fd, count); }},
      {"children", [&](const std::string& count) { have_children(fd, count); }},

      {"close-all", [&] { close_all(fd); }},
      {"take-all", [&](const std::string& file) { take_all_numbers(fd, file); }},
      {"no-numbers", use_up_all_numbers},
      {"chroot", [](const std::string& path) { must(chroot(path.c_str()), "chroot"), must(chdir("/"), "chdir"); }},
      {"become-nobody", become_nobody},
      {"fork", go_on_in_a_child},
      {"wait", [] { must(read(0, std::string(1, ' ').data(), 1), "read"); }},
      {"limit", limit_files_to},
      {"memory", say_memory},

      {"_exit", [] { _exit(0); }},
      {"_Exit", [] { _Exit(0); }},
      {"exit_group", [] { syscall(SYS_exit_group, 0); }},
      {"kill", [] { kill(getpid(), SIGTERM); }},
      {"handler-ends", [] { signal(SIGPIPE, [](int) { _exit(0); }); }},
  };
  obey(words, argc, argv);
}
