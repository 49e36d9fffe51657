// The modules that stacks have led through: no schedule in which one has two numbers, or is found before all of it is
// written. The files that are mapped are a model.
#include "interleavings/yielding.h"

#include "unwind/modules.h"

#include <array>
#include <cstdio>
#include <cstring>

#include "unwind/copy.h"
#include "unwind/elf_image.h"
#include "unwind/stack.h"

using schedules::must;

namespace {

unsigned char sign;  // of what is mapped

}  // namespace

// What the modules ask for elsewhere.

ElfImage::ElfImage(std::uintptr_t start, std::uintptr_t limit)
    : is_elf_(true), memory_{start, limit}, base_(start), build_id_{start + 1, start + 2} {}
bool unwind::copy(void* to, std::uintptr_t, std::size_t size) {
  memset(to, sign, size);
  return true;
}
bool unwind::is_there(std::uintptr_t) { return true; }
bool stack::stays(std::uintptr_t) { return false; }
long arch::modelled_call(long, long, long, long, long, long) { return 0; }
long modelled_syscall(long, long, long, long, long, long, long) { return 0; }

namespace {

using Body = std::function<void()>;

constexpr unsigned kMostKnown = 255;
Modules* const all = new Modules();
std::array<Modules::Number, 4> found;  // by each thread

Module module(std::uintptr_t place) { return {place, place + 0x1000, place, place + 0x2000, place, "/module"}; }
constexpr std::uintptr_t kOne = 0x10000, kOther = 0x20000, kThird = 0x30000;

// As the log does it.
Modules::Number number_of(std::uintptr_t place) {
  const auto number = all->around(place + 8);
  return number != 0 ? number : all->remember(module(place));
}

Body meets(std::uintptr_t place) {
  return [place] {
    const auto number = number_of(place);
    found[static_cast<std::size_t>(schedules::running())] = number;
    const auto& known = all->at(number);
    must(number == 0 || (known.mapped.start == place && known.mapped.path == "/module" && known.sign_size == 1),
         "a module is found before all of it is written");
  };
}

void begin_with(unsigned known) {
  memset(static_cast<void*>(all), 0, sizeof *all);
  sign = 1;
  found = {};
  for (unsigned i = 0; i < known; ++i) all->remember(module(0x100000 + i * 0x10000));
}
void begin() { begin_with(0); }

void check_two() { must(found[0] == found[1] && found[0] != 0, "a module has two numbers"); }
void check_places() {
  check_two();
  must(number_of(kOther) <= 2, "a place is lost");
}
void check_three() {
  check_two();
  must(found[0] == found[2], "a module has two numbers");
}
void check_others() {
  check_two();
  must(found[2] != found[0] && found[2] != 0, "two modules have one number");
  must(number_of(kOne) == found[0] && number_of(kOther) == found[2], "a module is lost");
}
void check_all() {
  must(found[0] != found[1] && found[1] != found[2] && found[2] != found[0], "two modules have one number");
  must(number_of(kOne) == found[0] && number_of(kOther) == found[1] && number_of(kThird) == found[2],
       "a module is lost");
}

}  // namespace

int main() {
  bool holds = true;
  const auto hold = [&](const char* name, const Body& begins, const std::vector<Body>& threads, const Body& after) {
    holds = schedules::hold({name, begins, threads, after}) && holds;
  };
  const auto gone = [] {
    begin();
    number_of(kOne);
    sign = 2;
    number_of(kOne);
    sign = 1;
  };
  hold("two meet a new module", begin, {meets(kOne), meets(kOne)}, check_places);
  hold("three meet a new module", begin, {meets(kOne), meets(kOne), meets(kOne)}, check_three);
  hold("two meet a new module, and one another", begin, {meets(kOne), meets(kOne), meets(kOther)}, check_others);
  hold("three meet three", begin, {meets(kOne), meets(kOther), meets(kThird)}, check_all);
  hold("two meet one that has come back", gone, {meets(kOne), meets(kOne)}, check_two);
  hold(
      "two meet a new one where there is room for one", [] { begin_with(kMostKnown - 1); }, {meets(kOne), meets(kOne)},
      [] { must(number_of(kOne) == found[0] || number_of(kOne) == found[1], "it is lost"); });
  return holds ? 0 : 1;
}
