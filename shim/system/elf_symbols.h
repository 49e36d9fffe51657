// The dynamic symbols of one ELF object in memory, by name. Reads memory only: safe in a signal handler.
#pragma once

#include <link.h>

#include <cstdint>

#include "system/arch/interrupted.h"
#include "system/loaded_at.h"

// A name, with its hash in DT_GNU_HASH.
struct SymbolName {
  constexpr explicit SymbolName(const char* name) : text(name) {
    for (const char* c = name; *c != '\0'; ++c) hash = hash * 33 + static_cast<unsigned char>(*c);
  }
  const char* text;
  std::uint32_t hash = 5381;
};

class ElfSymbols {
 public:
  ElfSymbols(ElfW(Addr) base, const ElfW(Phdr) * segments, unsigned count) : base_(base) {
    for (unsigned i = 0; i < count; ++i) {
      const auto at = base_ + segments[i].p_vaddr;
      if (segments[i].p_type == PT_LOAD && (segments[i].p_flags & PF_X) != 0) code_ = {at, segments[i].p_memsz};
      if (segments[i].p_type == PT_DYNAMIC) read(reinterpret_cast<const ElfW(Dyn)*>(at));
    }
  }

  arch::Code code() const { return code_; }

  // The function of this name that a program linked today would get; nullptr: none.
  void* find(const SymbolName& name) const {
    if (!complete()) return nullptr;
    const ElfW(Sym)* found = nullptr;
    each_named(name.hash, [&](std::uint32_t index) {
      if (defines(index) && !hidden(index) && same(strings_ + symbols_[index].st_name, name.text))
        found = &symbols_[index];
      return found != nullptr;
    });
    return found == nullptr ? nullptr : reinterpret_cast<void*>(base_ + found->st_value);
  }

 private:
  static bool same(const char* left, const char* right) {
    for (; *left == *right; ++left, ++right)
      if (*left == '\0') return true;
    return false;
  }

  bool complete() const { return symbols_ != nullptr && strings_ != nullptr; }

  void read(const ElfW(Dyn) * dynamic) {
    symbols_ = at<ElfW(Sym)>(dynamic, DT_SYMTAB);
    strings_ = at<char>(dynamic, DT_STRTAB);
    versions_ = at<ElfW(Half)>(dynamic, DT_VERSYM);
    gnu_ = at<std::uint32_t>(dynamic, DT_GNU_HASH);
    sysv_ = at<std::uint32_t>(dynamic, DT_HASH);
  }

  template <class Pointed>
  const Pointed* at(const ElfW(Dyn) * entry, long tag) const {
    const auto section = reinterpret_cast<ElfW(Addr)>(entry);
    while (entry->d_tag != tag && entry->d_tag != DT_NULL) ++entry;
    if (entry->d_tag == DT_NULL) return nullptr;
    return reinterpret_cast<const Pointed*>(loaded_at(base_, entry->d_un.d_ptr, section));
  }

  bool defines(std::uint32_t index) const {
    const auto& symbol = symbols_[index];
    return symbol.st_shndx != SHN_UNDEF && ELF32_ST_TYPE(symbol.st_info) == STT_FUNC;
  }

  // An old version, kept for programs that were linked with it. The first two are "local" and the oldest there is.
  bool hidden(std::uint32_t index) const {
    return versions_ != nullptr && (versions_[index] & 0x8000) != 0 && (versions_[index] & 0x7fff) > 2;
  }

  // The indices where a symbol whose name has this hash can be, until `visit` says that it is found.
  template <class Visit>
  void each_named(std::uint32_t hash, Visit visit) const {
    if (gnu_ == nullptr) return each(visit);
    const auto first = buckets()[hash % gnu_[0]];
    if (first == 0) return;
    for (auto index = first;; ++index) {
      const auto link = chains()[index - gnu_[1]];
      if ((link | 1) == (hash | 1) && visit(index)) return;
      if ((link & 1) != 0) return;
    }
  }

  template <class Visit>
  void each(Visit visit) const {
    if (gnu_ != nullptr) {
      for (std::uint32_t bucket = 0; bucket < gnu_[0]; ++bucket)
        for (auto index = buckets()[bucket]; index != 0; ++index) {
          if (visit(index)) return;
          if ((chains()[index - gnu_[1]] & 1) != 0) break;
        }
    } else if (sysv_ != nullptr) {
      for (std::uint32_t index = 0; index < sysv_[1]; ++index)
        if (visit(index)) return;
    }
  }

  // The table: bucket count, index of the first symbol, size of the bloom filter in words, its shift; filter; buckets;
  // chains. The lowest bit of a chain's entry ends the chain.
  const std::uint32_t* buckets() const { return gnu_ + 4 + gnu_[2] * (sizeof(ElfW(Addr)) / sizeof(std::uint32_t)); }
  const std::uint32_t* chains() const { return buckets() + gnu_[0]; }

  ElfW(Addr) base_;
  arch::Code code_{};
  const ElfW(Sym) * symbols_ = nullptr;
  const char* strings_ = nullptr;
  const ElfW(Half) * versions_ = nullptr;
  const std::uint32_t* gnu_ = nullptr;
  const std::uint32_t* sysv_ = nullptr;
};
