#include "doctor/mapped_shim.h"

#include <sys/stat.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string_view>
#include <utility>

#include "doctor/elf_headers.h"
#include "doctor/proc_file.h"
#include "program/policy.h"

namespace doctor {
namespace {

constexpr std::string_view kOwner = "nosigpipe";
enum : std::uint32_t { kVersion = 1, kState = 2, kAttached = 3 };  // the types of our notes

// A file as it is mapped, from its beginning.
struct Mapping {
  std::uint64_t start;
  std::uint64_t inode;
  std::string path;
  bool is_unlinked;
};

constexpr std::string_view kInMemory = "/memfd:";

// By its name; a file in memory has any.
bool may_be_shim(std::string_view path) {
  return path.substr(path.rfind('/') + 1).find("nosigpipe") != path.npos || path.starts_with(kInMemory);
}

// Each file once, and those in memory, of which a program may have many, behind the others.
std::vector<Mapping> candidates_in(int pid) {
  constexpr std::size_t kMost = 64;
  std::vector<Mapping> mappings;
  std::set<std::pair<std::uint64_t, std::string_view>> seen;
  const std::string text = read_proc("/proc/" + std::to_string(pid) + "/maps").value_or("");
  std::string_view rest(text);
  while (!rest.empty()) {
    auto line = take_until(rest, '\n');
    const auto start = number_of(take_word(line), 16);
    take_word(line);  // the permissions
    const auto offset = number_of(take_word(line), 16);
    take_word(line);  // the device, which on some file systems is another than that of stat(2)
    const auto inode = number_of(take_word(line));
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    if (offset != 0 || inode == 0 || !may_be_shim(line) || !seen.emplace(inode, line).second) continue;
    constexpr std::string_view kUnlinked = " (deleted)";
    const bool is_unlinked = line.ends_with(kUnlinked);
    if (is_unlinked) line.remove_suffix(kUnlinked.size());
    mappings.push_back({start, inode, std::string(line), is_unlinked});
  }
  std::stable_partition(mappings.begin(), mappings.end(),
                        [](const auto& one) { return !one.path.starts_with(kInMemory); });
  mappings.resize(std::min(mappings.size(), kMost));
  return mappings;
}

const ElfNote* find_note(const ElfHeaders& headers, std::uint32_t type) {
  for (const auto& note : headers.notes)
    if (note.owner == kOwner && note.type == type) return &note;
  return nullptr;
}

std::string version_in(const ElfHeaders& headers) {
  const auto* note = find_note(headers, kVersion);
  return note != nullptr ? note->description.c_str() : "";
}

// "mode=|protect|observe|off": the value with this number; of "stack=" the number itself.
std::string value_of_choice(std::string_view choices, std::int32_t number) {
  if (choices.empty()) return std::to_string(number);
  for (std::int32_t i = 0; !choices.empty(); ++i) {
    choices.remove_prefix(1);
    const auto value = choices.substr(0, choices.find('|'));
    if (i == number) return std::string(value);
    choices.remove_prefix(value.size());
  }
  return "";
}

// What a distance in the note leads to, with this one's place in its description.
std::uint64_t target_of(const ElfNote& note, std::size_t place) {
  std::int32_t distance = 0;
  std::memcpy(&distance, note.description.data() + place, sizeof distance);
  return note.at + place + static_cast<std::uint64_t>(std::int64_t{distance});
}

// The text that a pointer in the process's memory leads to.
std::string text_behind(const ReadAt& read, std::uint64_t at, bool is_64_bit, std::uint64_t base) {
  std::uint64_t address = 0;
  std::uint32_t narrow = 0;
  if (is_64_bit ? !read(at, &address, sizeof address) : !read(at, &narrow, sizeof narrow)) return "";
  if (!is_64_bit) address = narrow;
  return text_at(read, address - base);
}

std::optional<ShimState> state_in(const ElfHeaders& headers, const ReadAt& read, std::uint64_t base) {
  const auto* note = find_note(headers, kState);
  constexpr std::size_t kDistances = 2 * sizeof(std::int32_t);
  if (note == nullptr || note->description.size() < kDistances) return {};
  ShimState state;
  if (!read(target_of(*note, 0), &state.policy, sizeof state.policy)) return {};
  auto at = target_of(*note, sizeof(std::int32_t));
  const std::string names = note->description.substr(kDistances).c_str();
  std::string_view rest(names);
  while (!rest.empty()) {
    auto option = take_until(rest, ' ');
    const auto name = take_until(option, '=');
    std::int32_t number = 0;
    if (!read(at, &number, sizeof number)) return {};
    state.options.emplace_back(name, value_of_choice(option, number));
    at += sizeof number;
  }
  const std::uint64_t word = headers.is_64_bit ? 8 : 4;
  const auto path = text_behind(read, (at + word - 1) / word * word, headers.is_64_bit, base);
  for (auto& [name, value] : state.options)
    if (const auto kind = value.find("PATH"); name == "log" && kind != value.npos) value.replace(kind, 4, path);
  return state;
}

// As late/state.cpp has it.
void add_attachment(ShimState& state, const ElfHeaders& headers, const ReadAt& read) {
  enum : std::uint32_t { kArmed = 1, kTakenBack = 2 };
  struct {
    std::uint32_t phase, padding;
    std::uint64_t since;
  } record{};
  const auto* note = find_note(headers, kAttached);
  if (note == nullptr || note->description.size() < sizeof(std::int32_t)) return;
  if (!read(target_of(*note, 0), &record, sizeof record)) return;
  state.attached = record.phase == kArmed ? record.since : 0;
  state.is_taken_back = record.phase == kTakenBack;
}

Change change_of(const Mapping& mapping, int pid) {
  struct stat status {};
  const auto now = "/proc/" + std::to_string(pid) + "/root" + mapping.path;
  if (mapping.path.starts_with(kInMemory)) return Change::none;
  if (stat(now.c_str(), &status) != 0) return mapping.is_unlinked ? Change::removed : Change::none;
  return mapping.is_unlinked || status.st_ino != mapping.inode ? Change::replaced : Change::none;
}

}  // namespace

ReadAt memory_of(int pid, std::uint64_t base) {
  return [=](std::uint64_t at, void* to, std::size_t size) {
    const iovec here{to, size};
    const iovec there{reinterpret_cast<void*>(static_cast<std::uintptr_t>(base + at)), size};
    return process_vm_readv(pid, &here, 1, &there, 1, 0) == static_cast<ssize_t>(size);
  };
}

bool ShimState::is_armed() const { return (policy::facts_in(policy) & policy::armed) != 0; }

std::string ShimState::option(const std::string& name) const {
  for (const auto& [key, value] : options)
    if (key == name) return value;
  return "";
}

// One that is in force before one that was.
std::optional<MappedShim> find_shim(int pid) {
  std::optional<MappedShim> found;
  for (const auto& mapping : candidates_in(pid)) {
    MappedShim shim{mapping.path, change_of(mapping, pid), {}, {}};
    const auto read = memory_of(pid, mapping.start);
    if (const auto headers = read_headers(read, From::memory)) {
      shim.version = version_in(*headers);
      if (shim.version.empty()) continue;
      shim.state = state_in(*headers, read, mapping.start);
      if (shim.state) add_attachment(*shim.state, *headers, read);
    } else if (shim.change == Change::none) {
      shim.version = version_of("/proc/" + std::to_string(pid) + "/root" + mapping.path);
      if (shim.version.empty()) continue;
    }
    if (!shim.state || !shim.state->is_taken_back) return shim;
    found = shim;
  }
  return found;
}

std::string version_of(const std::string& library) {
  const auto headers = read_headers_of(library);
  return headers ? version_in(*headers) : "";
}

}  // namespace doctor
