#include "program/policy.h"

#include "system/arch/machine.h"
#include "system/options.h"
#include "system/proc.h"
#include "system/real.h"

namespace policy {
namespace {

// The facts stand above what follows from them, so that learning one is a compare-and-exchange of one word.
constexpr unsigned kFacts = 16;

// A filter that came with the process may know write and not sendto. Without /proc nobody knows: it counts as there.
constinit std::atomic<bool> started_in_filter = true;

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
  unsigned bits = confined ? makes_no_calls | slow_write : slow_write;
  if (handled || (facts & may_block_sigpipe) != 0) bits |= asks_mask;
  if (options.mode == Mode::protect) {
    // Where the program's handler is to be called the kernel has to raise.
    if (!handled || options.handlers == Handlers::bypass) bits |= adds_flag;
    const bool left_to_handler = (facts & armed) != 0 && catches(facts);
    if (!left_to_handler && !confined) bits |= masks;
    if ((bits & adds_flag) != 0 && !confined && !started_in_filter.load() && (facts & send_is_denied) == 0)
      bits |= write_is_send;
    if ((bits & write_is_send) != 0 && left_to_handler) bits &= ~slow_write;
    if ((bits & (adds_flag | asks_mask | makes_no_calls)) == adds_flag && options.log == Log::none) bits |= counts_only;
  }
  return bits | facts << kFacts;
}

unsigned facts_in(unsigned word) { return word >> kFacts & 0x3f; }

void change(unsigned add, unsigned remove) {
  unsigned word = now();
  while (!in_use.compare_exchange_weak(word, word_for((facts_in(word) | add) & ~remove))) {
  }
}

}  // namespace

// Threads that come here at once all find the same.
unsigned decide() {
  real::find_all();
  const auto status = options::get().mode == Mode::protect ? proc::status() : proc::Status{};
  started_in_filter.store(!status.is_known || status.has_filter);
  unsigned facts = 0;
  if (status.is_traced) facts |= is_traced;
  if (status.blocks_sigpipe || !status.is_known) facts |= may_block_sigpipe;
  unsigned before = undecided;
  in_use.compare_exchange_strong(before, word_for(facts));
  return in_use.load();
}

void learn(Fact fact) {
  if (!knows(fact)) change(fact, 0);
}

void take_back(Fact fact) { change(0, fact); }

bool knows(Fact fact) { return (facts_in(now()) & fact) != 0; }

bool has_handler_of_ours() {
  const auto& options = options::get();
  return options.mode != Mode::off && options.guard != Guard::hooks;
}

}  // namespace policy
