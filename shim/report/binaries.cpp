#include "report/binaries.h"

#include <cstddef>
#include <filesystem>
#include <system_error>
#include <utility>

namespace report {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostIndexed = 100'000;

bool is_build_id(const std::string& text) {
  return text.size() >= 6 && text.size() <= 128 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

// The rules by which a file may stand for the binary that the log met.
bool is_same(const Elf& file, const Binary& binary) {
  return binary.build_id.empty() ? file.changed() <= binary.since : file.build_id() == binary.build_id;
}

}  // namespace

Binaries::Binaries(std::vector<std::string> search) : roots_{"/usr/lib/debug"} {
  for (const auto& directory : search) {
    std::error_code error;
    search_.push_back(fs::absolute(directory, error));
    roots_.push_back(search_.back());
  }
}

void Binaries::index_search() {
  if (index_) return;
  index_.emplace();
  std::size_t seen = 0;
  for (const auto& directory : search_) {
    std::error_code error;
    fs::recursive_directory_iterator at(directory, fs::directory_options::skip_permission_denied, error);
    for (; !error && at != fs::recursive_directory_iterator() && ++seen < kMostIndexed; at.increment(error)) {
      if (!at->is_regular_file(error)) continue;
      const auto elf = Elf::open(at->path());
      if (!elf || elf->build_id().empty()) continue;
      // Of a binary and its debug file the one with the lines.
      auto& path = (*index_)[elf->build_id()];
      if (path.empty() || elf->has_lines()) path = elf->path();
    }
  }
}

std::optional<Elf> Binaries::by_build_id(const std::string& build_id) {
  if (!is_build_id(build_id)) return {};
  for (const auto& root : roots_) {
    auto file = Elf::open(root + "/.build-id/" + build_id.substr(0, 2) + "/" + build_id.substr(2) + ".debug");
    if (file && file->build_id() == build_id) return file;
  }
  index_search();
  const auto found = index_->find(build_id);
  return found == index_->end() ? std::nullopt : Elf::open(found->second);
}

std::optional<Elf> Binaries::debug_file_of(const Elf& binary) {
  if (auto file = by_build_id(binary.build_id()); file && file->has_lines()) return file;
  const auto& link = binary.debug_link();
  if (link.empty()) return {};
  std::error_code error;
  const auto real = fs::canonical(binary.path(), error);
  const std::string directory = (error ? fs::path(binary.path()) : real).parent_path();
  for (const auto& parent : {directory + "/", directory + "/.debug/", "/usr/lib/debug" + directory + "/"}) {
    auto file = Elf::open(parent + link);
    if (!file || !file->has_lines()) continue;
    const bool same =
        binary.build_id().empty() ? file->crc() == binary.debug_link_crc() : file->build_id() == binary.build_id();
    if (same) return file;
  }
  return {};
}

Found Binaries::find(const Binary& binary) {
  auto file = Elf::open(binary.path);
  if (file && is_same(*file, binary)) {
    if (file->has_lines()) return {std::move(file), {}};
    if (auto debug = debug_file_of(*file)) return {std::move(debug), {}};
    return {std::move(file), kNoLines};
  }
  const std::string why = Elf::is_another_users(binary.path) ? "binary not read: it is neither root's nor yours"
                          : !file                            ? "binary not found or not readable"
                          : binary.build_id.empty()          ? "binary changed since, and the log has no build id"
                                                             : "binary changed (build id differs)";
  if (auto moved = by_build_id(binary.build_id))
    return {std::move(moved), why + "; line from another file of its build"};
  return {{}, why};
}

}  // namespace report
