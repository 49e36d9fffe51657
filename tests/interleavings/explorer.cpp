// The control of all the others: what is known to go wrong in some schedule is found, and there are as many schedules
// as there must be.
#include "interleavings/yielding.h"

#include <cstdio>

namespace {

std::atomic<int> counter, another;

void begin() {
  counter.store(0);
  another.store(0);
}
void adds() { counter.fetch_add(1); }
void loads_and_stores() { counter.store(counter.load() + 1); }
void check() { schedules::must(counter.load() == 2, "a count is lost"); }
void nothing() {}

void writes(std::atomic<int>& to) {
  for (int i = 0; i < 3; ++i) to.store(i);
}

bool as_expected(bool is_so, const char* what) {
  printf("%s: %s\n", what, is_so ? "yes" : "NO");
  return is_so;
}

}  // namespace

int main() {
  using schedules::hold;
  using schedules::number;
  const auto one = [] { writes(counter); };
  const auto other = [] { writes(another); };
  bool all = as_expected(hold({"counted at once", begin, {adds, adds}, check}), "what is right holds");
  all &= as_expected(!hold({"counted in two steps", begin, {loads_and_stores, loads_and_stores}, check}),
                     "what is wrong is found");
  hold({"three writes of each of two to one", begin, {one, one}, nothing});
  all &= as_expected(number() == 20, "six over three");
  hold({"three writes of each of three to one", begin, {one, one, one}, nothing});
  all &= as_expected(number() == 1680, "nine over three, six over three");
  hold({"three writes of each of two to two", begin, {one, other}, nothing});
  all &= as_expected(number() == 1, "one, as none depends on another");
  const auto reads = [] { counter.load(); };
  hold({"three that read", begin, {reads, reads, reads}, nothing});
  all &= as_expected(number() == 1, "one, as nobody writes");
  return all ? 0 : 1;
}
