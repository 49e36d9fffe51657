#include "unwind/rows.h"

namespace unwind::rows {
namespace {

struct Simple {
  Key key;
  std::int32_t offset;
  std::int16_t kept[kRegisters];
  std::uint8_t base, return_register, is_guess, is_last, is_unknown;
};
constexpr std::int16_t kNotKept = INT16_MIN;

constinit Remembered<Simple, 9> remembered{};

std::uintptr_t extended(std::intptr_t offset) { return static_cast<std::uintptr_t>(offset); }

bool make_simple(const Row& row, Simple& simple) {
  const Rule& frame = row.rules[kFrameAddress];
  simple.offset = static_cast<std::int32_t>(frame.offset);
  if (frame.base >= kRegisters || frame.is_loaded || extended(simple.offset) != frame.offset) return false;
  for (unsigned i = 0; i < kRegisters; ++i) {
    const Rule& rule = row.rules[i];
    simple.kept[i] = rule.is_loaded ? static_cast<std::int16_t>(rule.offset) : kNotKept;
    const bool is_same = !rule.is_loaded && rule.offset == 0 && rule.base == (i == kStack ? kFrameAddress : i);
    const bool is_kept = rule.is_loaded && rule.base == kFrameAddress && simple.kept[i] != kNotKept &&
                         extended(simple.kept[i]) == rule.offset;
    if (!is_same && !is_kept) return false;
  }
  simple.base = static_cast<std::uint8_t>(frame.base);
  simple.return_register = static_cast<std::uint8_t>(row.return_register);
  simple.is_guess = row.is_guess;
  simple.is_last = row.is_last;
  simple.is_unknown = row.is_unknown;
  return row.return_register < kRegisters && !row.is_signal_frame;
}

}  // namespace

bool recall(const Key& key, Row& row) {
  Simple simple;
  if (!remembered.recall(key, simple)) return false;
  row.rules[kFrameAddress] = {simple.base, extended(simple.offset)};
  for (unsigned i = 0; i < kRegisters; ++i)
    if (simple.kept[i] != kNotKept) row.rules[i] = {kFrameAddress, extended(simple.kept[i]), true};
  row.return_register = simple.return_register;
  row.is_guess = simple.is_guess != 0;
  row.is_last = simple.is_last != 0;
  row.is_unknown = simple.is_unknown != 0;
  return true;
}

void remember(const Key& key, const Row& row) {
  Simple simple{};
  if (!make_simple(row, simple)) return;
  simple.key = key;
  remembered.remember(simple);
}

}  // namespace unwind::rows
