// The handler of static programs in a process that was armed by it: no library, but pages of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace doctor {

struct StaticHandler {
  std::string version;
  std::uint64_t since = 0;                                     // in seconds
  std::vector<std::pair<std::string, std::uint32_t>> averted;  // by which call, where there were any
};

// Nothing where there is none, or it may not be known.
std::optional<StaticHandler> find_static_handler(int pid);

}  // namespace doctor
