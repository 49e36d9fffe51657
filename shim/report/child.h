// The report starts other programs as every tool does.
#pragma once

#include "tools/child.h"

namespace report {

using tools::Child;

}  // namespace report
