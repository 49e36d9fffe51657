// Writes to a dead socket at the end of a chain of calls that a log has to lead back along: first calls second calls
// third, which writes. It knows nothing of the shim.
//
// usage: stack_victim [in-handler|in-thread] direct|stdio|unbuffered|raw|sort|last
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

int fd = -1;
FILE* stream = nullptr;
std::string way;

[[gnu::always_inline]] inline void stay() { asm volatile("" ::: "memory"); }  // no call here ends a function
[[gnu::always_inline]] inline void keep(void* room) { asm volatile("" : : "r"(room) : "memory"); }

int compare(const void* left, const void*) {
  if (*static_cast<const char*>(left) == 'a') (void)!write(fd, "x", 1);
  stay();
  return 0;
}

}  // namespace

extern "C" {

[[gnu::noinline, noreturn]] void leaves() {
  (void)!write(fd, "x", 1);
  _exit(0);
}

[[gnu::noinline, noreturn]] void ends() { leaves(); }  // what this call would return to is in the next function

[[gnu::noinline]] void third(int depth) {
  char room[300];  // frames of odd sizes
  keep(room);
  if (way == "direct") (void)!write(fd, "x", 1);
  if (way == "stdio") {
    std::fputs("x", stream);
    std::fflush(stream);
  }
  if (way == "unbuffered") std::fprintf(stream, "%d and %s", depth, way.c_str());
  if (way == "raw") syscall(SYS_write, fd, "x", 1);
  if (way == "last") ends();
  if (way == "sort") {
    char letters[] = "ab";
    std::qsort(letters, 2, 1, compare);
  }
  stay();
}

[[gnu::noinline]] void second(int depth) {
  keep(__builtin_alloca(static_cast<size_t>(depth) * 100));
  third(depth);
  stay();
}

[[gnu::noinline]] void first(int depth) {
  second(depth);
  stay();
}

void on_signal(int) {
  first(3);
  stay();
}

void* in_thread(void*) {
  first(3);
  stay();
  return nullptr;
}

}  // extern "C"

int main(int argc, char* argv[]) {
  int ends[2];
  if (argc < 2 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return 2;
  close(ends[1]);
  fd = ends[0];
  stream = fdopen(fd, "w");
  way = argv[argc - 1];
  if (way == "unbuffered") setvbuf(stream, nullptr, _IONBF, 0);
  const std::string where = argv[1];
  pthread_t thread;
  if (where == "in-handler") {
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
  } else if (where == "in-thread") {
    if (pthread_create(&thread, nullptr, in_thread, nullptr) == 0) pthread_join(thread, nullptr);
  } else {
    first(3);
  }
  _exit(0);  // and not once more at the end, by stdio
}
