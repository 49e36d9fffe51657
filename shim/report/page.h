// The page that --html fills: page/page.html with its style, its script and the hashes of both, put together by make.
#pragma once

#include <string_view>

namespace report {

extern const std::string_view kPage;

}  // namespace report
