// Names of what was compiled at run time, by interpreters and JIT compilers that leave them in /tmp/perf-PID.map for
// perf(1). Everybody may write in /tmp, so a file is believed only where it can be the process's own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "report/symbolizer.h"

namespace report {

// As the log tells it.
struct Process {
  std::uint64_t pid = 0;
  std::optional<std::uint64_t> uid;
  std::optional<std::uint64_t> started;  // in seconds since 1970

  auto operator<=>(const Process&) const = default;
};

using Names = std::map<std::uint64_t, Location>;  // by address

// What this text of a map says of these addresses, which are in order. A line is: address, size, name; the last that
// has an address counts, since memory is used again.
Names names_in(std::string_view map, const std::vector<std::uint64_t>& addresses);

class PerfMaps {
 public:
  // Nothing where there is no map, or none that may be read. Of a process in a container, while it lives, that of its
  // own /tmp.
  Names names(const Process& process, const std::vector<std::uint64_t>& addresses);

  // Why the first map that was there was not read, for the user.
  const std::string& trouble() const { return trouble_; }

 private:
  std::string trouble_;
};

}  // namespace report
