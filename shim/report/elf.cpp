#include "report/elf.h"

#include <elf.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "tools/display.h"

namespace report {
namespace {

constexpr std::size_t kMostSections = 4096;
constexpr std::size_t kLargestSection = 1 << 20;   // of those that are read at once
constexpr std::size_t kLargestSymbols = 64 << 20;  // of a table of symbols, in bytes

// Whether it is on a file system of the kernel's, where reading a file can do anything.
bool is_virtual(int fd) {
  struct statfs system {};
  if (fstatfs(fd, &system) != 0) return true;
  const auto type = static_cast<unsigned long>(system.f_type);
  return type == PROC_SUPER_MAGIC || type == SYSFS_MAGIC || type == DEBUGFS_MAGIC || type == TRACEFS_MAGIC;
}

bool belongs_to_another(const struct stat& file) {
  if (geteuid() != 0 || file.st_uid == 0) return false;
  const char* const caller = std::getenv("SUDO_UID");
  return caller == nullptr || caller != std::to_string(file.st_uid);
}

// A link in /proc leads to whatever some process has open.
int path_only(const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_NO_MAGICLINKS;
  const long fd = syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how);
  if (fd < 0 && errno == ENOSYS) return open(path.c_str(), O_PATH | O_CLOEXEC);
  return static_cast<int>(fd);
}

std::string bytes_at(int fd, std::uint64_t offset, std::uint64_t size) {
  if (size > kLargestSection || offset > (std::uint64_t{1} << 62)) return {};
  std::string bytes(size, '\0');
  const ssize_t got = pread(fd, bytes.data(), size, static_cast<off_t>(offset));
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

template <class T>
bool copy_at(const std::string& bytes, std::size_t at, T& to) {
  if (at > bytes.size() || bytes.size() - at < sizeof to) return false;
  std::memcpy(&to, bytes.data() + at, sizeof to);
  return true;
}

// The notes stand one behind the other, each name and description filled up to four bytes.
template <class Note>
std::string build_id_in(const std::string& notes) {
  const auto filled = [](std::size_t size) { return (size + 3) & ~std::size_t{3}; };
  Note note{};
  for (std::size_t at = 0; copy_at(notes, at, note);) {
    const std::size_t name = at + sizeof note;
    const std::size_t description = name + filled(note.n_namesz);
    if (description > notes.size() || notes.size() - description < note.n_descsz) break;
    if (note.n_type == NT_GNU_BUILD_ID && notes.compare(name, 4, std::string_view("GNU\0", 4)) == 0)
      return tools::hex_bytes(std::string_view(notes).substr(description, note.n_descsz));
    at = description + filled(note.n_descsz);
  }
  return {};
}

}  // namespace

// Sections rather than segments, since a debug file's segments are empty.
template <class Header, class Section, class Note>
void Elf::read_sections() {
  Header header{};
  if (!copy_at(bytes_at(fd(), 0, sizeof header), 0, header) || header.e_shentsize != sizeof(Section)) return;
  const std::size_t number = std::min<std::size_t>(header.e_shnum, kMostSections);
  const auto table = bytes_at(fd(), header.e_shoff, number * sizeof(Section));
  std::vector<Section> sections(number);
  for (std::size_t i = 0; i < number; ++i)
    if (!copy_at(table, i * sizeof(Section), sections[i])) return;
  if (header.e_shstrndx >= number) return;
  const auto names = bytes_at(fd(), sections[header.e_shstrndx].sh_offset, sections[header.e_shstrndx].sh_size);
  for (const auto& section : sections) {
    const std::string name = section.sh_name < names.size() ? names.c_str() + section.sh_name : "";
    const auto contents = [&] { return bytes_at(fd(), section.sh_offset, section.sh_size); };
    if (section.sh_type == SHT_NOTE && build_id_.empty()) build_id_ = build_id_in<Note>(contents());
    if ((name == ".debug_line" || name == ".zdebug_line") && section.sh_type != SHT_NOBITS) has_lines_ = true;
    if (name == ".gnu_debugdata") hides_symbols_ = true;
    if (section.sh_type == SHT_SYMTAB || section.sh_type == SHT_DYNSYM)
      symbols_.push_back({section.sh_offset, std::min<std::uint64_t>(section.sh_size, kLargestSymbols)});
    if (name == ".gnu_debuglink") {
      const auto link = contents();
      debug_link_ = link.c_str();
      if (debug_link_.find('/') != std::string::npos || debug_link_ == "..") debug_link_.clear();
      copy_at(link, (debug_link_.size() + 4) & ~std::size_t{3}, debug_link_crc_);
    }
  }
}

template <class Symbol>
void Elf::find_functions(const std::vector<std::uint64_t>& addresses, std::vector<bool>& in_one) const {
  constexpr std::size_t kPiece = kLargestSection / sizeof(Symbol) * sizeof(Symbol);
  for (const auto& table : symbols_) {
    for (std::uint64_t done = 0; done < table.size; done += kPiece) {
      const auto piece = bytes_at(fd(), table.offset + done, std::min<std::uint64_t>(kPiece, table.size - done));
      Symbol symbol{};
      for (std::size_t at = 0; copy_at(piece, at, symbol); at += sizeof symbol) {
        const auto type = symbol.st_info & 15;
        if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol.st_shndx == SHN_UNDEF) continue;
        for (auto inside = std::ranges::lower_bound(addresses, symbol.st_value);
             inside != addresses.end() && *inside - symbol.st_value < symbol.st_size; ++inside)
          in_one[static_cast<std::size_t>(inside - addresses.begin())] = true;
      }
    }
  }
}

