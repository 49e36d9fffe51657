#include "program/policy.h"

#include "system/arch/machine.h"
#include "system/options.h"
#include "system/proc.h"
#include "system/real.h"

namespace policy {
namespace {

// A filter that came with the process may know write and not sendto. Without /proc nobody knows: it counts as there.
constinit std::atomic<bool> came_in_filter = true;

// Whether calls without a flag are left to our handler, once it stands.
bool catches(unsigned facts) {
  switch (options::get().guard) {
    case Guard::automatic:
      return arch::kKeepsArguments && (facts & is_traced) == 0;
    case Guard::handler:
      return true;
    default:
      return false;
  }
}

// The table: what each set of facts means.
unsigned word_for(unsigned facts) {
  const auto& options = options::get();
  const bool confined = (facts & in_seccomp) != 0;
  const bool handled = (facts & has_handler) != 0;
  unsigned bits = slow_write;
  // Before the constructor nobody has looked whether SIGPIPE was blocked at the start.
  if (handled || (facts & (may_block_sigpipe | armed)) != armed) bits |= asks_mask;
  if (options.mode == Mode::protect) {
    // Where the program's handler is to be called the kernel has to raise.
    if (!handled || options.handlers == Handlers::bypass) bits |= adds_flag;
    const bool left_to_handler = (facts & armed) != 0 && catches(facts);
    if (!left_to_handler && !confined) bits |= masks;
    if ((bits & adds_flag) != 0 && !confined && !came_in_filter.load() && (facts & send_is_denied) == 0)
      bits |= write_is_send;
    if ((bits & write_is_send) != 0 && left_to_handler) bits &= ~slow_write;
    if ((bits & (adds_flag | asks_mask)) == adds_flag && !confined && options.log == Log::none) bits |= counts_only;
  }
  return bits | facts << kFacts;
}

void change(unsigned add, unsigned remove) {
  unsigned word = in_use.load();
  unsigned next;
  do {
    const unsigned facts = (facts_in(word) | add) & ~remove;
    next = (word & undecided) != 0 ? undecided | facts << kFacts : word_for(facts);
  } while (!in_use.compare_exchange_weak(word, next));
}

}  // namespace

// Threads that come here at once all find the same. While no descriptor is free it is as in a filter, and the next call
// looks again.
unsigned decide() {
  real::find_all();
  const auto& options = options::get();
  const bool looks = (options.mode == Mode::protect || options.log != Log::none) && !knows(in_seccomp);
  const auto status = looks ? proc::status() : proc::Status{};
  if (status.is_put_off) return word_for(facts_in(in_use.load()));
  came_in_filter.store(!status.is_known || status.has_filter);
  const unsigned found = status.is_traced ? unsigned{is_traced} : 0;
  unsigned word = in_use.load();
  while ((word & undecided) != 0 && !in_use.compare_exchange_weak(word, word_for(facts_in(word) | found))) {
  }
  return in_use.load();
}

bool started_in_filter() { return came_in_filter.load(); }

void learn(Fact fact) {
  if (!knows(fact)) change(fact, 0);
}

void take_back(Fact fact) { change(0, fact); }

bool knows(Fact fact) { return (facts_in(in_use.load()) & fact) != 0; }

bool has_handler_of_ours() {
  const auto& options = options::get();
  return options.mode != Mode::off && options.guard != Guard::hooks;
}

}  // namespace policy
