// What a printed program is made of: every step, its begin, and its end.
#pragma once

#include <cstdlib>

#include "victims/steps/deeds.h"

namespace steps {

// CONTRACT says by whose means SIGPIPEs are averted: 0 by the shim's, 1 by the kernel's as the contract has it, 2
// likewise with --handlers=bypass, 3 by nobody's. The fds begin as nothing.
inline void begin(int contract_number, int processes) {
  contract = static_cast<Contract>(contract_number);
  depth = processes;
  blocked_once = is_blocked();
  for (auto& peer : peers) peer = -1;
  if (fcntl(kSaidTo, F_GETFD) != -1) return;
  must(dup2(1, kSaidTo), "dup2");
  const int nothing = must(open("/dev/null", O_RDWR), "/dev/null");
  dup2(nothing, 0);
  dup2(nothing, 1);
  if (nothing > 2) close(nothing);
}

// One line for each, but for those that another thread or process may end.
template <class Step, class... Arguments>
void play(const char* name, Step step, Arguments... arguments) {
  note("%*s%s", depth * 2, "", name);
  (note(" %d", arguments), ...);
  may_write = true;
  step(arguments...);
  end_line();
}

template <class Held>
void play_block(const char* name, Held held, int how, const Block& block) {
  note("%*s%s %d", depth * 2, "", name, how);
  held(how, block);
  end_line();
}

}  // namespace steps
