// Which mode counts where no library is there to know: by what was given, and by /etc/nosigpipe.conf.
#pragma once

#include <string>

#include "tools/fd.h"

namespace attach {

constexpr const char* kOff = "nothing is to be done, by --mode=off or /etc/nosigpipe.conf";  // as the library says it
constexpr const char* kObserve = "it is linked statically, where nothing can be observed";

// What lines, "NOSIGPIPE_MODE=off\n", say of this variable; empty where they say nothing.
std::string given(const std::string& lines, const std::string& variable);

// As system/options.cpp has it: the file wins where it says off. `given` is empty where nothing was; `machine_file` may
// be none.
std::string mode_of(const std::string& given, const tools::Fd& machine_file);

}  // namespace attach
