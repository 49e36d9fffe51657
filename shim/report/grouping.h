// What the rows of a report stand for, which is what records are counted by.
#pragma once

#include <cstddef>
#include <string_view>

namespace report {

enum class By {
#define GROUPING(name) name,
#include "report/groupings.def"
};

// In the order of By.
constexpr std::string_view kByNames[] = {
#define GROUPING(name) #name,
#include "report/groupings.def"
};

constexpr std::string_view name_of(By by) { return kByNames[static_cast<std::size_t>(by)]; }

}  // namespace report
