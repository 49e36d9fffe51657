// The policy's facts: no schedule in which one that was learnt is forgotten, or the word in use is not what the facts
// mean.
#include "interleavings/yielding.h"

#include "program/policy.h"

#include <cstdio>

#include "guard/sigpipe_handler.h"
#include "system/options.h"
#include "system/proc.h"
#include "system/real.h"

namespace {

Options chosen{};
proc::Status status_now{true, false, false, false};

}  // namespace

const Options& options::get() { return chosen; }
bool real::Symbol::find_in(const ElfSymbols&) { return false; }
void real::find_all() {}
proc::Status proc::status() { return status_now; }
void fd::remember_pipes_alone() {}
long arch::modelled_call(long, long, long, long, long, long) { return 0; }
long modelled_syscall(long, long, long, long, long, long, long) { return 0; }

namespace {

using policy::Fact;
using schedules::must;
using Body = std::function<void()>;

constexpr Fact kFacts[] = {policy::armed,          policy::has_handler, policy::may_block_sigpipe,
                           policy::send_is_denied, policy::in_seccomp,  policy::is_traced};

Body learns(Fact fact) {
  return [fact] { policy::learn(fact); };
}
Body takes_back(Fact fact) {
  return [fact] { policy::take_back(fact); };
}

// What one thread alone finds, which learns these facts.
unsigned word_of(unsigned facts) {
  policy::in_use.store(policy::undecided);
  policy::decide();
  for (const auto fact : kFacts) policy::take_back(fact);
  for (const auto fact : kFacts)
    if ((facts & fact) != 0) policy::learn(fact);
  return policy::in_use.load();
}

Body check(unsigned facts) {
  return [facts] {
    const unsigned word = policy::now();
    must(policy::facts_in(word) == facts, "a fact is forgotten, or one that was taken back is there");
    must(word == word_of(facts), "the word in use is not what the facts mean");
  };
}

void nothing() {}
void begin_decided() { policy::decide(); }
void begin_armed() {
  policy::decide();
  policy::learn(policy::armed);
}
void decides() { policy::now(); }

// A filter that the kernel refuses, and one that it does not.
Body enters(bool is_refused) {
  return [is_refused] { handler::enter_seccomp([] { return 0; }, [is_refused](int) { return is_refused; }); };
}

}  // namespace

int main() {
  using namespace policy;
  bool holds = true;
  const auto hold = [&](const char* name, const Body& begins, const std::vector<Body>& threads, unsigned facts) {
    holds = schedules::hold({name, begins, threads, check(facts)}) && holds;
  };
  hold("three decide", nothing, {decides, decides, decides}, 0);
  hold("one decides as others learn", nothing, {decides, learns(has_handler), learns(armed)}, has_handler | armed);
  hold("three learn", begin_decided, {learns(armed), learns(has_handler), learns(may_block_sigpipe)},
       armed | has_handler | may_block_sigpipe);
  hold("one takes back as others learn", begin_armed,
       {takes_back(armed), learns(has_handler), learns(may_block_sigpipe)}, has_handler | may_block_sigpipe);
  hold("one takes back as one decides", nothing, {decides, takes_back(armed), learns(send_is_denied)}, send_is_denied);
  hold("two filters are refused", begin_decided, {enters(true), enters(true)}, 0);
  hold("one filter is refused, and one is not", begin_decided, {enters(true), enters(false)}, in_seccomp);
  hold("two are refused, and one is not", begin_decided, {enters(true), enters(true), enters(false)}, in_seccomp);
  status_now.is_traced = true;
  hold("traced: two decide as one learns", nothing, {decides, decides, learns(armed)}, is_traced | armed);
  return holds ? 0 : 1;
}
