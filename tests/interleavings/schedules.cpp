#include "interleavings/schedules.h"

#include <link.h>
#include <ucontext.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace schedules {
namespace {

constexpr std::size_t kStack = 256 * 1024;
constexpr unsigned kMostSteps = 4000;

struct Step {
  const void* object;
  bool writes;
  const char* what;
  bool sleeps;
};

struct Thread {
  ucontext_t context;
  std::vector<char> stack = std::vector<char>(kStack);
  std::vector<char> locals;  // its thread_local variables while another runs
  int error = 0;
  Step next{};
  bool is_over = false;
};

// A point at which one of several could go on. Threads are bits here.
struct Choice {
  unsigned enabled, asleep, tried;
  int chosen;
};

struct Kept {
  void* object;
  std::array<char, 16> bytes;
  std::size_t size;
};

ucontext_t explorer;
Thread threads[4];
int count = 0;
int current = -1;
int upcoming = -1;
std::vector<Choice> path;
std::size_t depth = 0;
std::vector<std::pair<int, Step>> trace;
std::vector<Kept> kept;
std::string mistake;
bool is_over = false;
bool is_cut = false;  // all that could go on has been seen in another order
const Scenario* scenario = nullptr;
unsigned long schedules_of_it = 0;

// The program's thread_local variables, which are one block, and what it holds when a thread begins.
struct Locals {
  char* begin = nullptr;
  std::size_t size = 0;
  std::vector<char> initial;
};
Locals locals = [] {
  Locals found;
  dl_iterate_phdr(
      [](dl_phdr_info* object, std::size_t, void* to) {
        auto& block = *static_cast<Locals*>(to);
        block.begin = static_cast<char*>(object->dlpi_tls_data);
        for (int i = 0; i < object->dlpi_phnum; ++i)
          if (object->dlpi_phdr[i].p_type == PT_TLS) block.size = object->dlpi_phdr[i].p_memsz;
        return 1;  // the program is the first
      },
      &found);
  found.initial.assign(found.begin, found.begin + found.size);
  return found;
}();

bool depend(const Step& one, const Step& other) {
  if (one.sleeps || other.sleeps || one.object == nullptr || other.object == nullptr) return true;
  return one.object == other.object && (one.writes || other.writes);
}

unsigned bit(int thread) { return 1U << thread; }

unsigned able() {
  unsigned awake = 0;
  unsigned sleeping = 0;
  for (int i = 0; i < count; ++i)
    if (!threads[i].is_over) (threads[i].next.sleeps ? sleeping : awake) |= bit(i);
  return awake != 0 ? awake : sleeping;
}

// Of those that may go on one that has not been tried here: the one that runs, if it can.
int one_of(unsigned set) {
  if (current >= 0 && (set & bit(current)) != 0) return current;
  for (int i = 0; i < count; ++i)
    if ((set & bit(i)) != 0) return i;
  return -1;
}

// -1 where the schedule ends.
int choose() {
  if (is_over || trace.size() >= kMostSteps) {
    if (!is_over) wrong("it goes on for ever");
    return -1;
  }
  if (depth == path.size()) {
    Choice choice{able(), 0, 0, -1};
    if (depth > 0) {
      const auto& last = path[depth - 1];
      for (int i = 0; i < count; ++i)
        if (((last.asleep | last.tried) & bit(i)) != 0 && !depend(threads[i].next, trace.back().second))
          choice.asleep |= bit(i);
    }
    choice.chosen = one_of(choice.enabled & ~choice.asleep);
    if (choice.chosen < 0) {
      is_cut = choice.enabled != 0;
      return -1;
    }
    path.push_back(choice);
  }
  const int chosen = path[depth++].chosen;
  trace.emplace_back(chosen, threads[chosen].next);
  return chosen;
}

void switch_to_explorer() {
  auto& thread = threads[current];
  thread.locals.assign(locals.begin, locals.begin + locals.size);
  thread.error = errno;
  swapcontext(&thread.context, &explorer);
}

void pause(const Step& step) {
  threads[current].next = step;
  upcoming = choose();
  if (upcoming != current) switch_to_explorer();
}

void body(int number) {
  scenario->threads[static_cast<std::size_t>(number)]();
  threads[number].is_over = true;
  upcoming = choose();
  switch_to_explorer();
}

void make(int number) {
  auto& thread = threads[number];
  getcontext(&thread.context);
  thread.context.uc_stack.ss_sp = thread.stack.data();
  thread.context.uc_stack.ss_size = thread.stack.size();
  thread.context.uc_link = nullptr;
  makecontext(&thread.context, reinterpret_cast<void (*)()>(body), 1, number);
  thread.locals = locals.initial;
  thread.next = {&thread, false, "begins", false};
  thread.is_over = false;
}

void put_back() {
  for (; !kept.empty(); kept.pop_back()) memcpy(kept.back().object, kept.back().bytes.data(), kept.back().size);
}

void run_once() {
  put_back();
  trace.clear();
  depth = 0;
  is_over = is_cut = false;
  scenario->begin();
  for (int i = 0; i < count; ++i) make(i);
  for (upcoming = choose(); upcoming >= 0;) {
    current = upcoming;
    memcpy(locals.begin, threads[current].locals.data(), locals.size);
    errno = threads[current].error;
    swapcontext(&explorer, &threads[current].context);
    current = -1;
  }
  memcpy(locals.begin, locals.initial.data(), locals.size);
  if (!is_cut && mistake.empty()) scenario->check();
}

// The next one in depth first order; false when all have been.
bool turn() {
  for (; !path.empty(); path.pop_back()) {
    auto& last = path.back();
    last.tried |= bit(last.chosen);
    last.chosen = one_of(last.enabled & ~last.asleep & ~last.tried);
    if (last.chosen >= 0) return true;
  }
  return false;
}

void show() {
  printf("%s: %s\n", scenario->name.c_str(), mistake.c_str());
  for (const auto& [thread, step] : trace) printf("  %*s%d: %s %p\n", thread * 24, "", thread, step.what, step.object);
}

}  // namespace

unsigned long number() { return schedules_of_it; }

int running() { return current; }

void before(const void* object, bool writes, const char* what) {
  if (current >= 0) pause({object, writes, what, false});
}

void sleep() {
  if (current >= 0) pause({nullptr, true, "sleeps", true});
}

void keep(void* object, std::size_t size) {
  Kept bytes{object, {}, size};
  memcpy(bytes.bytes.data(), object, size);
  kept.push_back(bytes);
}

void keep_all() { kept.clear(); }

void end() {
  is_over = true;
  upcoming = -1;
  switch_to_explorer();
  __builtin_unreachable();
}

void wrong(const std::string& what) {
  if (mistake.empty()) mistake = what;
  is_over = true;
}

bool hold(const Scenario& wanted) {
  scenario = &wanted;
  count = static_cast<int>(wanted.threads.size());
  path.clear();
  mistake.clear();
  schedules_of_it = 0;
  unsigned long cut = 0;
  std::size_t longest = 0;
  do {
    run_once();
    ++(is_cut ? cut : schedules_of_it);
    if (longest < trace.size()) longest = trace.size();
    if (!mistake.empty()) show();
  } while (mistake.empty() && turn());
  put_back();
  fflush(stdout);
  printf("%s: %lu schedules, %lu cut short, of %zu steps at most\n", wanted.name.c_str(), schedules_of_it, cut,
         longest);
  return mistake.empty();
}

}  // namespace schedules
