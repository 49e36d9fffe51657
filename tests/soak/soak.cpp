// Servers under the launcher for some minutes, all at once, whose clients leave; at the end they must be alive, have
// answered right, hold what they held, and their logs add up to what the kernel has counted.
//
//   usage: soak MINUTES [ABORTED]
//
// With ABORTED it ends as soon as that many connections have been left, and fails where MINUTES were not enough.
// Exit status: 0 all is well, 1 not, and the logs are kept; 2 bad usage; 130 it was interrupted.
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "soak/mounts.h"
#include "soak/plans.h"

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

volatile sig_atomic_t is_interrupted = 0;

struct Interrupted {};

class Soak {
 public:
  Soak(const std::string& directory, seconds limit, long aborted);

  void warm_up();
  void go_on();
  bool report();

 private:
  // One look at each; `begins`: who is at rest starts its next round.
  void look(bool begins);
  void rest();
  void show_progress();
  long sum(const std::string& name) const;
  long kernel_count() const;
  seconds past() const { return std::chrono::duration_cast<seconds>(Clock::now() - begin_); }

  const Mounts mounts_;
  const seconds limit_;
  const long aborted_;
  std::vector<std::unique_ptr<Server>> servers_;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point shown_ = begin_, rotated_ = begin_;
};

Soak::Soak(const std::string& directory, seconds limit, long aborted)
    : mounts_(directory), limit_(limit), aborted_(aborted) {
  if (mounts_.tracefs.empty()) std::printf("soak: no tracefs to be had: nothing is compared with the kernel's count\n");
  if (mounts_.small_disk.empty()) std::printf("soak: no small disk to be had: none is filled\n");
  for (auto& plan : plans({directory, mounts_.small_disk}))
    servers_.push_back(std::make_unique<Server>(std::move(plan), directory, mounts_.tracefs));
}

void Soak::look(bool begins) {
  if (is_interrupted != 0) throw Interrupted();
  for (auto& server : servers_) {
    server->look();
    if (begins && server->may_begin()) server->begin_round();
  }
  if (Clock::now() - rotated_ > seconds(5)) {
    rotated_ = Clock::now();
    for (auto& server : servers_) server->rotate();
  }
  show_progress();
  nap();
}

void Soak::rest() {
  while (!std::ranges::all_of(servers_, &Server::is_at_rest)) look(false);
  for (auto& server : servers_) server->measure();
}

// Until each has been through each kind of its rounds twice: then it has made what it keeps.
void Soak::warm_up() {
  const auto is_warm = [](const auto& server) { return server->is_dead() || server->rounds() > 3; };
  while (past() < limit_ / 4 || !std::ranges::all_of(servers_, is_warm)) look(true);
  rest();
}

void Soak::go_on() {
  while (past() < limit_ && (aborted_ == 0 || sum("aborted") < aborted_)) look(true);
  rest();
  for (auto& server : servers_) server->end();
}

long Soak::sum(const std::string& name) const {
  long all = 0;
  for (const auto& server : servers_) all += server->sum(name);
  return all;
}

long Soak::kernel_count() const {
  long all = 0;
  for (const auto& server : servers_) all += server->signals() + server->failed_calls();
  return all;
}

void Soak::show_progress() {
  if (Clock::now() - shown_ < seconds(15)) return;
  shown_ = Clock::now();
  std::string at_work;
  for (const auto& server : servers_)
    if (!server->is_at_rest()) at_work += server->name() + " " + std::to_string(server->rounds()) + " ";
  std::fprintf(stderr,
               "    %ld of %ld s: %ld requests, %ld aborted, %ld wrong, %ld EPIPEs by the kernel; at work: %s\n",
               static_cast<long>(past().count()), static_cast<long>(limit_.count()), sum("requests"), sum("aborted"),
               sum("wrong"), kernel_count(), at_work.c_str());
}

bool Soak::report() {
  std::printf("%-14s %9s %10s %9s %12s %17s %6s %5s %9s %13s\n", "server", "requests", "read whole", "aborted",
              "EPIPEs (log)", "signals + calls", "deaths", "wrong", "fds", "KiB");
  int failed = 0;
  std::string said;
  for (const auto& server : servers_) {
    const auto pair = [](long one, const char* between, long other) {
      return std::to_string(one) + between + std::to_string(other);
    };
    std::printf("%-14s %9ld %10ld %9ld %12ld %17s %6ld %5ld %9s %13s\n", server->name().c_str(),
                server->sum("requests"), server->sum("complete"), server->sum("aborted"), server->logged(),
                pair(server->signals(), " + ", server->failed_calls()).c_str(), server->deaths(), server->sum("wrong"),
                pair(server->before().fds, ", ", server->after().fds).c_str(),
                pair(server->before().kib, ", ", server->after().kib).c_str());
    const auto faults = server->faults();
    if (!faults.empty()) ++failed;
    for (const auto& fault : faults) said += "FAILED   " + server->name() + ": " + fault + "\n";
  }
  if (sum("aborted") < aborted_) {
    ++failed;
    said += "FAILED   too slow: " + std::to_string(sum("aborted")) + " aborted of " + std::to_string(aborted_) + "\n";
  }
  const auto tests = static_cast<int>(servers_.size()) + (aborted_ > 0 ? 1 : 0);
  std::printf("in %ld s: %ld connections, %ld of them aborted\n%s%d passed, %d failed\n",
              static_cast<long>(past().count()), sum("requests"), sum("aborted"), said.c_str(), tests - failed, failed);
  return failed == 0;
}

int soak(const std::string& directory, seconds limit, long aborted) {
  try {
    Soak soak(directory, limit, aborted);
    soak.warm_up();
    soak.go_on();
    return soak.report() ? 0 : 1;
  } catch (const Interrupted&) {
    std::fputs("soak: interrupted\n", stderr);
    return 130;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "soak: %s\n", error.what());
    return 1;
  }
}

}  // namespace

int main(int argc, char* argv[]) {
  const double minutes = argc > 1 ? std::atof(argv[1]) : 0;
  if (minutes <= 0 || argc > 3) {
    std::fprintf(stderr, "usage: %s MINUTES [ABORTED]\n", argv[0]);
    return 2;
  }
  struct sigaction interrupt {};
  interrupt.sa_handler = [](int) { is_interrupted = 1; };
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaction(number, &interrupt, nullptr);
  std::string directory = std::filesystem::temp_directory_path() / "nosigpipe-soak.XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) return 1;
  chmod(directory.c_str(), 0755);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const int status = soak(directory, seconds(static_cast<long>(minutes * 60)), argc > 2 ? std::atol(argv[2]) : 0);
  if (status == 1)
    std::printf("the logs are in %s\n", directory.c_str());
  else
    std::filesystem::remove_all(directory);
  return status;
}
