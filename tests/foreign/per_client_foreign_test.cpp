// Servers that lose one child for every client that leaves: the child is killed by signal 13, its server runs on.
#include "foreign/server.h"

namespace {

// Too much for a narrow connection. stdio may try again at every byte after an EPIPE: that is below the runaway rule's
// 100,000.
const std::string text = lines(90'000);

using Command = Strings;

Command operator+(const Command& words, const Command& more) { return joined(words, more); }

// Two ways of an inetd: the socket is the child's standard output.
Command tcpserver(int port) { return {"tcpserver", "-HRDl0", "-b100", "127.0.0.1", std::to_string(port)}; }
Command socket_activate(int port) {
  return {"systemd-socket-activate",          "--accept", "--inetd", "-E", "LD_PRELOAD", "-l",
          "127.0.0.1:" + std::to_string(port)};
}

// One request, one answer, the connection closed.
Target asked(
    std::function<Command(int)> command, const std::string& request, const std::string& answer,
    std::string (*part)(const std::string&) = [](const std::string& whole) { return whole; }) {
  return {
      command,
      [=](int port, Departure how, size_t heard) { abandon(Client(port, Client::Width::narrow), request, how, heard); },
      [=](int port) { return part(ask(port, request)) == answer; }};
}

std::string with_crlf(const std::string& unix_text) {
  std::string result;
  for (const char c : unix_text) {
    if (c == '\n') result += '\r';
    result += c;
  }
  return result;
}

Target micro_httpd(const Directory& directory, Command (*inetd)(int)) {
  write_file(directory / "text", text);
  return asked(
      [&directory, inetd](int port) {
        return inetd(port) + Command{"micro-httpd", directory.path()};
      },
      "GET /text HTTP/1.0\r\n\r\n", text, http_body);
}

Target fingerd(const Directory& directory, Command (*inetd)(int)) {
  const auto finger =
      write_file(directory / "finger", "#!/bin/sh\nexec cat " + write_file(directory / "text", text) + "\n", 0755);
  return asked(
      [finger, inetd](int port) {
        return inetd(port) + Command{"in.fingerd", "-p", finger};
      },
      "somebody\r\n", text);
}

// -nr: even as root; -nm: without the memory of its clients that slows down those who ask too often.
Target gophernicus(const Directory& directory, Command (*inetd)(int)) {
  write_file(directory / "text", text);
  return asked(
      [&directory, inetd](int port) {
        return inetd(port) + Command{"gophernicus", "-nr", "-nm", "-h", "localhost", "-r", directory.path()};
      },
      "/text\r\n", with_crlf(text));
}

}  // namespace

TEST_CASE("micro-httpd under tcpserver loses no child") {
  const Directory directory;
  loses_a_child_per_client_bare_and_none_shimmed(micro_httpd(directory, tcpserver));
}

TEST_CASE("micro-httpd under systemd-socket-activate loses no child") {
  const Directory directory;
  loses_a_child_per_client_bare_and_none_shimmed(micro_httpd(directory, socket_activate));
}

TEST_CASE("fingerd under tcpserver loses no child") {
  const Directory directory;
  loses_a_child_per_client_bare_and_none_shimmed(fingerd(directory, tcpserver));
}

TEST_CASE("fingerd under systemd-socket-activate loses no child") {
  const Directory directory;
  loses_a_child_per_client_bare_and_none_shimmed(fingerd(directory, socket_activate));
}

TEST_CASE("gophernicus under tcpserver loses no child") {
  const Directory directory;
  loses_a_child_per_client_bare_and_none_shimmed(gophernicus(directory, tcpserver));
}

TEST_CASE("gophernicus under systemd-socket-activate loses no child") {
  const Directory directory;
  loses_a_child_per_client_bare_and_none_shimmed(gophernicus(directory, socket_activate));
}

TEST_CASE("busybox cat under tcpserver loses no child") {
  const Directory directory;
  const auto file = write_file(directory / "lines", lines());
  loses_a_child_per_client_bare_and_none_shimmed(asked(
      [&](int port) {
        return tcpserver(port) + Command{"busybox", "cat", file};
      },
      "", lines()));
}

TEST_CASE("tcpreen loses no child") {
  const Directory directory;
  const int upstream_port = free_port();
  const Process upstream(tcpserver(upstream_port) + Command{"cat", write_file(directory / "lines", lines())});
  Target tcpreen = asked(
      [=](int port) {
        return Command{"tcpreen",           "--quiet",     "--numeric",
                       "--fork=10",         "-a127.0.0.1", std::to_string(upstream_port),
                       std::to_string(port)};
      },
      "", lines());
  tcpreen.lingering = 10;   // they accept the next clients
  tcpreen.nudge = SIGCHLD;  // one that comes between its fork and its sleep is lost on it
  loses_a_child_per_client_bare_and_none_shimmed(tcpreen);
}
