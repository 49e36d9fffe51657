// Asks llvm-symbolizer, eu-addr2line or addr2line to which function and which line of source an address belongs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "report/elf.h"

namespace report {

// The programs that can be asked, the best first.
constexpr std::string_view kSymbolizers[] = {"llvm-symbolizer", "eu-addr2line", "addr2line"};

struct Location {
  std::string function;  // empty where it is not known
  std::string source;    // "file:line", or empty
};

// The source that a text names: "file:12", "file:12:5", "file:12 (discriminator 3)". Empty for "??:0", "??:?" and
// "file:?", which say that it is not known, and for what is no such text.
std::string source_in(std::string_view text);

class Symbolizer {
 public:
  // One of kSymbolizers; "auto" for the first of them that can be started, "none" for no program at all.
  explicit Symbolizer(const std::string& name);

  // A location for each of these addresses, which are sorted, in the file, or an empty list where no program has
  // answered. Starts one program, and waits five seconds for it at most.
  std::vector<Location> locate(const Elf& file, const std::vector<std::uint64_t>& addresses);

  // Why no program has answered, for the user; empty where one has.
  const std::string& trouble() const { return trouble_; }

 private:
  std::vector<std::string> names_;  // to be tried
  std::string trouble_;
};

}  // namespace report
