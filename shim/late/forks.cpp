#include "late/forks.h"

#include <atomic>

#include "late/module.h"
#include "system/kernel.h"

namespace late::forks {
namespace {

constinit std::atomic<int> held_back = 0;  // by so many
constinit std::atomic<int> under_way = 0;

void before() {
  constexpr long kShort = 100'000;
  while (++under_way, held_back != 0)
    for (--under_way; held_back != 0;) kernel::sleep(kShort);
}

void in_parent() { --under_way; }

void in_child() { held_back = under_way = 0; }

// "2.36"
bool is_new_enough(const char* version) {
  constexpr unsigned kFirst = 36;
  unsigned minor = 0;
  if (version[0] != '2' || version[1] != '.') return false;
  for (const char* c = version + 2; *c >= '0' && *c <= '9'; ++c) minor = minor * 10 + static_cast<unsigned>(*c - '0');
  return minor >= kFirst;
}

using Version = const char*();
using Register = int(void (*)(), void (*)(), void (*)(), void*);

}  // namespace

void be_told() {
  static constinit std::atomic<bool> is_told = false;
  if (is_told.exchange(true)) return;
  Register* found = nullptr;
  each_module([&](const Module& module) {
    constexpr SymbolName kVersion{"gnu_get_libc_version"}, kRegister{"__register_atfork"};
    auto* const version = reinterpret_cast<Version*>(module.symbols().find(kVersion));
    if (version == nullptr) return false;
    if (is_new_enough(version())) found = reinterpret_cast<Register*>(module.symbols().find(kRegister));
    return true;
  });
  if (found != nullptr) found(before, in_parent, in_child, nullptr);
}

HeldBack::HeldBack() {
  constexpr long kShort = 100'000;
  ++held_back;
  for (int i = 0; i < 500 && under_way != 0; ++i) kernel::sleep(kShort);
  all_ = under_way == 0;
}

HeldBack::~HeldBack() { --held_back; }

}  // namespace late::forks
