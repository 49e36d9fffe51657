// JSON, put together member by member.
#pragma once

#include <cstdint>
#include <string>

#include "tools/display.h"

namespace tools {

// The members of one object, each with a comma before it but the first.
class JsonObject {
 public:
  JsonObject& text(const char* name, const std::string& value) { return member(name, json_quoted(value)); }
  JsonObject& text_if(const char* name, const std::string& value) { return value.empty() ? *this : text(name, value); }
  JsonObject& number(const char* name, std::uint64_t value) { return member(name, std::to_string(value)); }
  JsonObject& truth(const char* name, bool value) { return member(name, value ? "true" : "false"); }
  JsonObject& member(const char* name, const std::string& value) {
    text_ += (text_.empty() ? "{" : ",") + json_quoted(name) + ":" + value;
    return *this;
  }
  std::string ended() const { return (text_.empty() ? "{" : text_) + "}"; }

 private:
  std::string text_;
};

template <class List, class Write>
std::string json_array(const List& list, Write write) {
  std::string text;
  for (const auto& item : list) text += (text.empty() ? "" : ",\n ") + write(item);
  return "[" + text + "]";
}

}  // namespace tools
