// The report shows numbers and texts as every tool does.
#pragma once

#include "tools/display.h"

namespace report {

using namespace tools;

}  // namespace report
