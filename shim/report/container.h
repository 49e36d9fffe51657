// Takes off what a container's log puts around each line: Docker's json-file, {"log":"…\n","stream":"stderr",…}, and
// Kubernetes' CRI format, 2026-11-22T18:10:39.5Z stderr F …. Both may cut a line into several.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "report/lines.h"

namespace report {

class ContainerLog {
 public:
  // Gives the line to on_line(line, ended), as it was before it was dressed; or keeps it until the rest of it has come.
  template <class OnLine>
  void line(std::string_view line, bool ended, OnLine on_line) {
    const auto content = ended ? content_of(line) : std::nullopt;
    if (!content) return on_line(line, ended);
    auto& partial = partial_[content->is_stderr];
    if (partial.empty() && content->ended) return on_line(content->text, true);
    if (partial.size() + content->text.size() > kLongestLine) give(partial, false, on_line);
    partial += content->text;
    if (content->ended) give(partial, true, on_line);
  }

  // Nothing follows.
  template <class OnLine>
  void finish(OnLine on_line) {
    for (auto& partial : partial_)
      if (!partial.empty()) give(partial, false, on_line);
  }

 private:
  struct Content {
    std::string_view text;  // in the line, or in buffer_
    bool is_stderr = false;
    bool ended = false;  // by a newline
  };
  std::optional<Content> content_of(std::string_view line);
  std::optional<Content> docker(std::string_view line);

  template <class OnLine>
  static void give(std::string& partial, bool ended, OnLine on_line) {
    on_line(std::string_view(partial), ended);
    partial.clear();
  }

  std::string partial_[2];  // of the standard output and error, which come as they will
  std::string buffer_;
};

}  // namespace report
