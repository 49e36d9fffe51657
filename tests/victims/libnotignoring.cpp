// Preloaded into a program that ignores SIGPIPE: what it sets is the default in its place.
#include <dlfcn.h>
#include <signal.h>

namespace {

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" int sigaction(int number, const struct sigaction* given, struct sigaction* before) noexcept {
  static auto* const real = next<decltype(sigaction)>("sigaction");
  if (number != SIGPIPE || given == nullptr || given->sa_handler != SIG_IGN) return real(number, given, before);
  struct sigaction standard = *given;
  standard.sa_handler = SIG_DFL;
  return real(number, &standard, before);
}

extern "C" sighandler_t signal(int number, sighandler_t handler) noexcept {
  static auto* const real = next<decltype(signal)>("signal");
  return real(number, number == SIGPIPE && handler == SIG_IGN ? SIG_DFL : handler);
}
