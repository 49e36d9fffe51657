#include "doctor/elf_headers.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

#include "tools/fd.h"

namespace doctor {
namespace {

constexpr std::size_t kLargestTable = 64 << 10;  // of segments: the kernel takes no larger one
constexpr std::size_t kLargestNotes = 64 << 10;
constexpr std::size_t kLargestDynamic = 64 << 10;
constexpr std::size_t kLongestText = 4096;
constexpr std::size_t kMostNames = 256;
constexpr std::size_t kMostInAll = 1 << 20;  // bytes of one file

std::string bytes_at(const ReadAt& read, std::uint64_t at, std::uint64_t size, std::size_t most) {
  std::string bytes(std::min<std::uint64_t>(size, most), '\0');
  return read(at, bytes.data(), bytes.size()) ? bytes : "";
}

// One behind the other, each name and description filled up to four bytes.
void read_notes(const std::string& bytes, std::uint64_t at, std::vector<ElfNote>& notes) {
  const auto filled = [](std::size_t size) { return (size + 3) & ~std::size_t{3}; };
  Elf64_Nhdr note;  // the same with 32 bits
  for (std::size_t place = 0; bytes.size() - place >= sizeof note;) {
    std::memcpy(&note, bytes.data() + place, sizeof note);
    const std::size_t name = place + sizeof note;
    const std::size_t description = name + filled(note.n_namesz);
    if (note.n_namesz > bytes.size() || description > bytes.size() || bytes.size() - description < note.n_descsz) break;
    notes.push_back({bytes.substr(name, note.n_namesz).c_str(), note.n_type, bytes.substr(description, note.n_descsz),
                     at + description});
    place = description + filled(note.n_descsz);
    if (place > bytes.size()) break;
  }
}

template <class Header, class Segment, class Dynamic>
class Reader {
 public:
  Reader(const ReadAt& read, From from, ElfHeaders& to) : read_(read), from_(from), to_(to) {}

  bool run() {
    Header header;
    if (!read_(0, &header, sizeof header)) return false;
    to_.machine = header.e_machine;
    to_.is_program = header.e_type == ET_EXEC;
    if (header.e_phentsize != sizeof(Segment) || header.e_phnum * sizeof(Segment) > kLargestTable) return false;
    segments_.resize(header.e_phnum);
    if (!read_(header.e_phoff, segments_.data(), segments_.size() * sizeof(Segment))) return false;
    for (const auto& segment : segments_) {
      if (segment.p_type == PT_INTERP && to_.interpreter.empty()) {
        to_.interpreter = text_at(read_, place_of(segment));
        if (to_.interpreter.empty()) return false;
      }
      if (segment.p_type == PT_NOTE)
        read_notes(bytes_at(read_, place_of(segment), segment.p_filesz, kLargestNotes), place_of(segment), to_.notes);
      if (segment.p_type == PT_DYNAMIC && !to_.has_dynamic) read_dynamic(segment);
    }
    // Of what is position-independent an interpreter or the flag says that it is a program.
    to_.is_program |= !to_.interpreter.empty() || to_.is_pie;
    return true;
  }

 private:
  std::uint64_t place_of(const Segment& segment) const {
    return from_ == From::memory ? segment.p_vaddr : segment.p_offset;
  }

  // Where in a file what has this address is.
  std::uint64_t place_of(std::uint64_t address) const {
    if (from_ == From::memory) return address;
    for (const auto& segment : segments_)
      if (segment.p_type == PT_LOAD && address - segment.p_vaddr < segment.p_filesz)
        return address - segment.p_vaddr + segment.p_offset;
    return ~std::uint64_t{0};
  }

  void read_dynamic(const Segment& segment) {
    to_.has_dynamic = true;
    std::vector<Dynamic> entries(std::min<std::size_t>(segment.p_filesz, kLargestDynamic) / sizeof(Dynamic));
    if (!read_(place_of(segment), entries.data(), entries.size() * sizeof(Dynamic))) return;
    std::uint64_t texts = 0;
    for (const auto& entry : entries) {
      if (entry.d_tag == DT_STRTAB) texts = place_of(std::uint64_t{entry.d_un.d_ptr});
      if (entry.d_tag == DT_FLAGS_1) to_.is_pie = (entry.d_un.d_val & DF_1_PIE) != 0;
    }
    if (from_ == From::memory) return;  // the loader has changed the addresses
    for (const auto& entry : entries) {
      if (entry.d_tag == DT_NULL) break;
      if (entry.d_tag == DT_NEEDED && to_.needed.size() < kMostNames)
        to_.needed.push_back(text_at(read_, texts + entry.d_un.d_val));
      if (entry.d_tag == DT_SONAME) to_.soname = text_at(read_, texts + entry.d_un.d_val);
    }
  }

