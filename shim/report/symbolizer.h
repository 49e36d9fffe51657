// Asks llvm-symbolizer, eu-addr2line or addr2line which function and which line of source an address belongs to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "report/elf.h"

namespace report {

struct Place {
  std::string function;  // empty where it is not known
  std::string source;    // "file:line", or empty
};

class Symbolizer {
 public:
  // A name of kSymbolizers, "auto" or "none".
  explicit Symbolizer(const std::string& name);

  // One place for each address, in one process.
  std::vector<Place> places(const Elf& file, const std::vector<std::uint64_t>& addresses);

  // Why there are none, where that is not the files' fault.
  const std::string& trouble() const { return trouble_; }

 private:
  std::vector<std::string> names_;  // to be tried
  std::string trouble_;
};

}  // namespace report
