// What the kernel still knows of a connection whose other end has gone: who it was, how it stood, why it failed.
#pragma once

#include <linux/tcp.h>

#include "log/address.h"
#include "log/record_writer.h"

struct Connection {
  int family;  // AF_*, or -1 for what is no socket
  int type;    // SOCK_*
  Address local;
  Address peer;
  unsigned long long inode;  // as in /proc/net/tcp and ss(8)
  bool is_hung_up;           // poll(2) says POLLHUP: no direction is open
  tcp_info tcp;              // of the length that this kernel gives; beyond it zero
  socklen_t tcp_length;      // 0: no TCP
  ucred credentials;         // AF_UNIX: of the peer, when it connected; pid 0: not known
};

namespace connection {

// Asks the kernel, with four system calls for TCP, five for MPTCP and AF_UNIX. Safe in a signal handler; never blocks.
void look_at(int fd, Connection& connection);

// The fields: socket type local peer state sent acked received idle_ms rtt_us peer_pid peer_uid inode cause.
void add(record::Writer& record, const Connection& connection);

}  // namespace connection
