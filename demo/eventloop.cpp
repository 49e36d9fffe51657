// The likeness of a web application on an event-loop framework such as Drogon: loop threads, nonblocking connections, a
// write callback, and sendfile to browsers that may leave in the middle of a download.
//
//   usage: eventloop [--ignore-sigpipe] PORT DIRECTORY
//
// GET /FILE answers with the FILE of DIRECTORY, GET /quit ends the program. --ignore-sigpipe does what Drogon does by
// itself: the program lives then, but in gdb it still stops, since a debugger sees ignored signals too.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "listen.h"

namespace {

struct Site {
  int directory;
  int listener;
};

// One browser. While an answer is under way nothing is read, so that only writing can tell that the browser has left.
class Connection {
 public:
  Connection(int fd, const Site& site) : fd_(fd), site_(site) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    close(file_);
    close(fd_);
  }

  // The callbacks return false when the connection is to be closed.
  bool on_readable();
  bool on_writable();
  bool writing() const { return !head_.empty() || file_ >= 0; }

 private:
  bool answer_next();
  void answer(const std::string& request);

  int fd_;
  const Site& site_;
  std::string requests_;
  std::string head_;  // of the answer under way, as far as it is unsent
  int file_ = -1;     // its body
};

bool Connection::on_readable() {
  char buffer[4096];
  const ssize_t n = read(fd_, buffer, sizeof buffer);
  if (n <= 0) return n < 0 && errno == EAGAIN;
  requests_.append(buffer, static_cast<size_t>(n));
  return answer_next();
}

bool Connection::answer_next() {
  const auto end = requests_.find("\r\n\r\n");
  if (end == std::string::npos) return true;
  answer(requests_.substr(0, end));
  requests_.erase(0, end + 4);
  return on_writable();
}

void Connection::answer(const std::string& request) {
  char name[256] = "";
  std::sscanf(request.c_str(), "GET /%255[^ /]", name);
  if (std::string_view(name) == "quit") shutdown(site_.listener, SHUT_RDWR);
  file_ = openat(site_.directory, name, O_RDONLY | O_CLOEXEC);
  struct stat about;
  if (fstat(file_, &about) == 0 && S_ISREG(about.st_mode)) {
    head_ = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(about.st_size) + "\r\n\r\n";
  } else {
    close(file_);
    file_ = -1;
    head_ = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
  }
}

bool Connection::on_writable() {
  if (!head_.empty()) {
    const ssize_t n = write(fd_, head_.data(), head_.size());
    if (n < 0) return errno == EAGAIN;
    head_.erase(0, static_cast<size_t>(n));
  }
  if (file_ >= 0 && head_.empty()) {
    const ssize_t n = sendfile(fd_, file_, nullptr, 1 << 30);
    if (n < 0) return errno == EAGAIN;
    if (n == 0) {
      close(file_);
      file_ = -1;
    }
  }
  return writing() || answer_next();
}

void run_loop(int poll, int quit, const Site& site) {
  pthread_setname_np(pthread_self(), "DrogonIoLoop");
  std::unordered_map<int, Connection> connections;
  for (;;) {
    epoll_event events[64];
    const int ready = epoll_wait(poll, events, 64, -1);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[i].data.fd;
      if (fd == quit) return;
      Connection& connection = connections.try_emplace(fd, fd, site).first->second;
      if (connection.writing() ? connection.on_writable() : connection.on_readable()) {
        epoll_event event{connection.writing() ? EPOLLOUT : EPOLLIN, {.fd = fd}};
        epoll_ctl(poll, EPOLL_CTL_MOD, fd, &event);
      } else {
        connections.erase(fd);
      }
    }
  }
}

class Loop {
 public:
  Loop(int quit, const Site& site) : thread_(run_loop, poll_, quit, std::cref(site)) { watch(quit); }
  ~Loop() { thread_.join(); }
  void watch(int fd) const {
    epoll_event event{EPOLLIN, {.fd = fd}};
    epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event);
  }

 private:
  const int poll_ = epoll_create1(EPOLL_CLOEXEC);
  std::thread thread_;
};

// Hands the connections to the loops in turn, until /quit has shut the listener down.
void accept_all(const Site& site) {
  // To a browser far away a download takes its time. Here it would go into the kernel's buffers as a whole.
  const int small = 1 << 16;
  setsockopt(site.listener, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  const int quit = eventfd(0, EFD_CLOEXEC);
  Loop loops[] = {{quit, site}, {quit, site}, {quit, site}};
  for (size_t next = 0;; next = (next + 1) % std::size(loops)) {
    const int browser = accept4(site.listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (browser >= 0)
      loops[next].watch(browser);
    else if (errno == EINVAL)
      break;
  }
  eventfd_write(quit, 1);
}

}  // namespace

int main(int argc, char* argv[]) {
  const bool ignore = argc > 1 && std::string_view(argv[1]) == "--ignore-sigpipe";
  if (argc != (ignore ? 4 : 3)) {
    std::fprintf(stderr, "usage: %s [--ignore-sigpipe] PORT DIRECTORY\n", argv[0]);
    return 2;
  }
  if (ignore) signal(SIGPIPE, SIG_IGN);
  Site site{};
  site.directory = open(argv[argc - 1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  site.listener = site.directory < 0 ? -1 : listen_on(argv[argc - 2]);
  if (site.listener < 0) {
    std::perror(argv[0]);
    return 1;
  }
  accept_all(site);
}
