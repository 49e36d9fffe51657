// A program that exports functions of libc's names itself. Each goes on to libc's other name for the same function, as
// Erlang's sigaction does.
//
// usage: own_names sigaction|signal_bsd|signal_s|sysv_signal|exit
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstring>

namespace {

const char* word = "";
bool is(const char* other) { return std::strcmp(word, other) == 0; }

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

using Sigaction = int (*)(int, const struct sigaction*, struct sigaction*);
using Signal = sighandler_t (*)(int, sighandler_t);
using Exit = void (*)(int);

int calls = 0;

// Called once by the program for each call that it makes itself.
void count() {
  if (++calls > 20) abort();
}

}  // namespace

extern "C" {

int sigaction(int sig, const struct sigaction* act, struct sigaction* old) noexcept {
  count();
  return next<Sigaction>("__sigaction")(sig, act, old);
}

sighandler_t signal(int sig, sighandler_t handler) noexcept {
  count();
  return next<Signal>(is("signal_s") ? "ssignal" : "bsd_signal")(sig, handler);
}

sighandler_t sysv_signal(int sig, sighandler_t handler) noexcept {
  count();
  return next<Signal>("__sysv_signal")(sig, handler);
}

void _exit(int status) {
  count();
  next<Exit>("_Exit")(status);
  abort();
}

}  // extern "C"

static bool sets(int sig) {
  struct sigaction act {};
  act.sa_handler = SIG_IGN;
  if (is("sigaction")) return sigaction(sig, &act, nullptr) == 0;
  if (is("sysv_signal")) return sysv_signal(sig, SIG_IGN) != SIG_ERR;
  return signal(sig, SIG_IGN) != SIG_ERR;
}

int main(int argc, char* argv[]) {
  if (argc != 2) return 2;
  word = argv[1];
  if (is("exit")) _exit(0);
  if (!sets(SIGUSR1) || !sets(SIGPIPE)) return 1;
  return calls == 2 ? 0 : 3;
}
