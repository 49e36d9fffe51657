// Looks up the functions and the source lines of a report's entries.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "report/binaries.h"
#include "report/entry.h"
#include "report/perf_map.h"
#include "report/symbolizer.h"
#include "report/timestamp.h"

namespace report {

// A return address: where in a binary a call returns to; or where in the memory of a process, in no binary.
struct Frame {
  std::string module, build_id;
  std::optional<Process> process;
  std::uint64_t address = 0;  // as the file has it

  bool operator==(const Frame&) const = default;
};

class SourceLines {
 public:
  // `symbolizer` as a Symbolizer takes it; `search` as Binaries do.
  SourceLines(const std::string& symbolizer, const std::vector<std::string>& search)
      : symbolizer_(symbolizer), binaries_(search), wanted_(symbolizer != "none") {}

  // Completes the first thousand entries, which are to be the most frequent. Opens their binaries and starts a
  // symbolizer for each of 64 at most, for half a minute in all; what is known already is not asked for again.
  void look_up(std::vector<Entry>& entries);
  void look_up(std::vector<PassedEntry>& entries);

  // Why there are no source lines at all, or none of the first binary that has none, and what helps, for the user;
  // empty where that is not so. Nothing is fetched here: what a symbolizer is started with names no server.
  std::string trouble() const;

  // Why there are no names of what was compiled at run time, for the user; empty where that is not so.
  std::string trouble_of_compiled() const { return perf_maps_.trouble().empty() ? advice_ : perf_maps_.trouble(); }

 private:
  // Path and build id; or the process where there is no binary.
  using BinaryId = std::tuple<std::string, std::string, std::optional<Process>>;
  static BinaryId id_of(const Frame& frame) { return {frame.module, frame.build_id, frame.process}; }

  // What is asked of one binary, and the answers.
  struct Lookup {
    Timestamp since = Timestamp::max();
    std::map<std::uint64_t, std::optional<Location>> locations;  // by return address
    std::string note;
    bool same = false;  // as the one that the log met
  };

  void ask();
  std::vector<Location> locate(const BinaryId& id, Lookup& lookup, const std::vector<std::uint64_t>& addresses);
  void show(Entry& entry, const std::vector<Frame>& frames);

  Symbolizer symbolizer_;
  Binaries binaries_;
  PerfMaps perf_maps_;
  std::string advice_;
  std::string without_lines_;  // the first such module that is named
  bool wanted_;
  std::map<BinaryId, Lookup> lookups_;
  std::vector<BinaryId> order_;  // those of the most frequent entries first
};

}  // namespace report
