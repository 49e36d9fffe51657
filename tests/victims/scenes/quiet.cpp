// Scenes of calls by which the program says itself that it wants no signal.
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "scenes.h"

namespace {

constexpr int kNoSignal = 0x100;  // RWF_NOSIGNAL of Linux 6.18

long send_message_unseen(int fd) {
  msghdr message{};
  message.msg_iov = &one_byte;
  message.msg_iovlen = 1;
  return syscall(SYS_sendmsg, fd, &message, MSG_NOSIGNAL);
}

long send_messages_unseen(int fd) {
  mmsghdr message{};
  message.msg_hdr.msg_iov = &one_byte;
  message.msg_hdr.msg_iovlen = 1;
  return syscall(SYS_sendmmsg, fd, &message, 1, MSG_NOSIGNAL);
}

const std::vector<Verb> kQuietSends = {
    {"send", [](int fd) { return send(fd, byte, 1, MSG_NOSIGNAL); }},
    {"syscall sendto", [](int fd) { return syscall(SYS_sendto, fd, byte, 1, MSG_NOSIGNAL, nullptr, 0); }},
    {"syscall sendmsg", send_message_unseen},
    {"syscall sendmmsg", send_messages_unseen},
};
const std::vector<Verb> kQuietWrites = {
    {"pwritev2", [](int fd) { return pwritev2(fd, &one_byte, 1, -1, kNoSignal); }},
    {"pwritev64v2", [](int fd) { return pwritev64v2(fd, &one_byte, 1, -1, kNoSignal); }},
    {"syscall pwritev2", [](int fd) { return syscall(SYS_pwritev2, fd, &one_byte, 1, -1L, -1L, kNoSignal); }},
};

void say(const Verb& verb, int fd) {
  const ssize_t result = verb.call(fd);
  printf("%s: %zd %s, pending %d\n", verb.name, result, strerror(errno), pending());
}

void each(const std::vector<Verb>& list) {
  for (const auto& verb : list) say(verb, dead_socket());
  block_sigpipe(SIG_BLOCK);
  for (const auto& verb : list) say(verb, dead_socket());
  block_sigpipe(SIG_UNBLOCK);
}

// Somebody's kill reaches the thread in the midst of such calls, or right behind them.
void kill_behind(const Verb& verb) {
  const int fd = dead_socket();
  block_sigpipe(SIG_BLOCK);
  kill(getpid(), SIGPIPE);
  verb.call(fd);
  block_sigpipe(SIG_UNBLOCK);
  puts("still here");
}

// For two seconds and more.
void go_on(const Verb& verb) {
  const int fd = dead_socket();
  for (const time_t end = time(nullptr) + 3; time(nullptr) < end;)
    if (verb.call(fd) != -1 || errno != EPIPE) abort();
  puts("alive");
}

}  // namespace

// Whether the kernel knows the flag.
SCENE(quiet_write_known) {
  puts(pwritev2(dead_socket(), &one_byte, 1, -1, kNoSignal) == -1 && errno == EPIPE ? "known" : "not known");
}
SCENE(quiet_sends) { each(kQuietSends); }
SCENE(quiet_writes) { each(kQuietWrites); }
SCENE(quiet_send_goes_on) { go_on(kQuietSends[2]); }
SCENE(quiet_write_goes_on) { go_on(kQuietWrites[0]); }
SCENE(quiet_syscall_write_goes_on) { go_on(kQuietWrites[2]); }
SCENE(quiet_send_with_kill_pending) { kill_behind(kQuietSends[2]); }
SCENE(quiet_write_with_kill_pending) { kill_behind(kQuietWrites[0]); }

// A dead pipe, too, is quiet then.
SCENE(quiet_write_to_pipe) {
  for (const auto& verb : kQuietWrites) say(verb, dead_pipe());
}
