#include "late/forks.h"

#include <atomic>

#include "late/module.h"
#include "system/kernel.h"

namespace late::forks {
namespace {

constinit std::atomic<int> held_back = 0;  // by so many
constinit std::atomic<int> holder = 0;     // the process
constinit std::atomic<int> under_way = 0;
constinit std::atomic<int> waiting = 0;
constexpr long kShort = 100'000;

// By another thread: a child that is forked past libc has this as it was in its parent.
bool is_held() { return held_back != 0 && holder == kernel::pid(); }

void before() {
  ++waiting;
  while (++under_way, is_held())
    for (--under_way; is_held();) kernel::sleep(kShort);
  --waiting;
}

void in_parent() { --under_way; }

void in_child() { held_back = under_way = waiting = 0; }

bool is_soon_zero(const std::atomic<int>& count) {
  for (int i = 0; i < 500 && count != 0; ++i) kernel::sleep(kShort);
  return count == 0;
}

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

// Who waits since the last time comes first.
HeldBack::HeldBack() {
  is_soon_zero(waiting);
  holder = kernel::pid();
  ++held_back;
  all_ = is_soon_zero(under_way);
}

HeldBack::~HeldBack() { --held_back; }

}  // namespace late::forks
