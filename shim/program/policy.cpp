#include "program/policy.h"

#include "system/options.h"
#include "system/proc.h"
#include "system/real.h"

namespace technique {
namespace {

unsigned chosen() {
  const auto& options = options::get();
  if (options.mode == Mode::off) return 0;
  const bool has_net = options.net == Net::on;
  if (options.mode == Mode::observe) return has_net ? net : 0U;

  const auto status = proc::status();
  unsigned bits = flag;
  if (has_net) bits |= net | trust_hints;
  // A tracer stops at every SIGPIPE, an ignored one too, so where one watches none may come to be. Nothing else than
  // the mask is left where the net has been taken away.
  const bool catches = options.guard == Guard::automatic ? !status.traced : options.guard == Guard::handler;
  if (!catches || !has_net) bits |= mask;
  if (!status.confined) bits |= unfiltered;
  // A filter that came with the process may know write and not sendto; the net does without.
  if (!status.confined || (bits & mask) != 0) bits |= write_is_send;
  if (options.log == Log::none && options.handlers == Handlers::bypass) bits |= silent;
  return bits;
}

// Where a write is a send, and the hint is trusted, the hint alone says how a write is made.
unsigned judged(unsigned bits) {
  constexpr unsigned kPlain = write_is_send | trust_hints;
  const bool plain = (bits & (kPlain | mask | confined)) == kPlain;
  return plain ? bits & ~intricate : bits | intricate;
}

constinit std::atomic<unsigned> with_net = 0;

}  // namespace

unsigned settle() {
  real::find_all();
  const unsigned bits = chosen();
  const unsigned without_net = options::get().mode == Mode::protect ? (bits | mask) & ~trust_hints : bits;
  with_net.store(bits);
  unsigned before = unsettled;
  in_use.compare_exchange_strong(before, judged(without_net));
  return in_use.load();
}

void net_stands() {
  if (!uses(confined)) in_use.store(judged(with_net.load()));
}

void doubt_net() {
  in_use.fetch_or(intricate);
  in_use.fetch_and(~trust_hints);
  if (options::get().mode == Mode::protect && !uses(confined)) in_use.fetch_or(mask | write_is_send);
}

unsigned confine() {
  const unsigned before = now();
  in_use.store(judged((before | confined) & ~(write_is_send | mask | unfiltered)));
  return before;
}

}  // namespace technique
