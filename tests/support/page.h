// The page of nosigpipe-report --html, taken apart.
#pragma once

#include <string>

#include "support/report_log.h"

// What stands between the first of this and the next of that; empty where there is none.
inline std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const auto at = text.find(begin);
  if (at == std::string::npos) return "";
  const auto from = at + begin.size();
  return text.substr(from, text.find(end, from) - from);
}

const std::string kBeginOfData = R"(<script type="application/json" id="data">)";

inline std::string data_of(const std::string& page) { return between(page, kBeginOfData, "</script>"); }

// The same page about something else: the policy speaks of the script and the style alone.
inline std::string with_data(const std::string& page, const std::string& data) {
  const auto from = page.find(kBeginOfData) + kBeginOfData.size();
  return page.substr(0, from) + data + page.substr(page.find("</script>", from));
}

inline std::string page_of(const std::string& log, const Strings& options = {}) {
  return report_of(log, joined({"--html"}, options));
}

inline std::string repeated(const std::string& text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}
