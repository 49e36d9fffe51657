// Leads to a dead socket on many ways. It knows nothing of the shim, and lives if nobody kills it.
//
// usage: sites_victim WORD...
//
// What writes: library=PATH (its calls_from_a_library), stdio, raw (a system call of its own); at first a function
// here.
//
// From where, so many times: rarely=COUNT often=COUNT threads=COUNT (often, from two) small-thread=COUNT (often)
// aligned=COUNT (four times by each of two callers, through an aligned frame)
// sized=COUNT (from a frame that is larger each time) one-depth=COUNT (by each of two callers, through a frame that is
// as much larger as its caller's is smaller) deep=DEPTH (once from each depth up to it, three times over)
// ways=COUNT (each by another way) coroutines=COUNT (by two, in turns, whose stacks end where memory ends)
// alternate=COUNT (by a handler on a stack of its own) alarms=COUNT (by one that comes at any moment) until=MS (often,
// so long).
//
// Meanwhile: unload (the library) fork vfork-fails wait (for a signal) end (_exit).
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>

#include <chrono>
#include <climits>
#include <thread>

#include "victims/sockets.h"
#include "victims/words.h"

namespace {

int fd = -1;
void* library = nullptr;
FILE* stream = nullptr;

[[gnu::always_inline]] inline void stay() { asm volatile("" ::: "memory"); }  // no call here ends a function

[[gnu::noinline]] long by_function(int to) {
  const long result = send(to, "x", 1, 0);
  stay();
  return result;
}

// One write each, whichever thread is in between.
[[gnu::noinline]] long by_stdio(int) {
  flockfile(stream);
  std::fputs("x", stream);
  std::fflush(stream);
  std::clearerr(stream);
  funlockfile(stream);
  return 0;
}

[[gnu::noinline]] long by_raw(int to) {
  const long result = syscall(SYS_write, to, "x", 1);
  stay();
  return result;
}

long (*put)(int) = by_function;

void load(const std::string& path) {
  library = dlopen(path.c_str(), RTLD_NOW);
  if (library == nullptr) std::abort();
  put = reinterpret_cast<long (*)(int)>(dlsym(library, "calls_from_a_library"));
}

[[gnu::noinline]] void rarely() {
  put(fd);
  stay();
}

[[gnu::noinline]] void often() {
  put(fd);
  stay();
}

void repeat(const std::string& count, void (*deed)()) {
  for (int i = std::stoi(count); i > 0; --i) deed();
}

void* in_thread(void* count) {
  for (long i = reinterpret_cast<long>(count); i > 0; --i) often();
  return nullptr;
}

pthread_t started(const std::string& count, size_t stack) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  if (stack > 0) pthread_attr_setstacksize(&attributes, stack);
  pthread_t thread;
  if (pthread_create(&thread, &attributes, in_thread, reinterpret_cast<void*>(std::stol(count))) != 0) std::abort();
  return thread;
}

[[gnu::noinline]] void from_a_frame_of(size_t size) {
  auto* room = static_cast<volatile char*>(__builtin_alloca(size));
  room[0] = 0;
  put(fd);
  stay();
}

// Of two such callers one has the size that the frame below the other has, so that each leads to the write from the
// same depth, and the frame below has where the other had its own.
template <int N>
[[gnu::noinline]] void from_two_frames_of(size_t own, size_t below) {
  auto* room = static_cast<volatile char*>(__builtin_alloca(own));
  room[0] = N;
  from_a_frame_of(below);
  stay();
}

void from_one_depth(const std::string& count) {
  constexpr size_t kSize[2][2] = {{16, 1024}, {1024, 16}};
  constexpr void (*kCallers[])(size_t, size_t) = {from_two_frames_of<0>, from_two_frames_of<1>};
  const int times = 2 * std::stoi(count);
  for (int i = 0; i < times; ++i) kCallers[i % 2](kSize[i % 2][0], kSize[i % 2][1]);
}

// Its frame is aligned and of varying size, and it has arguments on the stack: gcc finds its caller's frame by a word
// in memory. Two callers whose frames differ by less than the alignment loses lead to it with the same registers.
[[gnu::noinline]] void from_an_aligned_frame(long, long, long, long, long, long, size_t size, long) {
  alignas(64) char room[64];
  auto* more = static_cast<volatile char*>(__builtin_alloca(size));
  asm volatile("" : : "r"(room), "r"(more) : "memory");
  put(fd);
  stay();
}

template <int kSize>
[[gnu::noinline]] void from_a_frame_with(int) {
  char room[kSize];
  asm volatile("" : : "r"(room) : "memory");
  from_an_aligned_frame(1, 2, 3, 4, 5, 6, 16, 8);
  stay();
}

void from_aligned_frames(const std::string& count) {
  constexpr void (*kCallers[])(int) = {from_a_frame_with<40>, from_a_frame_with<24>};
  for (const unsigned moved : {0U, 16U, 32U, 48U}) {
    auto* room = static_cast<volatile char*>(__builtin_alloca(moved + 1));
    asm volatile("" : : "r"(room) : "memory");
    const int times = std::stoi(count);
    for (int i = 0; i < 2 * times; ++i) kCallers[i / times](i);
  }
}