std::vector<bool> Elf::in_functions(const std::vector<std::uint64_t>& addresses) const {
  std::vector<bool> in_one(addresses.size(), hides_symbols_);
  if (hides_symbols_) return in_one;
  is_64_bit_ ? find_functions<Elf64_Sym>(addresses, in_one) : find_functions<Elf32_Sym>(addresses, in_one);
  return in_one;
}

std::optional<Elf> Elf::open(const std::string& path) {
  if (!path.starts_with('/') || path.size() >= PATH_MAX || path.find('\0') != path.npos) return {};
  const tools::Fd file(path_only(path));
  struct stat status {};
  if (!file || fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) || is_virtual(file.get())) return {};
  if (belongs_to_another(status)) return {};
  const auto again = "/proc/self/fd/" + std::to_string(file.get());
  tools::Fd fd(::open(again.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd) return {};
  const auto identity = bytes_at(fd.get(), 0, EI_NIDENT);
  if (identity.size() < EI_NIDENT || !identity.starts_with(ELFMAG)) return {};

  const auto timestamp = [](const timespec& time) {
    return Timestamp(std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_nsec / 1000));
  };
  Elf elf(std::move(fd), path, std::max(timestamp(status.st_mtim), timestamp(status.st_ctim)));
  elf.is_64_bit_ = identity[EI_CLASS] == ELFCLASS64;
  if (elf.is_64_bit_) elf.read_sections<Elf64_Ehdr, Elf64_Shdr, Elf64_Nhdr>();
  if (identity[EI_CLASS] == ELFCLASS32) elf.read_sections<Elf32_Ehdr, Elf32_Shdr, Elf32_Nhdr>();
  return elf;
}

bool Elf::is_another_users(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && belongs_to_another(status);
}

std::uint32_t Elf::crc() const {
  static const auto table = [] {
    std::array<std::uint32_t, 256> entries{};
    for (std::uint32_t i = 0; i < entries.size(); ++i) {
      entries[i] = i;
      for (int bit = 0; bit < 8; ++bit) entries[i] = entries[i] >> 1 ^ (0xedb88320u & (0u - (entries[i] & 1)));
    }
    return entries;
  }();
  std::uint32_t crc = ~0u;
  for (std::uint64_t at = 0;; at += kLargestSection) {
    const auto bytes = bytes_at(fd(), at, kLargestSection);
    for (const char c : bytes) crc = crc >> 8 ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xff];
    if (bytes.size() < kLargestSection) return ~crc;
  }
}

}  // namespace report
