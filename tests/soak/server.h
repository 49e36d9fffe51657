// One server under way: its rounds of clients, and what is known of it at the end.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "soak/held.h"
#include "soak/kernel_count.h"
#include "soak/log_files.h"
#include "support/daemon.h"
#include "support/process.h"

class Server;

// What the log of a server has to add up to, beside what the kernel counts.
enum class Exact { by_count, by_totals, but_for_changes };

struct Plan {
  std::string name;
  std::function<Strings(int port)> command;
  // The command of a round, which prints NAME=NUMBER of what it did: requests, complete, aborted, wrong; epipes where
  // the server has counted them itself. It starts when no connection of the round before is left.
  std::function<Strings(Server&, long round)> round;
  std::function<void(Server&)> end;             // has it end
  std::function<void(Server&)> rest = nullptr;  // brings it back to how it is measured
  Strings variables = {};
  std::string directory = {};  // of its log; empty: one of its own
  Rotation rotation = Rotation::none;
  Exact exact = Exact::by_count;
  bool is_bare = false;           // it has no launcher, and no log but what is put in as it runs
  bool is_daemon = false;         // it goes into the background
  bool has_log_each = false;      // a log for each of its processes
  bool has_worker = false;        // which answers, and is there only after the port is
  bool ignores = false;           // SIGPIPE, of itself
  bool raises_all = false;        // it listens to nobody, and no send of its is without SIGPIPE
  std::chrono::seconds apart{0};  // from the beginning of a round to that of the next, at least
  long most_fds = 0;              // its limit, which must have been reached
  Start start = {};
};

class Server {
 public:
  // Its log is in a directory below this one.
  Server(Plan plan, const std::string& directory, const std::string& tracefs);

  const std::string& name() const { return plan_.name; }
  pid_t pid() const { return daemon_ ? daemon_->pid() : process_->pid(); }
  int port() const { return port_; }
  const std::string& directory() const { return directory_; }

  // Looks how the round stands; to be called again and again.
  void look();
  bool is_at_rest() const { return !round_ && (is_idle_ || is_dead_); }
  bool is_dead() const { return is_dead_; }
  bool may_begin() const { return is_at_rest() && !is_dead_ && Clock::now() - begun_ >= plan_.apart; }
  void begin_round();
  void rotate() { log_.rotate(); }

  // Measures, the first time before, then after.
  void measure();
  void end();

  long sum(const std::string& name) const;  // of all rounds
  long rounds() const { return rounds_; }
  long deaths() const;
  long logged() const { return plan_.exact == Exact::by_totals ? log_.by_totals() : log_.count(); }
  // What the log is compared with: SIGPIPEs that the kernel has raised, and calls that have failed and raised none.
  // Where SIGPIPE is ignored it is the calls alone: of a sendfile that its peer has cut short nobody is told but by the
  // signal.
  long signals() const { return plan_.ignores ? 0 : kernel_.signals(); }
  long failed_calls() const { return plan_.raises_all ? 0 : kernel_.failed_calls(); }
  const Held& before() const { return before_; }
  const Held& after() const { return after_; }
  void fault(const std::string& what) { faults_.push_back(what); }
  // What is not as it should be, when it has ended.
  Strings faults() const;

 private:
  using Clock = std::chrono::steady_clock;

  bool runs();
  Ending ending();
  void take(const Ending& round);
  void compare_counts(Strings& faults) const;

  Plan plan_;
  std::string directory_;
  int port_;
  KernelCount kernel_;
  LogFiles log_;
  std::unique_ptr<Process> process_;
  std::unique_ptr<Daemon> daemon_;
  std::unique_ptr<Process> round_;
  std::optional<Patience> settling_;
  bool is_idle_ = true;
  bool is_dead_ = false;
  long rounds_ = 0;
  Clock::time_point begun_{};  // of the last of them
  Held start_;                 // before its first round
  long peak_fds_ = 0;
  bool is_measured_ = false;
  Held before_, after_;
  std::map<std::string, long> sums_;
  Strings faults_;
};
