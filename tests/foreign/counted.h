// Holds what the log says of a server under attack against what strace saw of the same process in the same minutes.
#pragma once

#include "foreign/server.h"
#include "support/log_lines.h"

inline std::string calls_that_raise() {
  std::string calls;
#define SYSTEM_CALL(name, ...) calls += (calls.empty() ? "" : ",") + std::string(#name);
#include "functions.def"
  return calls;
}

// strace of what these words say, each thread in a file of its own.
inline Strings strace(const Directory& directory, const Strings& what) {
  return joined(
      {"strace", "-ff", "-qq", "-o", directory / "thread", "-e", "signal=PIPE", "-e", "trace=" + calls_that_raise()},
      what);
}

// How often so far the kernel has, or would have, raised SIGPIPE: each EPIPE, and each SIGPIPE after a call that
// succeeded. One with si_errno is the shim's, for a handler of the program's.
inline long sigpipes_in(const Directory& directory) {
  long count = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory.path())) {
    bool failed = false;
    for (const auto& line : lines_of(contents(file.path()))) {
      const bool is_signal = line.starts_with("--- SIGPIPE") && !has(line, "si_errno=");
      if (is_signal && !failed) ++count;
      failed = line.find(" = -1 EPIPE ") != std::string::npos;
      if (failed) ++count;
    }
  }
  return count;
}

// What strace sees of a process that runs already.
class Strace {
 public:
  explicit Strace(pid_t pid) : strace_(strace(directory_, {"-p", std::to_string(pid)})) {
    const auto status = "/proc/" + std::to_string(pid) + "/status";
    REQUIRE(eventually([&] { return contents(status).find("TracerPid:\t0\n") == std::string::npos; }));
  }

  long sigpipes() const { return sigpipes_in(directory_); }

 private:
  const Directory directory_;
  Process strace_;
};

template <class Kind = Process>
void logs_what_strace_sees(const Target& target, int clients) {
  ShimmedServer<Kind> server(target, {"NOSIGPIPE_INTERVAL=0", "NOSIGPIPE_RUNAWAY=off"});
  const long before = count_of(parsed(contents(server.log())));
  Strace strace(server.process().pid());
  server.outlives(clients);
  // The last client has left before the server has met that.
  long seen = 0, logged = -1;
  eventually([&] {
    seen = strace.sigpipes();
    logged = count_of(parsed(contents(server.log()))) - before;
    return seen == logged;
  });
  WARN(clients << " clients left, strace saw " << seen << " SIGPIPEs, the log has " << logged);
  CHECK(seen > 0);
  CHECK(logged == seen);
  std::string total = lines_of(output_of({built("nosigpipe-report"), server.log()})).at(0);
  std::erase(total, ',');
  CHECK(std::stol(total) == before + logged);
}
