// The number of a system call, in the code in front of its instruction on x86.
#pragma once

namespace arch {

constexpr long kNoNumber = -1;

// If it was loaded a little before: b8 and four bytes are `mov $number, %eax`. In glibc's splice two arguments are
// loaded in between; 20 bytes are looked through, since 36 reach into the function before (glibc 2.36). After a 41 it
// is another register, r8d. `is_there` says whether so many bytes in front of `code` may be read.
template <class IsThere>
constexpr long number_loaded(const unsigned char* code, IsThere is_there) {
  constexpr unsigned kFar = 20;
  constexpr unsigned kLoad = 5;
  for (unsigned back = kLoad; back <= kFar && is_there(back + 1); ++back) {
    const auto* load = code - back;
    const bool ends_other = (load[0] == 0x0f && load[1] == 0x05) || (load[0] == 0xcd && load[1] == 0x80);
    if (ends_other || load[kLoad - 1] == 0xc3) break;  // another call, or the function before has returned
    if (load[0] != 0xb8 || load[-1] == 0x41 || load[3] != 0 || load[4] != 0) continue;
    return load[1] | load[2] << 8;
  }
  return kNoNumber;
}

}  // namespace arch
