#include "report/container.h"

#include <algorithm>

#include "report/scanner.h"
#include "report/timestamp.h"

namespace report {
namespace {

constexpr std::string_view kDocker = R"({"log":)";

bool take_word(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

}  // namespace

std::optional<ContainerLog::Content> ContainerLog::docker(std::string_view line) {
  buffer_.clear();
  buffer_.reserve(line.size());
  Scanner scanner(line.substr(kDocker.size()), true, buffer_);
  Content content;
  if (!scanner.text(content.text) || !scanner.rest().starts_with(R"(,"stream":"std)")) return {};
  content.is_stderr = scanner.rest().starts_with(R"(,"stream":"stderr")");
  content.ended = content.text.ends_with('\n');
  if (content.ended) content.text.remove_suffix(1);
  return content;
}

std::optional<ContainerLog::Content> ContainerLog::content_of(std::string_view line) {
  if (line.starts_with(kDocker)) return docker(line);
  if (line.empty() || !is_digit(line.front()) || !take_timestamp(line)) return {};
  Content content;
  content.is_stderr = take_word(line, " stderr ");
  if (!content.is_stderr && !take_word(line, " stdout ")) return {};
  content.ended = line.starts_with('F');
  if (!content.ended && !line.starts_with('P')) return {};
  line.remove_prefix(1);
  if (line.starts_with(':')) line.remove_prefix(std::min(line.find(' '), line.size()));  // further tags
  if (!take(line, ' ')) return {};
  content.text = line;
  return content;
}

}  // namespace report
