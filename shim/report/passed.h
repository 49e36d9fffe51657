// The SIGPIPEs that were not averted but had their effect, by program, call and what has raised them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "report/record.h"
#include "report/sum.h"

namespace report {

struct PassedRow : Sum {
  std::string exe, call, kind;
  std::string from;  // the FIFO's path, or who has sent it: the last one
  std::string site;  // the key of its place, see Tally: the first one
  bool from_others = false, elsewhere = false;
};

class Passed {
 public:
  // So many of a record of the event passed, and the key of its place, or nothing.
  void add(const Record& record, std::uint64_t count, const std::string& site);

  // At most a thousand, in the order of the log.
  const std::vector<PassedRow>& list() const { return list_; }
  // Those that are not in the list, and all.
  const Sum& others() const { return others_; }
  const Sum& all() const { return all_; }

 private:
  std::vector<PassedRow> list_;
  Sum others_, all_;
};

}  // namespace report
