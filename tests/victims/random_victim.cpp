// A program made up of a seed: threads, children and what a log could stand on, in any order, and between them writes
// to dead sockets from callers of any depth. Each process says how many SIGPIPEs it has had, and where. It knows
// nothing of the shim, and lives if nobody kills it.
//
// usage: random_victim SEED EMPTY_DIRECTORY
//
// Lines of standard output: "met COUNT PLACE" of what lives on, and "died COUNT PLACE" of what ends a child, PLACE
// being the functions from the write up; "ignored COUNT" of those that were met while SIGPIPE was ignored; "short"
// where no descriptor was free for a while; and "fds NUMBERS", those that are open at the end of a process but for the
// log's.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "victims/sockets.h"

namespace {

std::string prison;

[[gnu::always_inline]] inline void stay() { asm volatile("" ::: "memory"); }  // no call here ends a function

// What this process has met, with its children of vfork and those that it has lost.
std::map<std::string, long> counts;
std::mutex counting;

void count(const std::string& what, long times) {
  const std::lock_guard lock(counting);
  counts[what] += times;
}

// The log is the only file of this name.
std::string open_numbers() {
  std::string list;
  for (int fd = 0; fd < 1024; ++fd) {
    char path[PATH_MAX];
    const auto length = readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path);
    const bool is_log = length > 0 && std::string(path, static_cast<size_t>(length)).ends_with("/log");
    if (fcntl(fd, F_GETFD) != -1 && !is_log) list += " " + std::to_string(fd);
  }
  return list;
}

