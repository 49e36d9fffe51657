// The command lines of victims.
#pragma once

#include "support/process.h"

inline Strings victim(const std::string& name, const Strings& words) {
  return joined({built("tests/victims/" + name)}, words);
}

inline Strings log_victim(const Strings& words) { return victim("log_victim", words); }
inline Strings totals_victim(const Strings& words) { return victim("totals_victim", words); }
