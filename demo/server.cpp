// A naive file server: one thread per connection, and no thought of clients that leave in the middle.
//
//   usage: server PORT DIRECTORY
//
// GET /CALL/FILE answers with the FILE of DIRECTORY, sent by CALL: write, writev, send, sendmsg, sendfile or splice.
// It does what such servers do: some results are looked at, some are not, and signals are nowhere in it.
#include <fcntl.h>
#include <pthread.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>

#include "listen.h"

namespace {

constexpr size_t chunk = 32768;

void by_write(int client, int file) {
  char buffer[chunk];
  for (ssize_t n; (n = read(file, buffer, sizeof buffer)) > 0;)
    std::ignore = write(client, buffer, static_cast<size_t>(n));
}

void by_send(int client, int file) {
  char buffer[chunk];
  for (ssize_t n; (n = read(file, buffer, sizeof buffer)) > 0;) send(client, buffer, static_cast<size_t>(n), 0);
}

// The two halves of a chunk, as if they came from different places.
void gather(char* buffer, ssize_t size, iovec (&parts)[2]) {
  const auto half = static_cast<size_t>(size) / 2;
  parts[0] = {buffer, half};
  parts[1] = {buffer + half, static_cast<size_t>(size) - half};
}

void by_writev(int client, int file) {
  char buffer[chunk];
  iovec parts[2];
  for (ssize_t n; (n = read(file, buffer, sizeof buffer)) > 0;) {
    gather(buffer, n, parts);
    std::ignore = writev(client, parts, 2);
  }
}

void by_sendmsg(int client, int file) {
  char buffer[chunk];
  iovec parts[2];
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  for (ssize_t n; (n = read(file, buffer, sizeof buffer)) > 0;) {
    gather(buffer, n, parts);
    sendmsg(client, &message, 0);
  }
}

void by_sendfile(int client, int file) {
  while (sendfile(client, file, nullptr, chunk) > 0) continue;
}

void by_splice(int client, int file) {
  int between[2];
  if (pipe(between) != 0) return;
  for (ssize_t n; (n = splice(file, nullptr, between[1], nullptr, chunk, 0)) > 0;)
    if (splice(between[0], nullptr, client, nullptr, static_cast<size_t>(n), 0) <= 0) break;
  close(between[0]);
  close(between[1]);
}

struct Method {
  std::string_view call;
  void (*send_file)(int client, int file);
};

constexpr Method methods[] = {{"write", by_write},     {"writev", by_writev},     {"send", by_send},
                              {"sendmsg", by_sendmsg}, {"sendfile", by_sendfile}, {"splice", by_splice}};

void answer(int client, int directory, const std::string& request) {
  char call[16] = "";
  char name[256] = "";
  std::sscanf(request.c_str(), "GET /%15[a-z]/%255[^ /]", call, name);
  const auto method = std::ranges::find(methods, call, &Method::call);
  const int file = openat(directory, name, O_RDONLY | O_CLOEXEC);
  struct stat about;
  const bool found = method != std::end(methods) && fstat(file, &about) == 0 && S_ISREG(about.st_mode);
  const std::string header = found ? "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(about.st_size) + "\r\n\r\n"
                                   : "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
  std::ignore = write(client, header.data(), header.size());
  if (found) method->send_file(client, file);
  close(file);
}

struct Connection {
  int client;
  int directory;
};

void* serve(void* argument) {
  const std::unique_ptr<Connection> connection(static_cast<Connection*>(argument));
  const auto [client, directory] = *connection;
  std::string received;
  char buffer[4096];
  for (ssize_t n; (n = read(client, buffer, sizeof buffer)) > 0;) {
    received.append(buffer, static_cast<size_t>(n));
    for (size_t end; (end = received.find("\r\n\r\n")) != std::string::npos; received.erase(0, end + 4))
      answer(client, directory, received.substr(0, end));
  }
  close(client);
  return nullptr;
}

// Born detached: glibc's pthread_detach looks at a thread that may be gone by then (its bug 19951), and on a busy
// machine this server died of that once, by SIGSEGV, after 65,651 requests.
void serve_in_thread(const Connection& connection) {
  pthread_attr_t detached;
  pthread_attr_init(&detached);
  pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
  auto own = std::make_unique<Connection>(connection);
  pthread_t thread;
  if (pthread_create(&thread, &detached, serve, own.get()) == 0)
    own.release();
  else
    close(connection.client);
  pthread_attr_destroy(&detached);
}

}  // namespace

int main(int argc, char* argv[]) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s PORT DIRECTORY\n", argv[0]);
    return 2;
  }
  const int directory = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int listener = directory < 0 ? -1 : listen_on(argv[1]);
  if (listener < 0) {
    std::perror(argv[0]);
    return 1;
  }
  for (;;) {
    const int client = accept(listener, nullptr, nullptr);
    if (client >= 0) serve_in_thread({client, directory});
  }
}
