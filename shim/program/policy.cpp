#include "program/policy.h"

#include "system/options.h"
#include "system/proc.h"
#include "system/real.h"

namespace policy {
namespace {

// The phase stands above the bits, so that a change of phase is one compare-and-exchange of one word.
constexpr unsigned kPhaseShift = 16;

constexpr unsigned kPhases = 5;
constinit std::atomic<unsigned> table[kPhases] = {undecided};

std::atomic<unsigned>& row(Phase phase) { return table[static_cast<unsigned>(phase)]; }

Phase phase_of(unsigned word) { return static_cast<Phase>(word >> kPhaseShift & 7); }

// Where a write on a socket is a send, and the hint is trusted, the hint alone says how a write is made.
unsigned with_phase(unsigned bits, Phase phase) {
  constexpr unsigned kFast = write_is_send | trusts_hints;
  const bool fast = (bits & (kFast | masks | in_seccomp)) == kFast;
  return bits | (fast ? 0U : slow_write) | static_cast<unsigned>(phase) << kPhaseShift;
}

unsigned chosen() {
  const auto& options = options::get();
  if (options.mode == Mode::off) return 0;
  const bool has_handler_of_ours = options.guard != Guard::hooks;
  if (options.mode == Mode::observe) return has_handler_of_ours ? has_handler : 0U;

  const auto status = proc::status();
  unsigned bits = adds_flag;
  if (has_handler_of_ours) bits |= has_handler | trusts_hints;
  // A tracer stops at every SIGPIPE, an ignored one too, so where one watches none may come to be.
  const bool catches = options.guard == Guard::automatic ? !status.traced : options.guard == Guard::handler;
  if (!catches) bits |= masks;
  if (!status.in_seccomp) bits |= unfiltered;
  // A filter that came with the process may know write and not sendto; the handler does without.
  if (!status.in_seccomp || (bits & masks) != 0) bits |= write_is_send;
  if (options.log == Log::none && options.handlers == Handlers::bypass) bits |= counts_only;
  return bits;
}

// One row a phase: what hooks do in it.
void fill_table(unsigned armed) {
  const bool protects = options::get().mode == Mode::protect;
  const unsigned without_handler = protects ? (armed | masks) & ~trusts_hints : armed;
  const unsigned lost = protects ? without_handler | write_is_send : armed & ~trusts_hints;
  row(Phase::starting).store(with_phase(without_handler, Phase::starting));
  row(Phase::armed).store(with_phase(armed, Phase::armed));
  row(Phase::handler_lost).store(with_phase(lost, Phase::handler_lost));
  row(Phase::in_seccomp)
      .store(with_phase((armed | in_seccomp) & ~(write_is_send | masks | unfiltered), Phase::in_seccomp));
}

// Goes on to a later phase; one that has been passed already is not gone back to. Returns the phase before.
Phase go_on_to(Phase phase) {
  unsigned word = now();
  while (phase_of(word) < phase && !in_use.compare_exchange_weak(word, row(phase).load())) {
  }
  return phase_of(word);
}

constinit std::atomic<bool> is_handler_lost = false;

}  // namespace

// Threads that come here at once all fill in the same.
unsigned decide() {
  real::find_all();
  fill_table(chosen());
  unsigned before = undecided;
  in_use.compare_exchange_strong(before, row(Phase::starting).load());
  return in_use.load();
}

void arm() { go_on_to(Phase::armed); }

void lose_handler() {
  is_handler_lost.store(true);
  go_on_to(Phase::handler_lost);
}

Phase enter_seccomp() { return go_on_to(Phase::in_seccomp); }

// A thread may have lost the handler meanwhile.
void leave_seccomp(Phase before) {
  if (before == Phase::in_seccomp) return;
  const auto after = is_handler_lost.load() ? Phase::handler_lost : before;
  unsigned word = row(Phase::in_seccomp).load();
  in_use.compare_exchange_strong(word, row(after).load());
}

}  // namespace policy
