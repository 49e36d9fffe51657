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

// Its first entry, which is taken off; empty where there is none.
std::string_view take_entry(std::string_view& list) {
  while (!list.empty() && (list.front() == ':' || list.front() == ' ')) list.remove_prefix(1);
  const auto end = list.find_first_of(": ");
  const auto entry = text::part(list, 0, end);
  list = text::part(list, entry.size());
  return entry;
}

bool names(std::string_view list, std::string_view name) {
  while (!list.empty())
    if (file_name(take_entry(list)) == name) return true;
  return false;
}

// What is left of the list, moved to its beginning; whether that is anything. Where we are not in it, nothing is
// written: it may be a constant.
bool strip_from(char* list, std::string_view name) {
  std::string_view rest(list);
  if (!names(rest, name)) return true;
  char* to = list;
  while (!rest.empty()) {
    const auto entry = take_entry(rest);
    if (entry.empty() || file_name(entry) == name) continue;
    if (to != list) *to++ = ':';
    for (const char c : entry) *to++ = c;
  }
  *to = '\0';
  return to != list;
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
