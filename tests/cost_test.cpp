// The shim's cost, as far as it is the same on every run and every machine: nothing here is a time. System calls are
// counted by strace_test, exports are compared by build_test.
#include "support/cost.h"

#include "support/catch.h"

namespace {

const std::vector<cost::Cell> kOnSockets{
    {"write", "tcp"},    {"write", "unix"},   {"send", "tcp"},     {"send", "unix"},  {"send+flag", "tcp"},
    {"sendto", "tcp"},   {"sendmsg", "tcp"},  {"sendmmsg", "tcp"}, {"writev", "tcp"}, {"writev", "unix"},
    {"pwritev2", "tcp"}, {"sendfile", "tcp"}, {"splice", "tcp"}};
const std::vector<cost::Cell> kElsewhere{{"write", "file"},  {"write", "pipe"},    {"write", "null"},
                                         {"writev", "file"}, {"sendfile", "file"}, {"splice", "pipe"},
                                         {"tee", "pipe"},    {"vmsplice", "pipe"}};

Start guarded_by(const std::string& guard) { return with_shim({"NOSIGPIPE_GUARD=" + guard}); }

void adds_few_instructions(const std::vector<cost::Cell>& cells) {
  const auto bare = cost::instructions(cells, {});
  const auto shim = cost::instructions(cells, guarded_by("auto"));
  for (size_t i = 0; i < cells.size(); ++i) {
    const auto& [call, kind] = cells[i];
    const bool is_another_function = call == "write" && (kind == "tcp" || kind == "unix");
    INFO(call << " on " << kind << ": " << bare[i] << " instructions bare, " << shim[i] << " under the shim");
    CHECK(shim[i] > bare[i]);
    CHECK(shim[i] - bare[i] <= (is_another_function ? 60 : 30));
  }
}

}  // namespace

TEST_CASE("a call on a live socket is at most 30 instructions more and a write that becomes a send 60") {
  adds_few_instructions(kOnSockets);
}

TEST_CASE("a call on a file or pipe is at most 30 instructions more") { adds_few_instructions(kElsewhere); }

TEST_CASE("an EPIPE by flag is at most 64 instructions more than one that is ignored") {
  const auto base = cost::instructions(cost::kEpipes, ignoring_sigpipe());
  const auto shim = cost::instructions(cost::kEpipes, guarded_by("auto"));
  Start logging = guarded_by("auto");
  logging.env.push_back("NOSIGPIPE_LOG=stderr");
  const auto logged = cost::instructions(cost::kEpipes, logging);
  for (size_t i = 0; i < base.size(); ++i) {
    const auto& [call, kind] = cost::kEpipes[i];
    INFO(call << " on " << kind << ": " << base[i] << " instructions bare, " << shim[i] << " under the shim");
    CHECK(shim[i] > base[i]);
    CHECK(shim[i] - base[i] <= 64);
    CHECK(logged[i] - base[i] > 64);
  }
}

TEST_CASE("the control: with guard mask a sendfile is more than a hundred instructions more") {
  const std::vector<cost::Cell> cells{{"sendfile", "tcp"}};
  CHECK(cost::instructions(cells, guarded_by("mask"))[0] > cost::instructions(cells, {})[0] + 100);
}

TEST_CASE("a process has at most 32 KiB more for itself alone") {
  const long added = cost::private_dirty(guarded_by("auto")) - cost::private_dirty({});
  INFO("KiB added: " << added);
  CHECK(added > 0);
  CHECK(added <= 32);
}

TEST_CASE("a start is at most 35,000 instructions more than with a library that has nothing in it") {
  const auto base = cost::instructions_of_start(built("tests/bench/libempty.so"));
  const auto shim = cost::instructions_of_start(built("libnosigpipe.so"));
  INFO(base << " instructions with nothing, " << shim << " under the shim");
  CHECK(shim > base + 1000);
  CHECK(shim <= base + 35'000);
}

// A little over what it is (168,696 by g++ 12, 180,976 by g++ 14), so that what makes it grow is seen to: a library is
// mapped into each process of the system.
TEST_CASE("the shared object is at most 184,000 bytes without debug information and 200 relocations") {
  const auto shape = cost::shape_of(built("libnosigpipe.so"));
  INFO(shape.bytes << " bytes, " << shape.relocations << " relocations");
  CHECK(shape.bytes > 0);
  CHECK(shape.bytes <= 184'000);
  CHECK(shape.relocations > 0);
  CHECK(shape.relocations <= 200);
}

// Whoever locks or walks it pays for each page, touched or not.
TEST_CASE("a process has at most 128 KiB of zeroes more") {
  long bytes = 0;
  for (const auto& size : matches(output_of({"size", "-A", built("libnosigpipe.so")}), "\n\\.t?bss +([0-9]+)"))
    bytes += std::stol(size);
  INFO(bytes);
  CHECK(bytes > 0);
  CHECK(bytes <= 128 * 1024);
}
