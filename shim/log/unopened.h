// What is said on stderr where the log cannot be opened: why, where, and what to do about it.
#pragma once

#include <string_view>

#include "system/text.h"

namespace unopened {

// `error` is errno.
void add(text::Line& line, std::string_view place, int error);

}  // namespace unopened
