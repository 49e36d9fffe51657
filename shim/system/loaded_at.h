// Where a pointer of an object's dynamic section leads. glibc has added the base already, musl has not, nor is it done
// for the vdso; and the base is below zero where the object was linked above the place that it has. So it is the one of
// the two that is nearer to that section itself, reckoned in words of the object's class.
#pragma once

#include <algorithm>

template <class Word>
constexpr Word loaded_at(Word base, Word pointer, Word section) {
  const auto distance = [=](Word address) {
    return std::min(static_cast<Word>(address - section), static_cast<Word>(section - address));
  };
  const auto moved = static_cast<Word>(pointer + base);
  return distance(moved) < distance(pointer) ? moved : pointer;
}
