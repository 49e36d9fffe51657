#include "log/connection.h"

#include <netinet/in.h>
#include <poll.h>

#include <cstddef>

#include "log/address.h"
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
  address.length = sizeof address.value;
  if (kernel::call(call, fd, &address.value, &address.length) != 0) address.length = 0;
}

// getpeername(2) says ENOTCONN once a TCP connection is gone. SO_PEERNAME still knows, if asked for no more than there
// is.
void ask_peer(int fd, int family, Address& peer) {
  constexpr int kPeerName = 28;
  ask(SYS_getpeername, fd, peer);
  if (peer.length > 0) return;
  socklen_t length = family == AF_INET ? sizeof(sockaddr_in) : family == AF_INET6 ? sizeof(sockaddr_in6) : 0;
  if (length > 0 && kernel::call(SYS_getsockopt, fd, SOL_SOCKET, kPeerName, &peer.value, &length) == 0)
    peer.length = length;
}

std::string_view family_name(int family) {
  switch (family) {
    case -1:
      return "none";
    case AF_INET:
      return "tcp";
    case AF_INET6:
      return "tcp6";
    case AF_UNIX:
      return "unix";
    case AF_VSOCK:
      return "vsock";
    default:
      return "other";
  }
}

std::string_view type_name(int type) {
  switch (type) {
    case SOCK_STREAM:
      return "stream";
    case SOCK_SEQPACKET:
      return "seqpacket";
    case SOCK_DGRAM:
      return "dgram";
    default:
      return "other";
  }
}

// tcpi_state: include/net/tcp_states.h.
enum State : unsigned char {
  established = 1,
  syn_sent,
  syn_recv,
  fin_wait1,
  fin_wait2,
  time_wait,
  close,
  close_wait,
  last_ack,
  listen,
  closing
};
constexpr std::string_view kStates[] = {"",          "established", "syn_sent",   "syn_recv", "fin_wait1", "fin_wait2",
                                        "time_wait", "close",       "close_wait", "last_ack", "listen",    "closing"};

// A field that an older kernel does not know is not logged.
#define KNOWS(connection, field) ((connection).tcp_length >= offsetof(tcp_info, field) + sizeof((connection).tcp.field))

void add_tcp(record::Writer& record, const Connection& connection) {
  const auto& tcp = connection.tcp;
  if (tcp.tcpi_state > 0 && tcp.tcpi_state < std::size(kStates)) record.word(fields::state, kStates[tcp.tcpi_state]);
  if (KNOWS(connection, tcpi_bytes_sent)) record.number(fields::sent, tcp.tcpi_bytes_sent);
  if (KNOWS(connection, tcpi_bytes_acked)) record.number(fields::acked, tcp.tcpi_bytes_acked);
  if (KNOWS(connection, tcpi_bytes_received)) record.number(fields::received, tcp.tcpi_bytes_received);
  record.number(fields::idle_ms, tcp.tcpi_last_data_recv);
  record.number(fields::rtt_us, tcp.tcpi_rtt);
}

void add_address(record::Writer& record, const fields::Name& name, const Address& address) {
  text::Sized<512> line;
  if (address.length > 0) address::add(line, address.value, address.length);
  if (line.length() > 0) record.string(name, line.words());
}

// After our shutdown(SHUT_WR) the connection is on its way down from our side; a reset or lost one is closed.
std::string_view cause_of_tcp(const Connection& connection) {
  switch (connection.tcp.tcpi_state) {
    case fin_wait1:
    case fin_wait2:
    case time_wait:
    case last_ack:
    case closing:
      return "own_shutdown";
    case listen:
      return "never_connected";
    case close:
      return connection.peer.length == 0 ? "never_connected" : "peer_gone";
    default:
      return "peer_gone";
  }
}

// An AF_UNIX end that can no longer write but still read has had its writing side shut, here or by the peer's SHUT_RD.
std::string_view cause(const Connection& connection) {
  if (connection.has_tcp) return cause_of_tcp(connection);
  if (connection.family == AF_UNIX && !connection.is_hung_up) return "own_shutdown";
  return "peer_gone";
}

}  // namespace

void look_at(int fd, Connection& connection) {
  connection = {};
  connection.inode = kernel::file_at(fd, "").st_ino;
  const int events = kernel::poll_now(fd, 0);
  connection.is_hung_up = events > 0 && (events & POLLHUP) != 0;
  if (option(fd, SOL_SOCKET, SO_DOMAIN, connection.family) == 0) {
    connection.family = -1;
    return;
  }
  option(fd, SOL_SOCKET, SO_TYPE, connection.type);
  ask(SYS_getsockname, fd, connection.local);
  ask_peer(fd, connection.family, connection.peer);
  connection.tcp_length = option(fd, IPPROTO_TCP, TCP_INFO, connection.tcp);
  connection.has_tcp = connection.tcp_length > offsetof(tcp_info, tcpi_rtt);
  connection.has_credentials = connection.family == AF_UNIX &&
                               option(fd, SOL_SOCKET, SO_PEERCRED, connection.credentials) != 0 &&
                               connection.credentials.pid != 0;
}

void add(record::Writer& record, const Connection& connection) {
  record.word(fields::socket, family_name(connection.family));
  if (connection.family >= 0) record.word(fields::type, type_name(connection.type));
  add_address(record, fields::local, connection.local);
  add_address(record, fields::peer, connection.peer);
  if (connection.has_tcp) add_tcp(record, connection);
  if (connection.has_credentials) {
    record.number(fields::peer_pid, connection.credentials.pid);
    record.number(fields::peer_uid, connection.credentials.uid);
  }
  if (connection.inode != 0) record.number(fields::inode, connection.inode);
  record.word(fields::cause, cause(connection));
}

}  // namespace connection
