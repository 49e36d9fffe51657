// Scenes of one call after the other, by kind: those that can carry a flag, those that cannot, and those that no hook
// sees; and of a pipe that nobody reads beside a socket whose peer has gone, where the fd may not be known.
#include <sys/syscall.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "scenes.h"
#include "victims/system_call.h"

namespace {

void say(const char* what, ssize_t result) { printf("%s: %zd %s\n", what, result, strerror(errno)); }

void say_each(std::initializer_list<const char*> names) {
  for (const auto* name : names) say(name, verb_named(name).call(dead_socket()));
}

}  // namespace

SCENE(calls_with_a_flag) { say_each({"write", "send", "sendto", "sendmsg", "sendmmsg"}); }
SCENE(calls_without_a_flag) { say_each({"writev", "sendfile", "splice"}); }

SCENE(raw_calls) {
  say("syscall write", syscall(SYS_write, dead_socket(), byte, 1));
  say("syscall writev", syscall(SYS_writev, dead_socket(), &one_byte, 1));
  say("inline write", inline_call(SYS_write, dead_socket(), byte, 1));
  say("inline writev", inline_call(SYS_writev, dead_socket(), &one_byte, 1));
#ifdef SYS_sendto
  say("inline sendto", inline_call(SYS_sendto, dead_socket(), byte, 1, 0, nullptr, 0));
#endif
#ifdef SYS_send
  say("inline send", inline_call(SYS_send, dead_socket(), byte, 1, 0));
#endif
}
SCENE(pipe_syscall_still_kills) { syscall(SYS_write, dead_pipe(), byte, 1); }
SCENE(pipe_inline_still_kills) { inline_call(SYS_write, dead_pipe(), byte, 1); }

// Both are dead; the socket is written to.
SCENE(socket_beside_dead_pipe) {
  dead_pipe();
  say("write", write(dead_socket(), byte, 1));
  say("writev", writev(dead_socket(), &one_byte, 1));
  say("dprintf", dprintf(dead_socket(), "x"));
  say("syscall", syscall(SYS_write, dead_socket(), byte, 1));
  say("inline", inline_call(SYS_write, dead_socket(), byte, 1));
}
// No offset is no fd, though 0 is a dead pipe.
SCENE(inline_splice_without_offset_while_0_is_a_dead_pipe) {
  const int dead = dead_socket();
  int source[2];
  if (pipe(source) != 0 || write(source[1], byte, 1) != 1) abort();
  dup2(dead_pipe(), 0);
  say("inline splice", inline_call(SYS_splice, source[0], nullptr, dead, nullptr, 1, 0));
}
SCENE(shut_tcp_beside_dead_pipe) {
  dead_pipe();
  const Pair pair = tcp_pair();
  shutdown(pair.ours, SHUT_WR);
  say("dprintf", dprintf(pair.ours, "x"));
}

// Both are dead; the pipe is written to by a function that is replaced.
SCENE(pipe_write_beside_dead_socket_still_kills) {
  dead_socket();
  write(dead_pipe(), byte, 1);
}
SCENE(pipe_writev_beside_dead_socket_still_kills) {
  dead_socket();
  writev(dead_pipe(), &one_byte, 1);
}
SCENE(pipe_stdio_beside_dead_socket) {
  dead_socket();
  dprintf(dead_pipe(), "x");
}

// The peer of the only socket is still there.
SCENE(pipe_stdio_beside_live_socket_still_kills) {
  unix_pair();
  dprintf(dead_pipe(), "x");
}