  const ReadAt& read_;
  const From from_;
  ElfHeaders& to_;
  std::vector<Segment> segments_;
};

}  // namespace

// Where a whole block cannot be read a half of it may be.
std::string text_at(const ReadAt& read, std::uint64_t at) {
  std::string text;
  char block[256];
  for (std::size_t size = sizeof block; size > 0 && text.size() < kLongestText;) {
    if (!read(at + text.size(), block, size)) {
      size /= 2;
      continue;
    }
    const auto length = strnlen(block, size);
    text.append(block, length);
    if (length < size) break;
  }
  return text;
}

const std::uint16_t kThisMachine = [] {
  const auto own = read_headers_of("/proc/self/exe");
  return own ? own->machine : std::uint16_t{EM_NONE};
}();

bool ElfHeaders::is_of_go() const {
  constexpr std::uint32_t kBuildId = 4;
  return std::ranges::any_of(notes, [](const auto& note) { return note.owner == "Go" && note.type == kBuildId; });
}

bool ElfHeaders::is_of_glibc() const {
  constexpr std::uint32_t kAbiTag = 1;
  return std::ranges::any_of(notes, [](const auto& note) { return note.owner == "GNU" && note.type == kAbiTag; });
}

bool ElfHeaders::is_for_attach() const { return !is_foreign && machine == (is_64_bit ? EM_X86_64 : EM_386); }

bool ElfHeaders::needs(const std::string& beginning) const {
  return std::ranges::any_of(needed, [&](const auto& name) { return name.starts_with(beginning); });
}

std::string ElfHeaders::libc() const {
  if (interpreter.find("/ld-musl-") != interpreter.npos || needs("libc.musl-")) return "musl";
  if (interpreter.find("/ld-linux") != interpreter.npos || interpreter.find("/ld64.so.") != interpreter.npos ||
      interpreter.ends_with("/ld.so.1") || (interpreter.empty() && needs("libc.so.6")))
    return "glibc";
  return "";
}

std::optional<ElfHeaders> read_headers(const ReadAt& read_any, From from) {
  const ReadAt read = [&read_any, left = kMostInAll](std::uint64_t at, void* to, std::size_t size) mutable {
    if (size > left) return false;
    left -= size;
    return read_any(at, to, size);
  };
  unsigned char identity[EI_NIDENT + 4];
  if (!read(0, identity, sizeof identity) || std::memcmp(identity, ELFMAG, SELFMAG) != 0) return {};
  ElfHeaders headers;
  headers.is_64_bit = identity[EI_CLASS] == ELFCLASS64;
  const bool is_little = identity[EI_DATA] == ELFDATA2LSB;
  headers.is_foreign = is_little != (std::endian::native == std::endian::little);
  if (headers.is_foreign) {
    const unsigned char* machine = identity + EI_NIDENT + 2;
    headers.machine =
        static_cast<std::uint16_t>(is_little ? machine[0] | machine[1] << 8 : machine[1] | machine[0] << 8);
    return headers;
  }
  const bool all = headers.is_64_bit ? Reader<Elf64_Ehdr, Elf64_Phdr, Elf64_Dyn>(read, from, headers).run()
                                     : Reader<Elf32_Ehdr, Elf32_Phdr, Elf32_Dyn>(read, from, headers).run();
  if (!all) return {};
  return headers;
}

std::optional<ElfHeaders> read_headers_of(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  const tools::Fd file = tools::open_to_read(path, O_NONBLOCK | O_NOCTTY);
  if (!file) return {};
  const auto read = [&](std::uint64_t at, void* to, std::size_t size) {
    return at <= std::uint64_t{1} << 62 &&
           pread(file.get(), to, size, static_cast<off_t>(at)) == static_cast<ssize_t>(size);
  };
  return read_headers(read, From::file);
}

std::string machine_name(std::uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_386:
      return "i386";
    case EM_AARCH64:
      return "aarch64";
    case EM_ARM:
      return "arm";
    case EM_RISCV:
      return "riscv";
    case EM_S390:
      return "s390";
    case EM_PPC64:
      return "ppc64";
    default:
      return "machine " + std::to_string(machine);
  }
}

}  // namespace doctor
