#include "attach/modules.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "system/loaded_at.h"

namespace attach {
namespace {

constexpr std::size_t kMostSegments = 256;
constexpr std::size_t kMostEntries = 512;  // of a dynamic section
constexpr std::size_t kMostModules = 4096;
constexpr std::size_t kMostInChain = 4096;

template <class Value>
std::optional<Value> value_at(const ReadAt& read, std::uint64_t at) {
  Value value;
  if (!read(at, &value, sizeof value)) return {};
  return value;
}

// A word of its class: an address, a size.
std::uint64_t word_at(const ReadAt& read, std::uint64_t at, bool is_64_bit) {
  return is_64_bit ? value_at<std::uint64_t>(read, at).value_or(0) : value_at<std::uint32_t>(read, at).value_or(0);
}

// The word with this place in an array of them.
std::uint64_t nth_word(const ReadAt& read, std::uint64_t array, std::uint64_t place, bool is_64_bit) {
  return word_at(read, array + place * (is_64_bit ? 8 : 4), is_64_bit);
}

std::uint64_t value_in(const std::string& auxv, std::uint64_t type, bool is_64_bit) {
  const ReadAt read = [&](std::uint64_t at, void* to, std::size_t size) {
    if (at > auxv.size() || auxv.size() - at < size) return false;
    std::memcpy(to, auxv.data() + at, size);
    return true;
  };
  const std::size_t pair = is_64_bit ? 16 : 8;
  for (std::size_t at = 0; at + pair <= auxv.size(); at += pair)
    if (word_at(read, at, is_64_bit) == type) return nth_word(read, at, 1, is_64_bit);
  return 0;
}

// Calls `visit` with the tag and the value of each entry, up to the one where it returns true.
template <class Visit>
void each_dynamic(const ReadAt& read, std::uint64_t section, bool is_64_bit, Visit visit) {
  for (std::uint64_t entry = 0; entry < kMostEntries; ++entry) {
    const auto tag = nth_word(read, section, 2 * entry, is_64_bit);
    if (tag == DT_NULL || visit(tag, nth_word(read, section, 2 * entry + 1, is_64_bit))) return;
  }
}

// The program whose segments these are, as an object of the loader's. Addresses are reckoned in words of its class, as
// the loader does it: where it was linked above the place that it has, the base is below zero.
struct Object {
  std::uint64_t base = 0, dynamic = 0;  // no dynamic section: 0
  bool has_interpreter = false;
};
template <class Segment>
Object read_object(const ReadAt& read, std::uint64_t table, std::uint64_t count) {
  using Word = decltype(Segment::p_vaddr);
  Object object;
  Word base = 0, first_load = ~Word{0}, section = 0;
  bool is_biased = false, has_section = false;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(count, kMostSegments); ++i) {
    const auto segment = value_at<Segment>(read, table + i * sizeof(Segment));
    if (!segment) return {};
    if (segment->p_type == PT_INTERP) object.has_interpreter = true;
    if (segment->p_type == PT_LOAD && segment->p_offset == 0) first_load = segment->p_vaddr;
    if (segment->p_type == PT_PHDR) {
      base = static_cast<Word>(table) - segment->p_vaddr;
      is_biased = true;
    }
    if (segment->p_type == PT_DYNAMIC) {
      section = segment->p_vaddr;
      has_section = true;
    }
  }
  // The table stands on the page that the file begins with.
  if (!is_biased && first_load != ~Word{0}) base = (static_cast<Word>(table) & ~Word{0xfff}) - first_load;
  object.base = base;
  if (has_section) object.dynamic = static_cast<Word>(base + section);
  return object;
}

std::uint32_t gnu_hash(std::string_view name) {
  std::uint32_t hash = 5381;
  for (const char c : name) hash = hash * 33 + static_cast<unsigned char>(c);
  return hash;
}

std::uint32_t sysv_hash(std::string_view name) {
  std::uint32_t hash = 0;
  for (const char c : name) {
    hash = (hash << 4) + static_cast<unsigned char>(c);
    hash = (hash ^ (hash >> 24 & 0xf0)) & 0x0fffffff;
  }
  return hash;
}

}  // namespace

ReadAt bounded(ReadAt read, std::size_t most) {
  return [read = std::move(read), most](std::uint64_t at, void* to, std::size_t size) mutable {
    return most > 0 && (--most, read(at, to, size));
  };
}

// struct link_map: base, name, dynamic section, next, previous.
Module read_module(const ReadAt& read, std::uint64_t handle, bool is_64_bit) {
  return {handle, nth_word(read, handle, 0, is_64_bit), nth_word(read, handle, 2, is_64_bit),
          doctor::text_at(read, nth_word(read, handle, 1, is_64_bit))};
}

namespace {

// Of a loader that was started as the program itself, with the other as its argument: glibc's has it by this name,
// musl's a pointer to it.
std::uint64_t debug_of_loader(const ReadAt& read, const Object& object, bool is_64_bit) {
  const Symbols symbols(read, {0, object.base, object.dynamic, ""}, is_64_bit);
  if (const auto debug = symbols.find("_r_debug", STT_OBJECT)) return *debug;
  const auto pointer = symbols.find("_dl_debug_addr", STT_OBJECT);
  return pointer ? word_at(read, *pointer, is_64_bit) : 0;
}

// Where struct r_debug is: the loader has written it into the program's dynamic section.
std::uint64_t debug_of(const ReadAt& read, const Object& object, bool is_64_bit) {
  if (object.dynamic == 0) return 0;
  if (!object.has_interpreter) return debug_of_loader(read, object, is_64_bit);
  std::uint64_t debug = 0;
  each_dynamic(read, object.dynamic, is_64_bit, [&](std::uint64_t tag, std::uint64_t value) {
    if (tag == DT_DEBUG) debug = value;
    return tag == DT_DEBUG;
  });
  return debug;
}

}  // namespace