[[gnu::noinline]] void down(int depth) {
  depth > 0 ? down(depth - 1) : rarely();
  stay();
}

[[gnu::noinline]] void turn(unsigned way, int turns);
[[gnu::noinline]] void left(unsigned way, int turns) {
  turn(way, turns);
  stay();
}
[[gnu::noinline]] void right(unsigned way, int turns) {
  turn(way, turns);
  stay();
}
void turn(unsigned way, int turns) {
  if (turns == 0)
    rarely();
  else if ((way & 1) != 0)
    left(way / 2, turns - 1);
  else
    right(way / 2, turns - 1);
  stay();
}

ucontext_t home, routines[2];

void routine(int own, int count) {
  for (int i = 0; i < count; ++i) {
    own == 0 ? rarely() : often();
    swapcontext(&routines[own], &home);
  }
}

// Behind each stack there is no memory.
void take_turns(const std::string& count) {
  constexpr size_t kPage = 4096, kSize = 4 * kPage;
  const int number = std::stoi(count);
  for (int own = 0; own < 2; ++own) {
    auto* area =
        static_cast<char*>(mmap(nullptr, kSize + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(area + kSize, kPage, PROT_NONE);
    getcontext(&routines[own]);
    routines[own].uc_stack.ss_sp = area;
    routines[own].uc_stack.ss_size = kSize;
    routines[own].uc_link = &home;
    makecontext(&routines[own], reinterpret_cast<void (*)()>(routine), 2, own, number);
  }
  for (int i = 0; i < number; ++i)
    for (auto& one : routines) swapcontext(&home, &one);
}

void write_on_an_alternate_stack(const std::string& count) {
  static char room[65536];
  stack_t stack{};
  stack.ss_sp = room;
  stack.ss_size = sizeof room;
  sigaltstack(&stack, nullptr);
  struct sigaction act {};
  act.sa_flags = SA_ONSTACK;
  act.sa_handler = [](int) { often(); };
  sigaction(SIGUSR1, &act, nullptr);
  repeat(count, [] { raise(SIGUSR1); });
}

volatile int alarms = 0;

// In the midst of anything.
void be_alarmed(const std::string& count) {
  alarms = std::stoi(count);
  signal(SIGALRM, [](int) {
    if (alarms == 0) return;
    often();
    alarms = alarms - 1;
  });
  const itimerval often_enough{{0, 500}, {0, 500}};
  setitimer(ITIMER_REAL, &often_enough, nullptr);
  for (volatile unsigned sum = 1; alarms > 0;) sum = sum * 3 + (sum >> 7) + (sum ^ 5);
}

void write_for(const std::string& ms) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(std::stoi(ms));
  while (std::chrono::steady_clock::now() < end) often();
}

void go_on_in_a_child() {
  if (const pid_t child = must(fork(), "fork"); child > 0) {
    int status = 0;
    must(waitpid(child, &status, 0), "waitpid");
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
  }
}

void fail_to_execute() {
  const pid_t child = vfork();
  if (child == 0) {
    execl("/nonexistent", "nonexistent", nullptr);
    (void)!write(fd, "cannot execute\n", 15);
    _exit(127);
  }
  waitpid(child, nullptr, 0);
}

}  // namespace

int main(int argc, char* argv[]) {
  fd = dead_socket();
  stream = fdopen(dup(fd), "w");
  const Words words = {
      {"library", load},
      {"stdio", [] { put = by_stdio; }},
      {"raw", [] { put = by_raw; }},

      {"rarely", [](const std::string& count) { repeat(count, rarely); }},
      {"often", [](const std::string& count) { repeat(count, often); }},
      {"threads",
       [](const std::string& count) {
         const pthread_t one = started(count, 0), other = started(count, 0);
         pthread_join(one, nullptr);
         pthread_join(other, nullptr);
       }},
      {"small-thread",
       [](const std::string& count) { pthread_join(started(count, static_cast<size_t>(PTHREAD_STACK_MIN)), nullptr); }},
      {"sized",
       [](const std::string& count) {
         for (size_t i = 1; i <= std::stoul(count); ++i) from_a_frame_of(i * 48);
       }},
      {"one-depth", from_one_depth},
      {"aligned", from_aligned_frames},
      {"deep",
       [](const std::string& depth) {
         for (int i = 0; i < 3; ++i)
           for (int to = 1; to <= std::stoi(depth); ++to) down(to);
       }},
      {"ways",
       [](const std::string& count) {
         for (unsigned way = 0; way < std::stoul(count); ++way) turn(way, 12);
       }},
      {"coroutines", take_turns},
      {"alternate", write_on_an_alternate_stack},
      {"alarms", be_alarmed},
      {"until", write_for},

      {"unload", [] { dlclose(library); }},
      {"fork", go_on_in_a_child},
      {"vfork-fails", fail_to_execute},
      {"wait", [] { pause(); }},
      {"end", [] { _exit(0); }},
  };
  obey(words, argc, argv);
  _exit(0);
}
