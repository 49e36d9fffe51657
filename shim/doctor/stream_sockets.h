// How many stream sockets a process holds: at the write to one whose peer has left SIGPIPE is raised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace doctor {

class StreamSockets {
 public:
  // TCP and AF_UNIX, listening ones among them. Nothing where that may not be known.
  std::optional<std::size_t> held_by(int pid);

 private:
  struct Namespace {
    bool is_whole = false;
    std::vector<std::uint64_t> inodes;  // sorted
  };
  const std::vector<std::uint64_t>& in_namespace_of(int pid);

  std::map<std::string, Namespace> namespaces_;
};

}  // namespace doctor
