// Counters for Prometheus. A counter's family is called by its sample's name, with _total: so it is a counter to
// promtool and node_exporter, which read Prometheus' older text, and to Prometheus, whichever of the two formats it is
// told.
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "report/results.h"
#include "tools/display.h"

namespace report {
namespace {

// A label's value is UTF-8: what is outside of ASCII goes as \xNN, with its backslash escaped like any other.
std::string label(std::string_view value) {
  std::string text;
  for (const char c : tools::printable(value)) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return "\"" + text + "\"";
}

// With their braces; a label without a value is none.
std::string labels(std::initializer_list<std::pair<const char*, std::string_view>> all) {
  std::string text;
  for (const auto& [name, value] : all)
    if (!value.empty()) text += (text.empty() ? "{" : ",") + std::string(name) + "=" + label(value);
  return text.empty() ? text : text + "}";
}

class Family {
 public:
  Family(std::string name, const char* type, const char* help) : name_(std::move(name)) {
    head_ = "# HELP " + name_ + " " + help + "\n# TYPE " + name_ + " " + type + "\n";
  }
  // Each set of labels once.
  void add(const std::string& labels, const std::string& value) { samples_[labels] = value; }
  void add(const std::string& labels, std::uint64_t value) { add(labels, std::to_string(value)); }

  std::string text() const {
    std::string text;
    for (const auto& [labels, value] : samples_) text += name_ + labels + " " + value + "\n";
    return text.empty() ? text : head_ + text;
  }

 private:
  std::string name_, head_;
  std::map<std::string, std::string> samples_;
};

}  // namespace

std::string as_openmetrics(const Results& results) {
  using namespace std::chrono;
  Family averted("nosigpipe_averted_total", "counter", "SIGPIPEs averted.");
  Family saved("nosigpipe_averted_deadly_total", "counter", "SIGPIPEs averted that would have killed the process.");
  Family observed("nosigpipe_observed_total", "counter", "SIGPIPEs observed and not averted.");
  Family deadly("nosigpipe_observed_deadly_total", "counter", "SIGPIPEs observed that killed the process.");
  for (const auto& [key, counter] : results.tally.counters().list()) {
    const auto all = labels({{"exe", counter.exe}, {"call", counter.call}, {"cause", counter.cause}});
    if (counter.averted.count > 0) {
      averted.add(all, counter.averted.count);
      saved.add(all, counter.averted.kills);
    }
    if (counter.observed.count > 0) {
      observed.add(all, counter.observed.count);
      deadly.add(all, counter.observed.kills);
    }
  }
  Family killed("nosigpipe_killed_total", "counter", "Processes killed by SIGPIPE.");
  Family handled("nosigpipe_handled_total", "counter", "SIGPIPEs that the program's own handler was called for.");
  for (const auto& [family, passed] :
       {std::pair{&killed, &results.tally.killed()}, {&handled, &results.tally.handled()}})
    for (const auto& row : passed->list())
      family->add(labels({{"exe", row.exe}, {"call", row.call}, {"kind", row.kind}}), row.count);
  Family runaways("nosigpipe_runaways_total", "counter", "Threads that ran away on a dead socket.");
  std::map<std::string, std::uint64_t> by_program;
  for (const auto& runaway : results.tally.runaways().list())
    add_saturated(by_program[labels({{"exe", runaway.exe}, {"action", runaway.action}})], runaway.count);
  for (const auto& [program, count] : by_program) runaways.add(program, count);
  Family lost("nosigpipe_log_lost_lines_total", "counter", "Lines that the log could not write.");
  lost.add("", results.tally.lost());
  Family damaged("nosigpipe_log_damaged_lines_total", "counter", "Lines of the log that could not be read.");
  std::uint64_t unreadable = results.seen.damaged;
  add_saturated(unreadable, results.seen.too_long);
  damaged.add("", unreadable);
  Family last("nosigpipe_last_timestamp_seconds", "gauge", "When the last SIGPIPE was told of.");
  Sum all = results.tally.averted();
  for (const auto* sum : {&results.tally.observed(), &results.tally.killed().all(), &results.tally.handled().all()})
    all.add(*sum);
  if (all.count > 0) last.add("", std::to_string(duration_cast<seconds>(all.last.time_since_epoch()).count()));

  std::string text;
  for (const auto* family :
       {&averted, &saved, &observed, &deadly, &killed, &handled, &runaways, &lost, &damaged, &last})
    text += family->text();
  return text + "# EOF\n";
}

}  // namespace report
