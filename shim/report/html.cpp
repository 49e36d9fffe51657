// The report as a page for a browser: that of --json, and the stacks, as one block of data in the page.
#include <string>
#include <string_view>

#include "report/page.h"
#include "report/results.h"
#include "tools/display.h"

namespace report {
namespace {

// Nothing in it can end the block or begin another. These characters stand in the texts of a JSON alone.
std::string as_data(std::string_view json) {
  std::string data;
  for (const char c : json) {
    if (c == '<' || c == '>' || c == '&')
      data += "\\u00" + tools::hex_bytes({&c, 1});
    else
      data += c;
  }
  return data;
}

}  // namespace

std::string as_html(const Results& results, const std::string& stacks) {
  constexpr std::string_view kPlace = "@DATA@";
  const auto at = kPage.find(kPlace);
  const auto json = "{\"report\":" + as_json(results) + ",\"stacks\":" + tools::json_quoted(stacks) + "}";
  return std::string(kPage.substr(0, at)) + as_data(json) + std::string(kPage.substr(at + kPlace.size()));
}

}  // namespace report
