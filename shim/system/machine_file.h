// /etc/nosigpipe.conf: what the machine's administrator has set for all its programs. Lines NOSIGPIPE_NAME=value, as in
// the environment and in systemd's EnvironmentFile=.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <string_view>

#include "system/text.h"

namespace machine_file {

constexpr const char* kPath = "/etc/nosigpipe.conf";
constexpr std::size_t kMost = 4096;

// Why a file of this mode, owner and size, as stat(2) has them, is ignored; nullptr: it is not.
constexpr const char* why_ignored(unsigned mode, unsigned owner, long long size) {
  if ((mode & S_IFMT) != S_IFREG) return "it is no regular file";
  if (owner != 0) return "it does not belong to root";
  if ((mode & (S_IWGRP | S_IWOTH)) != 0) return "others than root may write to it";
  return size > static_cast<long long>(kMost) ? "it is longer than 4096 bytes" : nullptr;
}

// Its text; empty where there is none, or it is ignored, which is asked of the descriptor that it is read from. One
// system call where there is none, errno is left alone. Nothing is said of one that is not valid: it would be a line in
// every command of the machine.
std::string_view read(char (&room)[kMost]);

// Without what is blank around them.
constexpr std::string_view stripped(std::string_view words) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!words.empty() && is_blank(words.front())) words.remove_prefix(1);
  while (!words.empty() && is_blank(words.back())) words.remove_suffix(1);
  return words;
}

constexpr std::string_view unquoted(std::string_view words) {
  const bool is_quoted =
      words.size() >= 2 && words.front() == words.back() && (words.front() == '"' || words.front() == '\'');
  return is_quoted ? text::part(words, 1, words.size() - 2) : words;
}

// What its last line for this variable says, without the quotation marks around it; nullptr where none does.
constexpr std::string_view value(std::string_view text, std::string_view variable) {
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
