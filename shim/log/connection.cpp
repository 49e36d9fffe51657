#include "log/connection.h"

#include <poll.h>

#include <cstddef>

#include "system/kernel.h"

namespace connection {
namespace {

// The length of what the kernel gave; 0: nothing.
template <class Value>
socklen_t option(int fd, int level, int name, Value& value) {
  const long length = kernel::socket_option(fd, level, name, value);
  return length < 0 ? 0 : static_cast<socklen_t>(length);
}

void ask(long call, int fd, Address& address) {
  address.length = sizeof address.local;
  if (kernel::call(call, fd, &address.any, &address.length) != 0) address.length = 0;
}

// getpeername(2) says ENOTCONN once a TCP connection is gone. SO_PEERNAME still knows, if asked for no more than there
// is.
void ask_peer(int fd, int family, Address& peer) {
  constexpr int kPeerName = 28;
  if (family == AF_INET)
    peer.length = option(fd, SOL_SOCKET, kPeerName, peer.inet);
  else if (family == AF_INET6)
    peer.length = option(fd, SOL_SOCKET, kPeerName, peer.inet6);
  else
    ask(SYS_getpeername, fd, peer);
}

// With the address comes the family, so that a socket which has one need not be asked for it.
int family_of(int fd, Address& local) {
  ask(SYS_getsockname, fd, local);
  if (local.length >= sizeof local.any.sa_family) return local.any.sa_family;
  int family = -1;
  option(fd, SOL_SOCKET, SO_DOMAIN, family);
  return family;
}

// In place: a pointer would be work for the loader at each start.
struct Word {
  int value;
  char text[12];
};
constexpr Word kFamilies[] = {
    {-1, "none"}, {AF_INET, "tcp"}, {AF_INET6, "tcp6"}, {AF_UNIX, "unix"}, {AF_VSOCK, "vsock"}};
constexpr Word kTypes[] = {{SOCK_STREAM, "stream"}, {SOCK_SEQPACKET, "seqpacket"}, {SOCK_DGRAM, "dgram"}};

template <std::size_t kCount>
std::string_view word_for(int value, const Word (&words)[kCount]) {
  for (const auto& word : words)
    if (word.value == value) return word.text;
  return "other";
}

// By tcpi_state (include/net/tcp_states.h). After our shutdown(SHUT_WR) the connection is on its way down from our
// side; a reset or lost one is closed. In a state without a cause TCP itself does not fail to write: it is that of the
// first subflow of an MPTCP socket.
struct State {
  char name[12];
  char cause[16];
};
constexpr State kStates[] = {{"", "peer_gone"},
                             {"established", ""},
                             {"syn_sent", ""},
                             {"syn_recv", ""},
                             {"fin_wait1", "own_shutdown"},
                             {"fin_wait2", "own_shutdown"},
                             {"time_wait", "own_shutdown"},
                             {"close", "peer_gone"},
                             {"close_wait", ""},
                             {"last_ack", "own_shutdown"},
                             {"listen", "never_connected"},
                             {"closing", "own_shutdown"}};
constexpr unsigned kClose = 7;

const State& state_of(const tcp_info& tcp) { return kStates[tcp.tcpi_state < std::size(kStates) ? tcp.tcpi_state : 0]; }

// A field that an older kernel does not know is not logged.
#define KNOWS(connection, field) ((connection).tcp_length >= offsetof(tcp_info, field) + sizeof((connection).tcp.field))

// With zeros: it never was, or was the first subflow of an MPTCP socket, which is emptied as it is closed
// (net/mptcp/protocol.c, __mptcp_subflow_disconnect). "Idle" would be since the machine's start.
bool has_been_connected(const tcp_info& tcp) {
  return tcp.tcpi_rtt != 0 || tcp.tcpi_bytes_acked != 0 || tcp.tcpi_bytes_received != 0;
}

void add_tcp(record::Writer& record, const Connection& connection) {
  const auto& tcp = connection.tcp;
  const std::string_view name = state_of(tcp).name;
  if (!name.empty()) record.word(fields::state, name);
  if (!has_been_connected(tcp)) return;
  if (KNOWS(connection, tcpi_bytes_sent)) record.number(fields::sent, tcp.tcpi_bytes_sent);
  if (KNOWS(connection, tcpi_bytes_acked)) record.number(fields::acked, tcp.tcpi_bytes_acked);
  if (KNOWS(connection, tcpi_bytes_received)) record.number(fields::received, tcp.tcpi_bytes_received);
  record.number(fields::idle_ms, tcp.tcpi_last_data_recv);
  record.number(fields::rtt_us, tcp.tcpi_rtt);
}

void add_address(record::Writer& record, const fields::Name& name, const Address& address) {
  text::Sized<512> line;
  address::add(line, address);
  if (line.length() > 0) record.string(name, line.words());
}

// Whether TCP cannot say it, or there is none.
bool is_polled(const Connection& connection) {
  return connection.tcp_length > 0 ? *state_of(connection.tcp).cause == '\0' : connection.family == AF_UNIX;
}

// An end that can no longer write but still read has had its writing side shut: here, or, of AF_UNIX, by the peer's
// SHUT_RD.
std::string_view cause(const Connection& connection) {
  if (is_polled(connection)) return connection.is_hung_up ? "peer_gone" : "own_shutdown";
  if (connection.tcp_length == 0) return "peer_gone";
  if (connection.tcp.tcpi_state == kClose && connection.peer.length == 0) return "never_connected";
  return state_of(connection.tcp).cause;
}

}  // namespace

void look_at(int fd, Connection& connection) {
  connection = {};
  connection.inode = kernel::file_at(fd, "").st_ino;
  connection.family = family_of(fd, connection.local);
  if (connection.family < 0) return;
  ask_peer(fd, connection.family, connection.peer);
  if (connection.family == AF_UNIX) {
    option(fd, SOL_SOCKET, SO_PEERCRED, connection.credentials);
  } else {
    connection.tcp_length = option(fd, IPPROTO_TCP, TCP_INFO, connection.tcp);
    if (!KNOWS(connection, tcpi_rtt)) connection.tcp_length = 0;
  }
  if (is_polled(connection)) {
    const int events = kernel::poll_now(fd, 0);
    connection.is_hung_up = events > 0 && (events & POLLHUP) != 0;
  }
  connection.type = SOCK_STREAM;  // no other of these two raises SIGPIPE
  if (connection.family != AF_UNIX && connection.tcp_length == 0) option(fd, SOL_SOCKET, SO_TYPE, connection.type);
}

void add(record::Writer& record, const Connection& connection) {
  record.word(fields::socket, word_for(connection.family, kFamilies));
  if (connection.family >= 0) record.word(fields::type, word_for(connection.type, kTypes));
  add_address(record, fields::local, connection.local);
  add_address(record, fields::peer, connection.peer);
  if (connection.tcp_length > 0) add_tcp(record, connection);
  if (connection.credentials.pid != 0) {
    record.number(fields::peer_pid, connection.credentials.pid);
    record.number(fields::peer_uid, connection.credentials.uid);
  }
  if (connection.inode != 0) record.number(fields::inode, connection.inode);
  record.word(fields::cause, cause(connection));
}

}  // namespace connection
