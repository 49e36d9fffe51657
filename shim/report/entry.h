// The rows as they are shown: sorted, with what is known about their place in the source.
#pragma once

#include <string>
#include <vector>

#include "report/tally.h"

namespace report {

struct Entry : Sum {
  std::string name;  // what it is grouped by, where that is not the site
  std::string exe, call, module, offset, build_id;
  std::string function;             // empty where it is not known
  std::string source;               // "file:line", or empty
  std::string via;                  // the module that made the call, where the place shown is in another
  std::string note;                 // why there is no source
  std::vector<std::string> frames;  // functions, the innermost first
  std::string site;                 // what the log counts by
  bool has_stack = false;
  Peers peers;
};

// The most frequent first.
std::vector<Entry> entries_of(const Tally& tally);

// Makes one entry of those that show the same place.
void merge(std::vector<Entry>& entries);

// What they are called where their function is not known: "server+0x806e".
std::string address_of(const Entry& entry);

}  // namespace report