Program read_program(const ReadAt& read, const std::string& auxv, bool is_64_bit) {
  Program program;
  program.is_64_bit = is_64_bit;
  const auto table = value_in(auxv, AT_PHDR, is_64_bit);
  const auto count = value_in(auxv, AT_PHNUM, is_64_bit);
  const auto object =
      is_64_bit ? read_object<Elf64_Phdr>(read, table, count) : read_object<Elf32_Phdr>(read, table, count);
  const auto debug = debug_of(read, object, is_64_bit);
  program.is_dynamic = object.has_interpreter || debug != 0;
  if (debug == 0) return program;
  // struct r_debug: a version, filled up to a word; the first link_map.
  for (auto map = nth_word(read, debug, 1, is_64_bit); map != 0 && program.modules.size() < kMostModules;
       map = nth_word(read, map, 3, is_64_bit))
    program.modules.push_back(read_module(read, map, is_64_bit));
  return program;
}

Symbols::Symbols(const ReadAt& read, const Module& module, bool is_64_bit)
    : read_(read), is_64_bit_(is_64_bit), base_(module.base) {
  std::uint64_t soname = 0;
  each_dynamic(read_, module.dynamic, is_64_bit_, [&](std::uint64_t tag, std::uint64_t value) {
    const auto of_class = [&]<class Word>(Word section) {
      return std::uint64_t{loaded_at(static_cast<Word>(base_), static_cast<Word>(value), section)};
    };
    const auto address = is_64_bit_ ? of_class(module.dynamic) : of_class(static_cast<std::uint32_t>(module.dynamic));
    if (tag == DT_SYMTAB) symbols_ = address;
    if (tag == DT_STRTAB) strings_ = address;
    if (tag == DT_VERSYM) versions_ = address;
    if (tag == DT_GNU_HASH) gnu_ = address;
    if (tag == DT_HASH) sysv_ = address;
    if (tag == DT_SONAME) soname = value;
    return false;
  });
  if (soname != 0 && strings_ != 0) soname_ = doctor::text_at(read_, strings_ + soname);
}

std::optional<Symbols::Symbol> Symbols::symbol(std::uint32_t index) const {
  if (is_64_bit_) {
    const auto symbol = value_at<Elf64_Sym>(read_, symbols_ + std::uint64_t{index} * sizeof(Elf64_Sym));
    if (!symbol) return {};
    return Symbol{symbol->st_name, symbol->st_info, symbol->st_shndx, symbol->st_value};
  }
  const auto symbol = value_at<Elf32_Sym>(read_, symbols_ + std::uint64_t{index} * sizeof(Elf32_Sym));
  if (!symbol) return {};
  return Symbol{symbol->st_name, symbol->st_info, symbol->st_shndx, symbol->st_value};
}

bool Symbols::is_named(std::uint32_t index, std::string_view name, unsigned type) const {
  const auto found = symbol(index);
  if (!found || found->section == SHN_UNDEF || ELF64_ST_TYPE(found->info) != type) return false;
  // An old version, kept for programs that were linked with it. The first two are "local" and the oldest there is.
  if (versions_ != 0) {
    const auto version = value_at<std::uint16_t>(read_, versions_ + std::uint64_t{index} * 2).value_or(0);
    if ((version & 0x8000) != 0 && (version & 0x7fff) > 2) return false;
  }
  std::string text(name.size() + 1, '\1');
  return read_(strings_ + found->name, text.data(), text.size()) && text.back() == '\0' &&
         std::string_view(text.data(), name.size()) == name;
}

std::optional<std::uint64_t> Symbols::address(std::uint32_t index) const {
  const auto found = symbol(index);
  if (!found) return {};
  const auto address = base_ + found->value;
  return is_64_bit_ ? address : static_cast<std::uint32_t>(address);
}

std::optional<std::uint64_t> Symbols::find(std::string_view name, unsigned type) const {
  if (symbols_ == 0 || strings_ == 0) return {};
  const auto at = [&](std::uint64_t table, std::uint64_t place) {
    return value_at<std::uint32_t>(read_, table + place * 4).value_or(0);
  };
  if (gnu_ != 0) {
    // How many buckets, the first symbol's index, words of the filter; its shift; the filter, the buckets, the chains,
    // where the lowest bit ends one.
    const std::uint64_t buckets = at(gnu_, 0), first = at(gnu_, 1), filter = at(gnu_, 2);
    if (buckets == 0) return {};
    const auto hash = gnu_hash(name);
    const std::uint64_t table = gnu_ + 16 + filter * (is_64_bit_ ? 8 : 4);
    const std::uint64_t chains = table + buckets * 4;
    auto index = at(table, hash % buckets);
    if (index < first) return {};
    for (std::size_t steps = 0; steps < kMostInChain; ++steps, ++index) {
      const auto link = at(chains, index - first);
      if ((link | 1) == (hash | 1) && is_named(index, name, type)) return address(index);
      if ((link & 1) != 0) return {};
    }
  } else if (sysv_ != 0) {
    const std::uint64_t buckets = at(sysv_, 0);
    if (buckets == 0) return {};
    auto index = at(sysv_, 2 + sysv_hash(name) % buckets);
    for (std::size_t steps = 0; index != 0 && steps < kMostInChain; ++steps, index = at(sysv_, 2 + buckets + index))
      if (is_named(index, name, type)) return address(index);
  }
  return {};
}

}  // namespace attach
