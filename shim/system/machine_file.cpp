#include "system/machine_file.h"

#include <sys/stat.h>

#include "system/kernel.h"
#include "system/opened.h"
#include "system/text.h"

namespace machine_file {
namespace {

std::string_view stripped(std::string_view words) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!words.empty() && is_blank(words.front())) words.remove_prefix(1);
  while (!words.empty() && is_blank(words.back())) words.remove_suffix(1);
  return words;
}

std::string_view unquoted(std::string_view words) {
  const bool is_quoted =
      words.size() >= 2 && words.front() == words.back() && (words.front() == '"' || words.front() == '\'');
  return is_quoted ? text::part(words, 1, words.size() - 2) : words;
}

}  // namespace

std::string_view read(char (&room)[kMost]) {
  const Opened file(kPath);
  if (file.fd() < 0) return {};
  const auto found = kernel::file_at(file.fd(), "");
  const bool is_roots_alone = S_ISREG(found.st_mode) && found.st_uid == 0 && (found.st_mode & (S_IWGRP | S_IWOTH)) == 0;
  if (!is_roots_alone || found.st_size > static_cast<long long>(kMost)) return {};
  const long length = kernel::read_at(file.fd(), room, kMost, 0);
  return {room, length > 0 ? static_cast<std::size_t>(length) : 0};
}

std::string_view value(std::string_view text, std::string_view variable) {
  std::string_view found;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = stripped(text::part(text, 0, end));
    text = end == text.npos ? std::string_view() : text::part(text, end + 1);
    if (text::begins(line, variable) && text::begins(text::part(line, variable.size()), "="))
      found = unquoted(stripped(text::part(line, variable.size() + 1)));
  }
  return found;
}

}  // namespace machine_file
