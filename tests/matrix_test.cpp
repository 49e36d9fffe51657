// Every function that writes, on everything it can be called on, in every state of SIGPIPE: the oracle is the kernel.
//
// A row is performed by victims/victim.cpp, which prints all it can see of one call. On a socket the shimmed line has
// to be the one of the bare program with SIGPIPE ignored for the length of that call; on everything else, and wherever
// the program has taken SIGPIPE into its own hands, that of the bare program, its death included.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/matrix.h"
#include "support/process.h"

namespace {

struct Target {
  std::string name;
  Kind kind;
  End end;
  bool is_socket() const { return kind == Kind::stream_socket || kind == Kind::packet_socket; }
};
const Target targets[] = {
#define TARGET(name, kind, end) {#name, Kind::kind, End::end},
#include "support/matrix.def"
};

struct Arguments {
  std::string name;
  unsigned takes;
};
const Arguments all_arguments[] = {
#define ARGUMENTS(name, takes) {#name, takes},
#include "support/matrix.def"
};

struct Verb {
  std::string name;
  Seen seen;
  Raises raises;
  unsigned takes;
};

struct Environment {
  Strings variables;
  bool handler;
  bool delivers;
  bool logs;
  std::string text() const {
    std::string all;
    for (const auto& variable : variables) all += variable + " ";
    return all;
  }
};
// Every policy: each guard, with the program's handlers called and not, with and without a log.
std::vector<Environment> all_environments() {
  std::vector<Environment> all;
  for (const std::string guard : {"auto", "mask", "catch", "hooks"})
    for (const std::string handlers : {"deliver", "bypass"})
      for (const std::string log : {"none", "/dev/null"})
        all.push_back({{"NOSIGPIPE_GUARD=" + guard, "NOSIGPIPE_HANDLERS=" + handlers, "NOSIGPIPE_LOG=" + log},
                       guard != "hooks",
                       handlers == "deliver",
                       log != "none"});
  return all;
}
const auto environments = all_environments();

struct Row {
  const Target& target;
  const Disposition& disposition;
  const Arguments& arguments;
  bool has_good_arguments() const { return arguments.name == "good" || arguments.name == "portions"; }
};

// Odd arguments, and fds that were something else before, meet three dispositions, which stand for the others.
std::vector<Row> rows_of(const Verb& verb) {
  std::vector<Row> rows;
  for (const auto& arguments : all_arguments)
    for (const auto& target : targets)
      for (const auto& disposition : dispositions) {
        const Row row{target, disposition, arguments};
        const bool was_another = target.name.find("_then_") != std::string::npos;
        const auto& name = disposition.name;
        if ((arguments.takes & verb.takes) == 0) continue;
        // A peer that has left answers the first portion with RST, which the second one meets.
        if (arguments.name == "portions" && target.name != "tcp_fin") continue;
        if ((row.has_good_arguments() && !was_another) || name == "default" || name == "handler" || name == "blocked")
          rows.push_back(row);
      }
  return rows;
}

enum class Oracle {
  bare,    // what the bare program does
  spared,  // what it does while SIGPIPE is ignored
  none     // either would do
};

bool carries_flag(const Verb& verb) {
  const auto& called = verb.name;
#define FUNCTION(name, type, technique, by) \
  if (called == #name) return std::string(#technique) == "flag";
#include "functions.def"
  return false;
}

Oracle oracle(const Verb& verb, const Row& row, const Environment& environment) {
  const auto& disposition = row.disposition;
  if (!row.target.is_socket() || (verb.seen == Seen::nobody && !environment.handler)) return Oracle::bare;
  if (disposition.block == Block::yes) {
    // What such a thread finds pending is what the kernel leaves. When it lets that through, the handler takes it,
    // unless somebody else has sent one. Of what no hook has seen nothing tells it from a kill(getpid(), SIGPIPE).
    if (disposition.afterwards != Afterwards::unblock || disposition.pending != Pending::nothing) return Oracle::bare;
    if (verb.seen == Seen::nobody) return Oracle::none;
    return environment.handler || carries_flag(verb) ? Oracle::spared : Oracle::bare;
  }
  return disposition.has_handler() && environment.delivers ? Oracle::bare : Oracle::spared;
}

// Without our handler behind them the hooks queue no SIGPIPE: nobody would take it away when the thread unblocks it.
bool leaves_nothing_pending(const Verb& verb, const Row& row, const Environment& environment) {
  return !environment.handler && carries_flag(verb) && row.disposition.block == Block::yes;
}

// A line without what was pending after the call, and what came when it was waited for or unblocked.
std::string without_pending(const std::string& line) {
  std::istringstream words(line.substr(0, line.find("ended=")));
  std::string rest;
  for (std::string word; words >> word;) {
    const auto name = word.substr(0, word.find('='));
    rest += (name == "pending" || name == "waited" || name == "arrived" ? name : word) + " ";
  }
  return rest;
}

// How many portions go before the kernel meets the RST is its own affair, and another number where its softirqs are
// late. A portion is what fits into the pipe of sendfile(2).
constexpr long kPortion = 65536;

// 0 where the call has not come back.
long value_of(const std::string& line) {
  long value = 0;
  return std::sscanf(line.c_str(), "value=%ld", &value) == 1 ? value : 0;
}

// The line as it is when so many bytes more have gone: what has moved in it, from where the victim has put it, has
// moved as far.
std::string with_more(const std::string& line, long more) {
  long value, offset, offset64, position, left;
  char error[32];
  int end = 0;
  if (std::sscanf(line.c_str(), "value=%ld errno=%31s offset=%ld,%ld source=%ld,%ld%n", &value, error, &offset,
                  &offset64, &position, &left, &end) != 6)
    return line;
  if (offset != 5) offset += more;
  if (offset64 != 5) offset64 += more;
  if (position != 7) left -= more;
  if (position > 7) position += more;
  std::ostringstream text;
  text << "value=" << value + more << " errno=" << error << " offset=" << offset << "," << offset64
       << " source=" << position << "," << left << line.substr(static_cast<size_t>(end));
  return text.str();
}

std::string words(const Verb& verb, const Row& row) {
  return verb.name + " " + row.target.name + " " + row.disposition.name + " " + row.arguments.name;
}

// Rows under way in one victim. The others are left out: their lines are empty.
class Performance {
 public:
  template <class Chosen>
  Performance(const Verb& verb, const std::vector<Row>& rows, Chosen chosen, const std::string& last_word,
              Start start) {
    std::string input;
    for (const auto& row : rows) {
      chosen_.push_back(chosen(row));
      if (chosen_.back()) input += words(verb, row) + last_word + "\n";
    }
    start.in = memfd_create("rows", MFD_CLOEXEC);
    REQUIRE(pwrite(start.in, input.data(), input.size(), 0) == static_cast<ssize_t>(input.size()));
    start.env.push_back("LD_BIND_NOW=1");  // or each row's child would look all functions up again
    process_ = std::make_unique<Process>(std::vector{built("tests/victims/victim"), std::string("--rows")}, start);
    close(start.in);
  }

  Strings lines() {
    const Ending ending = process_->wait(std::chrono::seconds(250));
    INFO(ending.text() << "\n" << ending.err);
    CHECK(ending.exited(0));
    CHECK(ending.err.empty());
    Strings all;
    std::istringstream text(ending.out);
    for (const bool was_chosen : chosen_) {
      std::string line;
      if (was_chosen) std::getline(text, line);
      all.push_back(line);
    }
    CHECK(text);
    CHECK(text.peek() == std::istringstream::traits_type::eof());
    return all;
  }

 private:
  std::vector<bool> chosen_;
  std::unique_ptr<Process> process_;
};

bool killed(const std::string& line) {
  // The flush at exit has a child of its own that dies.
  return line.ends_with("ended=signal 13") || line.find("value=141 ") != std::string::npos;
}

bool kernel_raises(const Verb& verb, const Row& row) {
  const auto& [target, disposition, arguments] = row;
  if (target.kind == Kind::pipe) return target.end == End::gone && (verb.raises & on_pipes) != 0;
  return target.kind == Kind::stream_socket && (target.end == End::gone || arguments.name == "portions") &&
         (verb.raises & on_sockets) != 0;
}

// The rows of one verb that are not as they should be, of which the first are shown.
class Mismatches {
 public:
  template <class... Lines>
  void add(const Lines&... lines) {
    if (++count_ <= 10) ((text_ += lines + "\n"), ...);
  }
  void expect_none(const std::string& where) const {
    if (count_ != 0) std::cout << where << "\n" << text_;  // Catch would wrap the lines
    INFO(where);
    CHECK(count_ == 0);
  }

 private:
  int count_ = 0;
  std::string text_;
};

void compare_with_kernel(const Verb& verb) {
  const auto rows = rows_of(verb);
  const auto every = [](const Row&) { return true; };
  const auto on_socket = [](const Row& row) { return row.target.is_socket(); };
  Performance bare_performance(verb, rows, every, "", {});
  Performance spared_performance(verb, rows, on_socket, " spared", {});
  std::vector<Performance> performances;
  for (const auto& environment : environments) {
    const Start start = with_shim(environment.variables);
    const auto concerned = [&](const Row& row) {
      return (row.disposition.has_handler() || environment.delivers) &&
             (row.has_good_arguments() || (environment.handler && !environment.logs));
    };
    performances.emplace_back(verb, rows, concerned, "", start);
  }

  const auto bare = bare_performance.lines();
  const auto spared = spared_performance.lines();
  Mismatches control;
  for (size_t i = 0; i < rows.size(); ++i)
    if (rows[i].disposition.name == "default" && rows[i].has_good_arguments() &&
        killed(bare[i]) != kernel_raises(verb, rows[i]))
      control.add(words(verb, rows[i]), "  bare:   " + bare[i]);
  control.expect_none("the bare program");

  for (size_t e = 0; e < std::size(environments); ++e) {
    const auto shimmed = performances[e].lines();
    Mismatches mismatches;
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto which = oracle(verb, rows[i], environments[e]);
      auto expected = which == Oracle::bare ? bare[i] : spared[i];
      auto found = shimmed[i];
      if (leaves_nothing_pending(verb, rows[i], environments[e])) {
        expected = without_pending(expected);
        found = without_pending(found);
      }
      if (rows[i].arguments.name == "portions") {
        const long more = value_of(found) - value_of(expected);
        if (more % kPortion == 0 && value_of(found) > 0 && value_of(expected) > 0) expected = with_more(expected, more);
      }
      if (which != Oracle::none && !shimmed[i].empty() && found != expected)
        mismatches.add(words(verb, rows[i]), "  kernel: " + expected, "  shim:   " + found);
    }
    mismatches.expect_none(environments[e].text());
  }
}

}  // namespace

#define VERB(name, seen, raises, takes, call)                                \
  TEST_CASE(#name " does what the kernel does in every row of the matrix") { \
    compare_with_kernel({#name, Seen::seen, raises, takes});                 \
  }
#include "support/matrix.def"
