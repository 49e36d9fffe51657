// The victim that changes SIGPIPE.
#include <fcntl.h>
#include <sys/stat.h>

#include "soak/plans.h"
#include "soak/rounds.h"

namespace {

int fifo(const std::string& file) {
  return mkfifo(file.c_str(), 0600) == 0 ? open(file.c_str(), O_RDWR | O_CLOEXEC) : -1;
}

}  // namespace

// The victim, for which a round is a line on its input and one on its output.
Plan churn(const std::string& directory, const std::string& word, Exact exact) {
  Plan plan{.name = "churn-" + word,
            .command = [](int) { return Strings{built("tests/victims/churn")}; },
            .round =
                [=](Server& server, long) {
                  const char* const talk = "echo \"$1\" >\"$0/in\"; IFS= read -r said <\"$0/out\"; echo \"$said\"";
                  return Strings{"sh", "-c", talk, server.directory(), word};
                },
            .end = [](Server& server) { put(server.directory() + "/in", "end\n"); },
            .directory = directory + "/churn-" + word,
            .exact = exact,
            .raises_all = true,
            .apart = std::chrono::seconds(4)};  // it takes what processors there are
  std::filesystem::create_directory(plan.directory);
  plan.start.in = fifo(plan.directory + "/in");
  plan.start.out = fifo(plan.directory + "/out");
  return plan;
}
