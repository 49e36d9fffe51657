// All schedules of a few threads in the shim's own code: what the programs in tests/interleavings/ explore.
#include "support/expect.h"
#include "support/source_tree.h"

namespace {

void holds(const std::string& part) {
  const auto ending = run({built("tests/interleavings/" + part)});
  INFO(ending.text() << "\n" << ending.out << ending.err);
  CHECK(ending.exited(0));
}

}  // namespace

TEST_CASE("the control: what goes wrong in some schedule is found, and none is left out") { holds("explorer"); }

TEST_CASE("in no schedule a socket kills, a pipe is averted, or a disposition is undone") { holds("stubs"); }

TEST_CASE("in no schedule the log loses an event or tells it twice, nor has a call site two places") {
  holds("call_sites");
}

TEST_CASE("in no schedule a module has two numbers, or is found before all of it is written") { holds("modules"); }

TEST_CASE("in no schedule a line goes to a file that has the number of the log's, but for one right before the write") {
  holds("log_fd");
}

TEST_CASE("in no schedule the policy forgets a fact, or says what its facts do not mean") { holds("policy"); }