void say() {
  std::string text;
  for (const auto& [what, times] : counts)
    text += what.substr(0, what.find(' ')) + " " + std::to_string(times) +
            what.substr(std::min(what.find(' '), what.size())) + "\n";
  if (access("/proc/self/fd", R_OK) == 0) text += "fds" + open_numbers() + "\n";
  if (write(1, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
}

}  // namespace

// The writes and their callers have names that the log can be compared with.
extern "C" {

[[gnu::noinline]] void puts_by_send(int fd) {
  if (send(fd, "x", 1, 0) != -1 || errno != EPIPE) std::abort();
}
[[gnu::noinline]] void puts_by_write(int fd) {
  if (write(fd, "x", 1) != -1 || errno != EPIPE) std::abort();
}
[[gnu::noinline]] void puts_by_writev(int fd) {
  iovec part{const_cast<char*>("x"), 1};
  if (writev(fd, &part, 1) != -1 || errno != EPIPE) std::abort();
}
[[gnu::noinline]] void puts_by_stdio(int fd) {
  if (dprintf(fd, "x") != -1 || errno != EPIPE) std::abort();
}
[[gnu::noinline]] void puts_by_number(int fd) {
  if (syscall(SYS_write, fd, "x", 1) != -1 || errno != EPIPE) std::abort();
}

}  // extern "C"

namespace {

struct Put {
  const char* name;
  void (*call)(int fd);
};
constexpr Put kPuts[] = {{"puts_by_send", puts_by_send},
                         {"puts_by_write", puts_by_write},
                         {"puts_by_writev", puts_by_writev},
                         {"puts_by_stdio", puts_by_stdio},
                         {"puts_by_number", puts_by_number}};

void lead_on(const char* way, const unsigned* sizes, const Put& put, int fd);

}  // namespace

extern "C" {

[[gnu::noinline]] void way_a(const char* way, const unsigned* sizes, const Put& put, int fd) {
  lead_on(way, sizes, put, fd);
  stay();
}
[[gnu::noinline]] void way_b(const char* way, const unsigned* sizes, const Put& put, int fd) {
  char room[200];
  asm volatile("" : : "r"(room) : "memory");
  lead_on(way, sizes, put, fd);
  stay();
}
[[gnu::noinline]] void way_c(const char* way, const unsigned* sizes, const Put& put, int fd) {
  auto* room = static_cast<volatile char*>(__builtin_alloca(*sizes));
  room[0] = 0;
  lead_on(way, sizes + 1, put, fd);
  stay();
}

// Aligned and of varying size: compilers find the frame of such a function's caller by a word in memory. The way on
// is one of two, whose frames differ by less than is lost by the alignment.
[[gnu::noinline]] void way_d(const char* way, const unsigned* sizes, const Put& put, int fd) {
  alignas(64) char room[64];
  auto* more = static_cast<volatile char*>(__builtin_alloca(*sizes));
  asm volatile("" : : "r"(room), "r"(more) : "memory");
  lead_on(way, sizes + 1, put, fd);
  stay();
}

}  // extern "C"

namespace {

[[gnu::always_inline]] inline void lead_on(const char* way, const unsigned* sizes, const Put& put, int fd) {
  if (*way == '\0') put.call(fd);
  if (*way == 'a') way_a(way + 1, sizes, put, fd);
  if (*way == 'b') way_b(way + 1, sizes, put, fd);
  if (*way == 'c') way_c(way + 1, sizes, put, fd);
  if (*way == 'd') way_d(way + 1, sizes, put, fd);
}

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  unsigned below(unsigned end) { return static_cast<unsigned>(engine_() % end); }

 private:
  std::mt19937 engine_;
};

// A write and the way to it.
struct Place {
  const Put* put;
  std::string way;
  explicit Place(Random& random) : put(&kPuts[random.below(std::size(kPuts))]) {
    for (unsigned left = random.below(6); left > 0; --left) way += "abcd"[random.below(4)];
  }
  std::string name() const {
    std::string name = put->name;
    for (auto step = way.rbegin(); step != way.rend(); ++step) name += std::string(" way_") + *step;
    return name + " way_a";
  }
};

// With frames of other sizes each time.
void put_from(const Place& place, Random& random, int fd) {
  unsigned sizes[8];
  for (auto& size : sizes) size = 16 * (1 + random.below(60));
  way_a(place.way.c_str(), sizes, *place.put, fd);
}

void put_on(Random& random, int fd) {
  const Place place(random);
  const unsigned times = 1 + random.below(20);
  for (unsigned i = 0; i < times; ++i) put_from(place, random, fd);
  count("met " + place.name(), times);
}

void put_somewhere(Random& random) {
  const int fd = dead_socket();
  put_on(random, fd);
  close(fd);
}

void act(Random& random, int depth);

void in_threads(Random& random) {
  std::vector<std::thread> threads;
  for (unsigned i = 2 + random.below(3); i > 0; --i)
    threads.emplace_back([seed = random.below(1U << 30)] {
      Random own(seed);
      for (unsigned turns = 1 + own.below(4); turns > 0; --turns) put_somewhere(own);
    });
  for (auto& thread : threads) thread.join();
}

int status_of(pid_t child) {
  int status = 0;
  must(waitpid(child, &status, 0), "waitpid");
  return status;
}

void must_end_well(pid_t child) {
  if (status_of(child) != 0) std::abort();
}

template <class Deed>
void in_child(Random& random, int depth, Deed deed) {
  const bool by_exit = random.below(2) == 0;
  const pid_t child = must(fork(), "fork");
  if (child > 0) return must_end_well(child);
  counts.clear();
  deed();
  act(random, depth + 1);
  say();
  by_exit ? std::exit(0) : _exit(0);
}

void become_nobody() { must(setresuid(65534, 65534, 65534), "setresuid"); }

void in_vfork(Random& random) {
  const int fd = dead_socket();
  const Place place(random);
  Random own = random;
  count("met " + place.name(), 1);
  const bool gives_up_rights = own.below(3) == 0 && geteuid() == 0;
  const pid_t child = vfork();
  if (child == 0) {
    put_from(place, own, fd);
    if (gives_up_rights) become_nobody();
    _exit(0);
  }
  must_end_well(child);
  close(fd);
}

// It has met nothing: what was held back would be lost.
void execute(Random& random, int depth) {
  const auto seed = std::to_string(random.below(1U << 30)), deeper = std::to_string(depth + 1);
  const pid_t child = must(fork(), "fork");
  if (child == 0) {
    execl("/proc/self/exe", "random_victim", seed.c_str(), prison.c_str(), deeper.c_str(), nullptr);
    _exit(1);
  }
  must_end_well(child);
}

void lose_child(Random& random) {
  int ends[2];
  must(pipe(ends), "pipe");
  close(ends[0]);
  Place place(random);
  if (place.put->call == puts_by_send) place.put = &kPuts[1];
  const pid_t child = must(fork(), "fork");
  if (child == 0) {
    signal(SIGPIPE, SIG_DFL);
    put_from(place, random, ends[1]);
    _exit(1);
  }
  const int status = status_of(child);
  if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGPIPE) std::abort();
  close(ends[1]);
  count("died " + place.name(), 1);
}

