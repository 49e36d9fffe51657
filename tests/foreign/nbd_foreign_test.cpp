// nbd-server, with splice and without: in the foreground one process serves one client, else each client gets a child.
#include "foreign/server.h"

namespace {

constexpr uint32_t megabyte = 1 << 20;
const std::string disk = lines(16 * megabyte).substr(0, 16 * megabyte);

std::string big_endian(uint64_t value, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 0xff);
  return text;
}

// The handshake, up to where blocks may be asked for.
Client attached(int port, Client::Width width) {
  Client client(port, width);
  client.read(18);
  client.send(big_endian(3, 4) + "IHAVEOPT" + big_endian(1, 4) + big_endian(4, 4) + "disk");
  client.read(10);
  return client;
}

std::string read_request(uint64_t offset, uint32_t length) {
  return big_endian(0x25609513, 4) + big_endian(0, 4) + big_endian(offset, 8) + big_endian(offset, 8) +
         big_endian(length, 4);
}
const std::string disconnect_request = big_endian(0x25609513, 4) + big_endian(2, 4) + std::string(20, '\0');

std::string read_reply(const Client& client, uint32_t length) {
  client.read(16);
  return client.read(length);
}

// Blocks below 1 MiB: nbd-server splices no larger ones.
std::string read_disk(int port) {
  constexpr uint32_t block = megabyte / 2;
  const Client client = attached(port, Client::Width::wide);
  std::string read;
  for (uint64_t offset = 0; offset < disk.size(); offset += block) {
    client.send(read_request(offset, block));
    read += read_reply(client, block);
  }
  client.send(disconnect_request);
  return read;
}

// A child ends when one of its threads finds the client gone. When two do they may wait for each other for ever, with
// SIGPIPE ignored as under the shim: a few in a hundred.
constexpr size_t lingering = 20;

Target nbd_server(const Directory& directory, bool splice, Strings options) {
  const auto image = write_file(directory / "disk", disk);
  const auto request = read_request(megabyte, megabyte / 2);
  return {[=, &directory](int port) {
            const auto configuration = write_file(directory / "configuration",
                                                  "[generic]\nlistenaddr = 127.0.0.1\nport = " + std::to_string(port) +
                                                      "\n[disk]\nreadonly = true\nexportname = " + image +
                                                      "\nsplice = " + (splice ? "true" : "false") + "\n");
            return joined({"nbd-server", "-C", configuration, "-p", directory / "pid"}, options);
          },
          [=](int port, Departure how, size_t heard) {
            abandon(attached(port, Client::Width::narrow), request, how, heard);
          },
          [=](int port) { return read_disk(port) == disk; },
          {},
          lingering};
}

// In the foreground nbd-server takes any trouble with its one client as the end, and says so: the shim gives it the
// chance to, as an ignored SIGPIPE does.
void ends_by_signal_bare_and_in_its_own_words_shimmed(bool splice) {
  const Directory directory;
  const Target target = nbd_server(directory, splice, {"-d"});
  const auto ending = [&](const Start& start) {
    const int port = free_port();
    Process server(target.command(port), start);
    REQUIRE(eventually([&] { return listening(port); }));
    target.attack(port, Departure::unread, 4096);
    return server.wait();
  };
  const Ending bare = ending({});
  INFO(bare.text() << "\n" << bare.err);
  REQUIRE(bare.killed_by(SIGPIPE));
  for (int i = 0; i < 5; ++i) {
    for (const Start& start : {ignoring_sigpipe(), with_shim()}) {
      const Ending own = ending(start);
      INFO(own.text() << "\n" << own.err);
      REQUIRE(own.exited(1));
      REQUIRE(own.err.find("Broken pipe") != std::string::npos);
    }
  }
}

}  // namespace

TEST_CASE("nbd-server in the foreground is not killed in splice") {
  ends_by_signal_bare_and_in_its_own_words_shimmed(true);
}

TEST_CASE("nbd-server in the foreground is not killed in write") {
  ends_by_signal_bare_and_in_its_own_words_shimmed(false);
}

TEST_CASE("nbd-server in the background loses no child in splice") {
  const Directory directory;
  loses_a_child_per_client_bare_and_none_shimmed<Daemon>(nbd_server(directory, true, {}));
}

TEST_CASE("nbd-server in the background loses no child in write") {
  const Directory directory;
  loses_a_child_per_client_bare_and_none_shimmed<Daemon>(nbd_server(directory, false, {}));
}
