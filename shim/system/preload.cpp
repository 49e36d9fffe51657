#include "system/preload.h"

#include <link.h>
#include <unistd.h>

#include <string_view>

#include "system/text.h"

// Where this object begins, which the linker knows.
extern "C" [[gnu::visibility("hidden")]] const char __ehdr_start[];

namespace preload {
namespace {

constexpr std::string_view kVariable = "LD_PRELOAD=";

std::string_view file_name(std::string_view path) { return text::part(path, path.rfind('/') + 1); }

int visit(dl_phdr_info* object, std::size_t, void* name) {
  if (object->dlpi_addr != reinterpret_cast<std::uintptr_t>(__ehdr_start)) return 0;
  *static_cast<std::string_view*>(name) = file_name(object->dlpi_name);
  return 1;
}

// What is left of the list, moved to its beginning; whether that is anything.
bool strip_from(char* list, std::string_view name) {
  char* to = list;
  bool has_any = false;
  for (const char* entry = list; *entry != '\0';) {
    const std::string_view rest(entry);
    const auto length = rest.find_first_of(": ") < rest.size() ? rest.find_first_of(": ") : rest.size();
    const auto word = text::part(rest, 0, length);
    entry += length < rest.size() ? length + 1 : length;
    if (file_name(word) == name) continue;
    if (has_any) *to++ = ':';
    for (const char c : word) *to++ = c;
    has_any = true;
  }
  *to = '\0';
  return has_any;
}

}  // namespace

void strip() {
  std::string_view name;
  dl_iterate_phdr(visit, &name);
  char** to = environ;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable)
    if (name.empty() || !text::begins(*variable, kVariable) || strip_from(*variable + kVariable.size(), name))
      *to++ = *variable;
  if (to != nullptr) *to = nullptr;
}

}  // namespace preload
