// Random programs, bare with the kernel's own means for what is promised, and under the shim: whatever each step sees
// is the same, and so is the end. What differs is shrunk to a few steps, and printed as a program.
//
// In the environment: SEED is that of the first program (default 1), PROGRAMS how many there are (default 100).
#include <cstdlib>
#include <fstream>

#include "support/directory.h"
#include "support/expect.h"
#include "support/source_tree.h"
#include "support/steps.h"

namespace {

constexpr std::chrono::seconds kLimit{20};

std::string flavour;  // which build of the shim and of the victim: "" or "i386/"

std::string steps_victim() { return built(flavour + "tests/victims/steps_victim"); }

// A policy, and what it promises: 1 the contract, 2 likewise with --handlers=bypass, 3 nothing.
struct Policy {
  Strings setting;
  int contract;
};

const std::vector<Policy> kPolicies = {
    {{"NOSIGPIPE_GUARD=auto"}, 1},
    {{"NOSIGPIPE_GUARD=mask"}, 1},
    {{"NOSIGPIPE_GUARD=catch"}, 1},
};

// One of these beside them.
const std::vector<Policy> kOthers = {
    {{"NOSIGPIPE_HANDLERS=bypass"}, 2},
    {{"NOSIGPIPE_LOG=/dev/null"}, 1},
    {{"NOSIGPIPE_GUARD=mask", "NOSIGPIPE_HANDLERS=bypass"}, 2},
    {{"NOSIGPIPE_GUARD=mask", "NOSIGPIPE_LOG=/dev/null"}, 1},
    {{"NOSIGPIPE_GUARD=catch", "NOSIGPIPE_HANDLERS=bypass", "NOSIGPIPE_LOG=/dev/null"}, 2},
    {{"NOSIGPIPE_MODE=observe", "NOSIGPIPE_LOG=/dev/null"}, 3},
    {{"NOSIGPIPE_MODE=observe"}, 3},
    {{"NOSIGPIPE_MODE=off"}, 3},
};

Ending played(const Steps& steps, int contract, Start start) {
  start.flavour = flavour;
  const Strings words{steps_victim(), std::to_string(contract), "0"};
  return run(joined(words, words_of(steps)), start, kLimit);
}

Ending played_under_shim(const Steps& steps, const Policy& policy) {
  return played(steps, policy.contract == 3 ? 3 : 0, with_shim(policy.setting));
}

std::string text_of(const Ending& ending) { return ending.out + ending.text() + "\n"; }

struct Outcome {
  std::string bare, shimmed;
};

Outcome outcome_of(const Steps& steps, const Policy& policy) {
  return {text_of(played(steps, policy.contract, {})), text_of(played_under_shim(steps, policy))};
}

bool differs(const Steps& steps, const Policy& policy) {
  const auto outcome = outcome_of(steps, policy);
  return outcome.bare != outcome.shimmed;
}

// What another thread does differs from time to time.
bool may_differ(const Steps& steps, const Policy& policy) {
  return differs(steps, policy) || differs(steps, policy) || differs(steps, policy);
}

std::string setting_of(const Policy& policy) {
  std::string text;
  for (const auto& variable : policy.setting) text += variable + " ";
  return text;
}

void behaves(unsigned seed, const Steps& steps, const Policy& policy, const std::string& oracle) {
  const auto shimmed = text_of(played_under_shim(steps, policy));
  if (shimmed == oracle || !may_differ(steps, policy)) return;
  const auto few = shrunk(steps, [&](const Steps& fewer) { return may_differ(fewer, policy); });
  auto outcome = outcome_of(few, policy);
  for (int i = 0; i < 10 && outcome.bare == outcome.shimmed; ++i) outcome = outcome_of(few, policy);
  FAIL_CHECK("SEED=" << seed << " PROGRAMS=1, " << setting_of(policy) << "\n"
                     << source_of(few, policy.contract) << "\nbare, as promised:\n"
                     << outcome.bare << "\nunder the shim:\n"
                     << outcome.shimmed);
}

unsigned given(const char* name, unsigned usual) {
  const char* value = std::getenv(name);
  return value == nullptr ? usual : static_cast<unsigned>(std::strtoul(value, nullptr, 10));
}

void behave(unsigned first, unsigned programs) {
  const auto kinds = step_kinds(output_of({steps_victim()}));
  REQUIRE(kinds.size() > 20);
  for (auto seed = first; seed < first + programs; ++seed) {
    const auto steps = StepsMaker(kinds, seed).program();
    const auto oracle = text_of(played(steps, 1, {}));
    for (const auto& policy : kPolicies) behaves(seed, steps, policy, oracle);
    const auto& other = kOthers[seed % kOthers.size()];
    behaves(seed, steps, other, other.contract == 1 ? oracle : text_of(played(steps, other.contract, {})));
  }
}

}  // namespace

TEST_CASE("random programs see what the kernel shows, but for what is averted") {
  flavour = "";
  behave(given("SEED", 1), given("PROGRAMS", 100));
}
TEST_CASE("random 32-bit programs see what the kernel shows, but for what is averted") {
  flavour = "i386/";
  behave(given("SEED", 1), given("PROGRAMS", 100) / 4);
}

TEST_CASE("a program that is printed can be compiled, and does what its steps do") {
  const Steps dead{{"opens", {5, 0}}, {"leaves", {5}}};
  const Steps writes{{"puts_by", {0, 5, 0}}, {"looks", {}}};
  const Steps steps = {dead[0], dead[1], {"in_fork", {0}, true, writes}, {"in_exec", {0}, true, writes}};
  const Directory directory;
  std::ofstream(directory / "program.cpp") << source_of(steps, 1);
  flavour = "";
  output_of({"c++", "-std=c++20", "-iquote", source("tests"), "-pthread", "-o", directory / "program",
             directory / "program.cpp", "-lutil"});
  Start start;
  start.directory = built("..");
  const auto printed = text_of(run({directory / "program"}, start));
  CHECK(printed == text_of(played(steps, 1, {})));
  CHECK(has(printed, "puts_by 0 5 0 write -1 32"));
}
