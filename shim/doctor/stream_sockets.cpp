#include "doctor/stream_sockets.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "doctor/proc_file.h"

namespace doctor {
namespace {

// The inode stands in this column, counted from 0. Where another one is named, it has to have this word. False if there
// is no such table.
bool add_inodes(std::vector<std::uint64_t>& inodes, const std::string& table, int column, int other = -1,
                std::string_view word = {}) {
  const auto text = read_proc(table);
  if (!text) return false;
  std::string_view rest(*text);
  take_until(rest, '\n');  // the headings
  while (!rest.empty()) {
    auto line = take_until(rest, '\n');
    std::uint64_t inode = 0;
    bool counts = other < 0;
    for (int i = 0; i <= std::max(column, other); ++i) {
      const auto cell = take_word(line);
      if (i == column) inode = number_of(cell);
      if (i == other) counts = cell == word;
    }
    if (counts && inode != 0) inodes.push_back(inode);
  }
  return true;
}

}  // namespace

// A namespace is read once, but for one whose process ends meanwhile.
const std::vector<std::uint64_t>& StreamSockets::in_namespace_of(int pid) {
  const auto process = "/proc/" + std::to_string(pid);
  auto& [is_whole, inodes] = namespaces_[link_of(process + "/ns/net")];
  if (!is_whole) {
    inodes.clear();
    add_inodes(inodes, process + "/net/tcp", 9);
    add_inodes(inodes, process + "/net/tcp6", 9);
    is_whole = add_inodes(inodes, process + "/net/unix", 6, 4, "0001");
    std::ranges::sort(inodes);
  }
  return inodes;
}

std::optional<std::size_t> StreamSockets::held_by(int pid) {
  std::error_code refused;
  std::vector<std::uint64_t> held;
  for (std::filesystem::directory_iterator fd("/proc/" + std::to_string(pid) + "/fd", refused), end;
       !refused && fd != end; fd.increment(refused)) {
    const std::string target = link_of(fd->path());
    constexpr std::string_view kSocket = "socket:[";
    if (target.starts_with(kSocket)) held.push_back(number_of(std::string_view(target).substr(kSocket.size())));
  }
  if (refused) return {};
  if (held.empty()) return 0;
  // One that several descriptors lead to is one.
  std::ranges::sort(held);
  held.erase(std::unique(held.begin(), held.end()), held.end());
  const auto& inodes = in_namespace_of(pid);
  return static_cast<std::size_t>(
      std::ranges::count_if(held, [&](auto inode) { return std::ranges::binary_search(inodes, inode); }));
}

}  // namespace doctor