void take_alternate_stack(Random& random) {
  static char room[65536];
  const stack_t stack{room, 0, 16384 + random.below(sizeof room - 16384)};
  must(sigaltstack(&stack, nullptr), "sigaltstack");
  put_somewhere(random);
}

// Nothing may arrive in the file that has got their numbers.
void take_numbers(Random& random) {
  const int file = must(memfd_create("file", 0), "memfd_create");
  const int first = 90 + static_cast<int>(random.below(15)), end = first + static_cast<int>(random.below(20));
  for (int fd = first; fd < end; ++fd) must(dup2(file, fd), "dup2");
  put_somewhere(random);
  struct stat written {};
  if (fstat(file, &written) != 0 || written.st_size != 0) std::abort();
  for (int fd = first; fd < end; ++fd)
    if (close(fd) != 0) std::abort();
  close(file);
}

void without_numbers(Random& random) {
  const int fd = dead_socket();
  const int free = must(dup(fd), "dup");
  close(free);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit none{static_cast<rlim_t>(free), limit.rlim_max};
  must(setrlimit(RLIMIT_NOFILE, &none), "setrlimit");
  put_on(random, fd);
  must(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
  close(fd);
  count("short", 1);
}

// What no hook sees raises nothing then.
void ignoring(Random& random) {
  const auto before = signal(SIGPIPE, SIG_IGN);
  const int fd = dead_socket();
  Place place(random);
  if (place.put->call == puts_by_stdio) place.put = &kPuts[0];
  put_from(place, random, fd);
  count("met " + place.name(), 1);
  count("ignored", 1);
  close(fd);
  signal(SIGPIPE, before);
}

void enter_prison() { must(chroot(prison.c_str()), "chroot"); }

// Whoever is not free has lost the log with its descriptor.
void act(Random& random, int depth) {
  const bool is_free = geteuid() == 0 && access("/proc/self/exe", R_OK) == 0;
  for (unsigned deeds = 1 + random.below(4); deeds > 0; --deeds) {
    const auto deed = random.below(depth < 2 ? 14 : 9);
    if (deed <= 1) put_somewhere(random);
    if (deed == 2) in_threads(random);
    if (deed == 3) in_vfork(random);
    if (deed == 4) take_alternate_stack(random);
    if (deed == 5) ignoring(random);
    if (deed == 6) without_numbers(random);
    if (deed == 7 && is_free) take_numbers(random);
    if (deed == 8 && is_free) close_range(3, ~0U, 0);
    if (deed == 9) lose_child(random);
    if (deed == 10) in_child(random, depth, [] {});
    if (deed == 11 && is_free) execute(random, depth);
    if (deed == 12 && is_free) in_child(random, depth, become_nobody);
    if (deed == 13 && is_free) in_child(random, depth, enter_prison);
  }
}

}  // namespace

int main(int argc, char* argv[]) {
  if (argc < 3) return 2;
  prison = argv[2];
  Random random(static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10)));
  act(random, argc > 3 ? std::atoi(argv[3]) : 0);
  say();
}
