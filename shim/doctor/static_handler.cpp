#include "doctor/static_handler.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "attach/blob/layout.h"
#include "doctor/elf_headers.h"
#include "doctor/mapped_shim.h"
#include "doctor/proc_file.h"

namespace doctor {
namespace {

// Memory without a file that is executed. A program that compiles as it runs has much of it.
std::vector<std::uint64_t> candidates_in(int pid) {
  constexpr std::size_t kMost = 256;
  std::vector<std::uint64_t> starts;
  const std::string text = read_proc("/proc/" + std::to_string(pid) + "/maps").value_or("");
  for (std::string_view rest(text); !rest.empty() && starts.size() < kMost;) {
    auto line = take_until(rest, '\n');
    const auto start = number_of(take_word(line), 16);
    if (take_word(line) != "r-xp") continue;
    for (int i = 0; i < 3; ++i) take_word(line);  // offset, device, inode
    if (take_word(line).empty()) starts.push_back(start);
  }
  return starts;
}

std::optional<StaticHandler> read_handler(const ReadAt& read) {
  blob::Header header{};
  blob::Data data{};
  constexpr std::uint32_t kLargest = 1 << 16;
  if (!read(0, &header, sizeof header) || !std::ranges::equal(header.magic, blob::kMagic)) return {};
  if (header.data > kLargest || header.texts > header.data || !read(header.data, &data, sizeof data)) return {};
  StaticHandler handler{text_at(read, header.texts), data.since, {}};
  auto at = header.texts + handler.version.size() + 1;
  for (const auto count : data.averted) {
    const auto name = at < header.data ? text_at(read, at) : "";
    if (name.empty()) break;
    at += name.size() + 1;
    if (count != 0) handler.averted.emplace_back(name, count);
  }
  return handler;
}

}  // namespace

std::optional<StaticHandler> find_static_handler(int pid) {
  for (const auto start : candidates_in(pid))
    if (auto handler = read_handler(memory_of(pid, start))) return handler;
  return {};
}

}  // namespace doctor
