// The steps that do one thing, as the list has them.
#pragma once

#include <ctime>

#include "victims/steps/confined.h"

namespace steps {

inline Handler disposition_in_view() {
  struct sigaction now {};
  sigaction(SIGPIPE, nullptr, &now);
  return now.sa_handler;
}

// What would end the program is done by a child.
template <class Deed>
void spared(bool may_kill, Deed deed) {
  if (may_kill && !is_simple && !is_blocked() && disposition_in_view() == SIG_DFL) return in_child(deed);
  deed();
}

// stdio is not to be left by siglongjmp.
inline bool is_stdio(const Put& way) {
  return strstr(way.name, "printf") != nullptr || strstr(way.name, "fwrite") != nullptr;
}

// What a handler sends is not told apart there (Limits).
inline bool is_behind_int80 = false;

// A handler may leave it by siglongjmp.
inline bool writes_once(const Put& way, int fd, int shape) {
  sigjmp_buf here;
  if (sigsetjmp(here, 1) != 0) return note(" left"), false;
  if (!is_stdio(way)) leaving = &here;
#ifdef __i386__
  is_behind_int80 = strstr(way.name, "inline") != nullptr;
#endif
  const long result = put(fd, way.by, [&] { return way.call(shaped(shape, fd, way.by)); });
  note_result(result);
  leaving = nullptr;
  return true;
}

inline void puts_by(int number, int fd, int shape) {
  const auto& way = kPuts[number];
  note(" %s", way.name);
  if (is_confined && (!is_stream_socket[fd] || is_blocked())) return note(" is left out");
  if (is_left_open(fd, way.by)) return note(" is left open");
  if (is_stdio(way) && in_memory_of_another) return note(" is left out");  // which it would break, killed in its midst
  const bool is_ring = number >= kWays - kPutsByRing;
  if (is_ring && (is_confined || is_pipe(fd))) return note(" is left out");
  if (is_confined) return void(writes_once(way, fd, shape));
  spared(is_pipe(fd), [&] { writes_once(way, fd, shape); });
}

inline void sends_by(int how, int is_spared) {
  spared(is_spared != 0, [&] { sends(how); });
}

// A write that waits for room is left by siglongjmp, out of a handler of SIGALRM.
inline void leaves_at_alarm(int) {
  sigjmp_buf* const to = leaving;
  leaving = nullptr;
  if (to != nullptr) siglongjmp(*to, 1);
}
inline Pair full_pair() {
  const Pair pair = unix_pair();
  fcntl(pair.ours, F_SETFL, O_NONBLOCK);
  while (raw(SYS_write, pair.ours, some, sizeof some) > 0) {
  }
  while (raw(SYS_write, pair.ours, some, 1) > 0) {
  }
  fcntl(pair.ours, F_SETFL, 0);
  return {moved_up(pair.ours), moved_up(pair.theirs)};
}
inline void left_by_alarm(int number) {
  const auto& way = kPuts[number];
  note(" %s", way.name);
  if (is_confined || number >= kWays - kPutsByRing - 1 || is_left_open(-1, way.by)) return;
  if (is_blocked() || strstr(way.name, "tee") || strstr(way.name, "vmsplice")) return;
  constexpr Signals kSigalrm = Signals{1} << (SIGALRM - 1);
  if ((mask() & kSigalrm) != 0) return;                          // it would wait for ever
  if (is_stdio(way) || strcmp(way.name, "sendto") == 0) return;  // which does not wait
  struct sigaction act {};
  act.sa_handler = leaves_at_alarm;
  sigaction(SIGALRM, &act, nullptr);
  sigevent to_this_thread{};
  to_this_thread.sigev_notify = SIGEV_THREAD_ID;
  to_this_thread.sigev_signo = SIGALRM;
  to_this_thread._sigev_un._tid = static_cast<pid_t>(raw(SYS_gettid));
  timer_t timer{};
  timer_create(CLOCK_MONOTONIC, &to_this_thread, &timer);
  const Pair full = full_pair();
  sigjmp_buf here;
  if (sigsetjmp(here, 1) == 0) {
    leaving = &here;
    const itimerspec soon{{0, 500'000}, {0, 2'000'000}};
    timer_settime(timer, 0, &soon, nullptr);
    note_result(put(full.ours, way.by, [&] { return way.call({some, 1, full.ours}); }));
  } else {
    note(" left");
  }
  leaving = nullptr;
  timer_delete(timer);
  raw(SYS_close, full.ours);
  raw(SYS_close, full.theirs);
}

// What a cancelled thread has pushed writes to a dead socket.
struct Cancelled {
  const Put* way;
  int full, dead;
  long result;
  int error;
  Signals mask, mask_at_the_end;
};
inline void writes_at_the_end(void* argument) {
  auto& that = *static_cast<Cancelled*>(argument);
  that.mask_at_the_end = mask() & kSigpipe;
  that.result = put(that.dead, By::hook, [&] { return send(that.dead, some, 1, 0); });
  that.error = errno;
}
inline void* is_cancelled(void* argument) {
  auto& that = *static_cast<Cancelled*>(argument);
  change_mask(SIG_SETMASK, that.mask);
  pthread_cleanup_push(writes_at_the_end, argument);
  that.way->call({some, 1, that.full});
  pthread_cleanup_pop(0);
  return nullptr;
}
inline void cancels(int number) {
  const auto& way = kPuts[number];
  note(" %s", way.name);
  if (is_simple || number >= kWays - kPutsByRing - 1 || strstr(way.name, "send") || strstr(way.name, "tee") ||
      strstr(way.name, "vmsplice") || way.by != By::hook)
    return;
  const Pair full = full_pair();
  Cancelled that{&way, full.ours, moved_up(dead_socket()), 0, 0, 0, 0};
  if (!run_to_its_end(is_cancelled, that, true)) return;
  note(" %ld %d mask %llx", that.result, that.error, static_cast<unsigned long long>(that.mask_at_the_end));
  for (const int fd : {full.ours, full.theirs, that.dead}) raw(SYS_close, fd);
}

// Another thread puts a file over the fd as this one writes. What comes of it depends on the moment, and is not told.
inline int replaced = -1, replacing = -1;
inline volatile bool is_over;
inline void* replaces(void*) {
  while (!is_over) {
    dup2(replacing, replaced);
    sched_yield();
  }
  return nullptr;
}
inline void is_replaced(int number) {
  const auto& way = kPuts[number];
  note(" %s", way.name);
  if (is_simple || is_blocked() || number >= kWays - kPutsByRing || disposition_in_view() != SIG_DFL || set_by_number ||
      contract != Contract::none)
    return;
  replacing = moved_up(memfd_create("file", 0));
  replaced = moved_up(dead_socket());
  const int dead = moved_up(dead_socket());
  is_over = false;
  pthread_t thread;
  if (pthread_create(&thread, nullptr, replaces, nullptr) != 0) return;
  for (int i = 0; i < 60; ++i) {
    dup2(dead, replaced);
    way.call({some, 1, replaced});
  }
  is_over = true;
  pthread_join(thread, nullptr);
  for (const int fd : {replacing, replaced, dead}) raw(SYS_close, fd);
}

// A call that finds less room than it asks for, and has raised nothing; the peer leaves behind it.
constexpr int kWaysToFallShort = 4;
inline void falls_short(int how) {
  constexpr size_t kMuch = 4 << 20;
  if (is_confined) return;
  const Pair pair = unix_pair();
  const int ours = moved_up(pair.ours), file = moved_up(memfd_create("much", 0));
  fcntl(ours, F_SETFL, O_NONBLOCK);
  if (ftruncate(file, kMuch) != 0) return;
  static char page[4096];
  iovec part{page, sizeof page};
  static mmsghdr messages[1024];
  for (auto& one : messages) one.msg_hdr = message(part);
  long result = 0;
  forget_errno();
  switch (how) {
    case 0:
      result = sendfile(ours, file, nullptr, kMuch);
      break;
    case 1:
      result = sendmmsg(ours, messages, 1024, 0);
      break;
    case 2:
      result = syscall(SYS_sendfile, ours, file, nullptr, kMuch);
      break;
    default:
      result = inline_call(SYS_sendfile, ours, file, nullptr, kMuch);
  }
  note_result(result);
  for (const int fd : {pair.theirs, ours, file}) raw(SYS_close, fd);
}

// Mapped as the program begins: above the stacks of its threads, and below the first one's.
constexpr size_t kRoom = 1 << 17;
inline void* const room = mmap(nullptr, kRoom, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
constexpr int kDisarms = static_cast<int>(1U << 31);  // SS_AUTODISARM
inline void takes_stack_with(int has_one, int flags) {
  const stack_t stack{has_one ? room : nullptr, has_one ? flags : SS_DISABLE, has_one ? kRoom : 0};
  if (!is_simple) note(" %d", sigaltstack(&stack, nullptr));
}
inline void takes_stack(int has_one) { takes_stack_with(has_one, 0); }
inline void closes(int fd) {
  if (!is_confined) close(fd);
}

// By the handler of another signal, on the alternate stack where there is one.
inline void (*of_another)() = nullptr;
inline void is_another(int) {
  if (of_another != nullptr) of_another();
}
inline void in_another_handler(void (*deed)()) {
  struct sigaction act {};
  act.sa_handler = is_another;
  act.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR1, &act, nullptr);
  of_another = deed;
  raise(SIGUSR1);
  of_another = nullptr;
}

// What a handler writes to, if to anything, once a step; each time in another way, and it may then send the signal that
// it was called for once more, set the default, unmap what the call was given that it interrupts, and take an alternate
// stack.
inline int to_write_to = -1, times_written = 0;
inline bool may_write = false;
inline void lets_handlers_write_to(int fd) { to_write_to = fd; }
inline void writes_on() {
  const int fd = to_write_to, which = fd + times_written;
  const auto& way = kPuts[which % kWays];
  note(" %s", way.name);
  const bool is_out = is_confined && (!is_stream_socket[fd] || is_blocked());
  if (way.by != By::unseen && !is_out && !is_left_open(fd, way.by))
    note_result(put(fd, way.by, [&] { return way.call(shaped(kOne, fd, way.by)); }));
}
inline void writes(int) {
  note_call("writes");
  if (!may_write) return;
  may_write = false;
  const int error = errno, which = (to_write_to < 0 ? 3 : to_write_to) + times_written;
  if (to_write_to >= 0) which % 5 == 0 ? in_another_handler(writes_on) : writes_on();
  ++times_written;
  if (which % 2 == 0) unmaps_what_was_given();
  if (which % 7 == 0) takes_stack_with(1, which % 2 == 0 ? kDisarms : 0);
  const bool is_told_apart = !is_confined && !set_by_number && is_one_of_three && !is_behind_int80;
  if (which % 3 == 0 && is_told_apart) sends(which / 3 * 5 % kWaysToSend);
  if (which % 4 == 3 && is_told_apart && !(resets_itself() && is_pending())) signal(SIGPIPE, SIG_DFL), is_set(kDefault);
  if (is_blocked()) before_unblocking();  // as it returns
  errno = error;
}
inline void shuts_down(int fd) { shutdown(fd, SHUT_WR); }

}  // namespace steps
