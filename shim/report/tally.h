// What the report keeps of the records it has read: the sums, and one row for each call site (or thread, peer, …). Its
// memory is bounded, whatever the log holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "report/counters.h"
#include "report/grouping.h"
#include "report/held_back.h"
#include "report/passed.h"
#include "report/peers.h"
#include "report/perf_map.h"
#include "report/record.h"
#include "report/runaways.h"
#include "report/sum.h"
#include "report/timeline.h"

namespace report {

constexpr std::size_t kMostRows = 10'000;
constexpr std::size_t kMostKeyBytes{4UL * 1024 * 1024};
constexpr std::size_t kMostFrames = 64;
constexpr std::size_t kMostProcesses = 65'536;

struct Row : Sum {
  Peers peers;
  Process process;  // of its first record; at an address that is in no module there is no other
};

// The parts of the key of a call site's row.
struct SiteKey {
  std::string_view exe, call, module, build_id, symbol, offset;
  std::vector<std::string_view> stack;  // at most kMostFrames
};

class Tally {
 public:
  explicit Tally(By by) : by_(by) {}

  // A record of an event that is known, with its counts.
  void add(const Record& record);

  By by() const { return by_; }
  const Sum& averted() const { return averted_; }
  const Sum& observed() const { return observed_; }
  // The smaller rows for which there was no room, as one, and how many they were.
  const Sum& others() const { return others_; }
  std::uint64_t rows_in_others() const { return rows_in_others_; }
  // How many different ones there were; kMostProcesses stands for more.
  std::size_t processes() const { return processes_.size(); }
  // Lines that the log says it could not write.
  std::uint64_t lost() const { return lost_; }
  const Timeline& timeline() const { return timeline_; }
  // By their keys: a call site's is taken apart by parts_of(), any other's is its name.
  const std::unordered_map<std::string, Row>& rows() const { return rows_; }
  // What is in none of the rows yet, since no line says to which it belongs.
  const HeldBack& held_back() const { return held_back_; }
  const Runaways& runaways() const { return runaways_; }
  // What was not averted: what has killed, and what the program's own handler was called for. In none of the sums and
  // rows above.
  const Passed& killed() const { return killed_; }
  const Passed& handled() const { return handled_; }
  const Counters& counters() const { return counters_; }

 private:
  void add_passed(const Record& record);
  void make_key(const Record& record);
  Row& row();
  void fold_small_rows();

  By by_;
  std::string key_;
  std::unordered_map<std::string, Row> rows_;
  std::size_t key_bytes_ = 0;
  Sum averted_, observed_, others_;
  std::uint64_t rows_in_others_ = 0;
  std::uint64_t lost_ = 0;
  Timeline timeline_;
  std::unordered_set<std::uint64_t> processes_;
  std::unordered_set<std::uint64_t> observing_;  // those that only observe
  HeldBack held_back_;
  Runaways runaways_;
  Passed killed_, handled_;
  std::unordered_map<std::uint64_t, Timestamp> killed_at_;  // by process
  Counters counters_;
};

// The parts point into the key.
SiteKey parts_of(std::string_view key);

// The host alone, since a client's port says nothing about it; "process N" of an AF_UNIX peer without a name; empty
// where the record has neither.
std::string peer_of(const Record& record);

}  // namespace report
