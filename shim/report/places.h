// Puts functions and source lines to the entries of a report.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "report/binaries.h"
#include "report/entry.h"
#include "report/symbolizer.h"

namespace report {

// A place in a binary that a call returns to.
struct Frame {
  std::string module, build_id;
  std::uint64_t address = 0;

  bool operator==(const Frame&) const = default;
};

class Places {
 public:
  Places(const std::string& symbolizer, const std::vector<std::string>& search)
      : symbolizer_(symbolizer), binaries_(search), wanted_(symbolizer != "none") {}

  // Looks up the most frequent entries. What is known already is not asked for again.
  void look_up(std::vector<Entry>& entries);

  // What went wrong as a whole; empty where nothing did.
  const std::string& trouble() const { return symbolizer_.trouble(); }

 private:
  using BinaryId = std::pair<std::string, std::string>;  // path and build id

  // What is asked of one binary, and the answers.
  struct Asked {
    Moment since = std::numeric_limits<Moment>::max();
    std::map<std::uint64_t, std::optional<Place>> places;
    std::string note;
    bool same = false;  // as the one that the log met
  };

  void ask();
  void show(Entry& entry, const std::vector<Frame>& frames) const;

  Symbolizer symbolizer_;
  Binaries binaries_;
  bool wanted_;
  std::map<BinaryId, Asked> all_;
  std::vector<BinaryId> order_;  // those of the most frequent entries first
};

}  // namespace report
