#include "late/forks.h"

#include <atomic>

#include "late/module.h"
#include "system/kernel.h"

namespace late::forks {
namespace {

constinit std::atomic<int> process = 0;    // whose these are
constinit std::atomic<int> held_back = 0;  // by so many
constinit std::atomic<int> under_way = 0;
constinit std::atomic<int> waiting = 0;
constexpr long kShort = 100'000;

void begin_anew() { held_back = under_way = waiting = 0; }

// A child that was forked past libc has them as they were in its parent, whose threads it has not.
void know_process() {
  const int own = kernel::pid();
  if (process.exchange(own) != own) begin_anew();
}

void before() {
  know_process();
  ++waiting;
  while (++under_way, held_back > 0)
    for (--under_way; held_back > 0;) kernel::sleep(kShort);
  --waiting;
}

void in_parent() { --under_way; }

void in_child() {
  process = kernel::pid();
  begin_anew();
}

bool is_soon_zero(const std::atomic<int>& count) {
  for (int i = 0; i < 500 && count > 0; ++i) kernel::sleep(kShort);
  return count <= 0;
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
  know_process();
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
  know_process();
  is_soon_zero(waiting);
  ++held_back;
  all_ = is_soon_zero(under_way);
}

HeldBack::~HeldBack() { --held_back; }

}  // namespace late::forks
