// The report's descriptors are those of every tool.
#pragma once

#include "tools/fd.h"

namespace report {

using tools::Fd;
using tools::open_to_read;

}  // namespace report
