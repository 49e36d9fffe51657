// Whether the process is armed, and since when: for the entries, for copies of the library, and for who looks from
// outside.
#pragma once

namespace late::state {

// In the record that an ELF note of the owner "nosigpipe" and type 3 leads to, as system/notes.cpp has the others: the
// note says how far from it that is, and in it are the phase, in four bytes, as many that mean nothing, and in eight
// the seconds since 1970 when it was entered.
enum Phase : unsigned { kLoaded = 0, kArmed = 1, kTakenBack = 2, kBusy = 3 };

// Leaves the one that is, and is busy from then on; false where it is another, which is then `phase`.
bool leave(Phase& phase);
void enter(Phase phase);
void go_back_to(Phase phase);  // as if nothing had been

// Whether another library of ours has armed the process: EEXIST, the one to be preloaded; EALREADY, a copy of this; 0.
int armed_by_another();

// Whether our variables of each thread are where a signal handler may have them. glibc may have to put them on the
// heap, when a thread first asks for them; musl has made room in all threads when it loads us.
bool has_place_in_threads();

}  // namespace late::state
