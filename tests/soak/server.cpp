#include "soak/server.h"

#include <algorithm>
#include <filesystem>

#include "foreign/attack.h"

namespace {

constexpr std::chrono::seconds kSettling{60};  // after which servers give up a client that says nothing

// What malloc keeps of a busy moment may differ between two quiet ones. An event that left 100 bytes behind would be
// more than this in two minutes.
constexpr long kMostKib = 256;

std::string text(long number) { return std::to_string(number); }

Strings started(const Plan& plan, const std::string& directory, int port) {
  const auto command = plan.command(port);
  if (plan.is_bare) return command;
  const auto log = directory + "/" + (plan.has_log_each ? "log.%p" : "log");
  return joined({built("nosigpipe"), "--log=" + log}, command);
}

std::string made(const std::string& directory) {
  std::filesystem::create_directories(directory);
  std::filesystem::permissions(directory, std::filesystem::perms::all);
  return directory;
}

}  // namespace

Server::Server(Plan plan, const std::string& directory, const std::string& tracefs)
    : plan_(std::move(plan)),
      directory_(made(plan_.directory.empty() ? directory + "/" + plan_.name : plan_.directory)),
      port_(free_port()),
      kernel_(tracefs, plan_.name, plan_.ignores),
      log_(directory_, plan_.rotation) {
  const auto command = kernel_.counted(started(plan_, directory_, port_));
  plan_.start.env = joined(plan_.start.env, plan_.variables);
  if (plan_.is_daemon)
    daemon_ = std::make_unique<Daemon>(command, plan_.start);
  else
    process_ = std::make_unique<Process>(command, plan_.start);
  const bool listens = plan_.raises_all || eventually([&] { return listening(port_) || !runs(); });
  if (!listens || !runs()) throw std::runtime_error(plan_.name + " does not start: " + ending().text() + ending().err);
  if (plan_.has_worker) {
    const Client client(port_);
    client.send("GET / HTTP/1.0\r\n\r\n");
    client.read_all();
  }
  start_ = held_by(pid());
}

bool Server::runs() { return daemon_ ? daemon_->running() : process_->running(); }

Ending Server::ending() { return daemon_ ? daemon_->wait() : process_->wait(); }

void Server::look() {
  if (is_dead_) return;
  if (!runs()) {
    is_dead_ = true;
    fault("it is dead: " + ending().text());
  }
  if (plan_.most_fds > 0) peak_fds_ = std::max(peak_fds_, held_by(pid()).fds);
  if (round_) {
    if (round_->running()) return;
    take(round_->wait());
    round_.reset();
    settling_.emplace(kSettling);
  }
  if (is_idle_ || is_dead_) return;
  is_idle_ = held_by(pid()).sockets <= start_.sockets;
  if (is_idle_ || !settling_->is_over()) return;
  fault("connections are left that no client has any more");
  is_dead_ = true;
}

void Server::take(const Ending& round) {
  for (const auto& pair : matches(round.out, "[a-z]+=[0-9]+\\b")) {
    const auto equals = pair.find('=');
    sums_[pair.substr(0, equals)] += std::stol(pair.substr(equals + 1));
  }
  if (!round.exited(0)) fault("round " + text(rounds_) + ": " + round.text() + " " + round.out + round.err);
}

void Server::begin_round() {
  begun_ = Clock::now();
  const auto command = plan_.round(*this, rounds_++);
  is_idle_ = false;
  round_ = std::make_unique<Process>(command);
}

void Server::measure() {
  if (is_dead_) return;
  if (plan_.rest) plan_.rest(*this);
  auto& held = is_measured_ ? after_ : before_;
  held = held_by(pid());
  // A file that has just been served may be kept open for some seconds.
  Patience patience(kSettling);
  while (is_measured_ && held.fds > before_.fds && !patience.is_over()) held = held_by(pid());
  is_measured_ = true;
}

void Server::end() {
  if (!is_dead_) {
    plan_.end(*this);
    const auto how = ending();
    if (!how.exited(0) && !how.killed_by(SIGTERM)) fault("its end: " + how.text());
    if (sum("wrong") > 0) fault(how.err);
  }
  log_.read_all();
}

long Server::sum(const std::string& name) const {
  const auto found = sums_.find(name);
  return found == sums_.end() ? 0 : found->second;
}

// A worker that was killed has been replaced.
long Server::deaths() const {
  const auto lives = [&](pid_t pid) { return std::ranges::find(after_.processes, pid) != after_.processes.end(); };
  return log_.deadly() + std::ranges::count_if(before_.processes, [&](pid_t pid) { return !lives(pid); });
}

void Server::compare_counts(Strings& faults) const {
  const long own = sum("epipes");
  if (logged() == 0) faults.push_back("nothing is logged");
  if (!kernel_.is_there()) return;
  const long kernel = signals() + failed_calls();
  // A thread that another has ignore SIGPIPE as it meets EPIPE is counted twice or not at all.
  const long slack = plan_.exact == Exact::but_for_changes ? 2 * sum("changes") : 0;
  if (std::abs(logged() - kernel) > slack)
    faults.push_back("the log adds up to " + text(logged()) + ", the kernel has " + text(kernel));
  if (own > 0 && own != kernel) faults.push_back("it has met " + text(own) + " EPIPEs, the kernel has " + text(kernel));
}

Strings Server::faults() const {
  auto faults = faults_;
  if (deaths() > 0) faults.push_back(text(deaths()) + " processes were killed");
  if (sum("wrong") > 0) faults.push_back(text(sum("wrong")) + " answers were wrong");
  compare_counts(faults);
  if (plan_.most_fds > 0 && peak_fds_ < plan_.most_fds)
    faults.push_back("its descriptors were never short: at most " + text(peak_fds_) + " of " + text(plan_.most_fds));
  if (plan_.rotation != Rotation::none && log_.rotations() == 0) faults.push_back("no log was rotated");
  if (is_dead_) return faults;
  // A leak may have taken all there are before the first look. It opens a few more after it listens, and its log.
  const auto most = start_.fds + 32;
  if (after_.fds > before_.fds || after_.fds > most)
    faults.push_back("fds: " + text(start_.fds) + " at its start, " + text(before_.fds) + " before, " +
                     text(after_.fds) + " after");
  if (after_.kib > before_.kib + kMostKib)
    faults.push_back("memory: " + text(before_.kib) + " KiB before, " + text(after_.kib) + " after");
  return faults;
}
