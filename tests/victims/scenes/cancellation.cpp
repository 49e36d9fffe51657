// Scenes of threads that are cancelled while they sleep in a call: their cleanup handlers look around.
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

#include <atomic>
#include <cstdio>
#include <cstring>

#include "scenes.h"

namespace {

// A thread asleep in a call.
class Sleeper {
 public:
  enum class Calls { once, until_it_fails };

  Sleeper(const Verb& verb, int fd, Calls calls, void (*cleanup)(void* name))
      : verb_(verb), fd_(fd), calls_(calls), cleanup_(cleanup) {
    pthread_create(
        &thread_, nullptr, [](void* self) -> void* { return static_cast<Sleeper*>(self)->run(); }, this);
    while (tid_ == 0) sched_yield();
    wait_asleep(getpid(), tid_);
  }

  void cancel() const { pthread_cancel(thread_); }
  bool ends_cancelled() const {
    void* result;
    pthread_join(thread_, &result);
    return result == PTHREAD_CANCELED;
  }

 private:
  void* run() {
    pthread_cleanup_push(cleanup_, const_cast<char*>(verb_.name));
    tid_ = static_cast<pid_t>(syscall(SYS_gettid));
    while (verb_.call(fd_) > 0 && calls_ == Calls::until_it_fails) {
    }
    pthread_testcancel();
    pthread_cleanup_pop(0);
    return nullptr;
  }

  const Verb& verb_;
  const int fd_;
  const Calls calls_;
  void (*const cleanup_)(void*);
  std::atomic<pid_t> tid_ = 0;
  pthread_t thread_{};
};

bool is_cancellation_point(const Verb& verb) { return strcmp(verb.name, "sendfile") != 0; }

}  // namespace

SCENE(cancellation) {
  for (const auto& verb : verbs()) {
    int peer;
    Sleeper sleeper(verb, full_socket(&peer), Sleeper::Calls::once, [](void* name) {
      printf("%s: cleanup, SIGPIPE %s\n", static_cast<char*>(name), blocked() ? "blocked" : "not blocked");
    });
    sleeper.cancel();
    char buffer[4096];
    while (!is_cancellation_point(verb) && recv(peer, buffer, sizeof buffer, MSG_DONTWAIT) > 0) {  // lets it end
    }
    printf("%s: %s\n", verb.name, sleeper.ends_cancelled() ? "cancelled" : "not cancelled");
  }
}

// Cancelled and told that its peer has gone in the same moment.
SCENE(cancelled_at_epipe_often) {
  for (int i = 0; i < 50; ++i)
    for (const auto& verb : verbs()) {
      if (!is_cancellation_point(verb)) continue;
      const auto [ours, peer] = tcp_pair();
      // TCP finds room once more, so one call may not be enough to sleep in.
      Sleeper sleeper(verb, filled(ours), Sleeper::Calls::until_it_fails, [](void*) {
        if (blocked()) puts("cleanup with SIGPIPE blocked");
      });
      shutdown(ours, SHUT_RDWR);
      sleeper.cancel();
      sleeper.ends_cancelled();
      close(peer);
      close(ours);
    }
  puts("alive");
}
