// The rows as they are shown: sorted, with what is known about their call site in the source.
#pragma once

#include <string>
#include <vector>

#include "report/peers.h"
#include "report/sum.h"
#include "report/tally.h"

namespace report {

struct Entry : Sum {
  std::string name;  // what it is grouped by, where that is not the site
  std::string exe, call, module, offset, build_id;
  std::string function;             // empty where it is not known
  std::string source;               // "file:line", or empty
  std::string via;                  // the module that made the call, where the function shown is in another
  std::string note;                 // why there is no source
  std::vector<std::string> frames;  // functions, the innermost first
  std::string site;                 // what makes it a row of its own; empty where rows are not call sites
  Peers peers;
};

// The most frequent first.
std::vector<Entry> entries_of(const Tally& tally);

// A row of what was not averted, and the place of its first.
struct PassedEntry {
  PassedRow row;
  Entry place;
};

// The most frequent first, and dead pipes last.
std::vector<PassedEntry> entries_of(const Passed& passed);

// Makes one entry of those call sites that are the same up to the first function of the program itself, and sorts them
// anew: what has called that one makes no row.
void merge(std::vector<Entry>& entries);

// What an entry is called where its function is not known: "server+0x806e", "unknown".
std::string address_of(const Entry& entry);

}  // namespace report
