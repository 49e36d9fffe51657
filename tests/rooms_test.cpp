// The rooms of shim/: each includes only what is below it, so that the folders are the architecture.
#include <map>
#include <set>

#include "support/source_tree.h"

namespace {

using Names = std::set<std::string>;

// What a room may include besides itself. The lists (*.def) stand in no room: everybody may include them.
const std::map<std::string, Names> kBelow = {
    {"", {"guard", "log", "program", "unwind", "system", "system/arch"}},
    {"late", {"guard", "log", "program", "unwind", "system", "system/arch"}},
    {"guard", {"log", "program", "unwind", "system", "system/arch"}},
    {"log", {"program", "unwind", "system", "system/arch"}},
    {"program", {"system", "system/arch"}},
    {"unwind", {"system", "system/arch"}},
    {"system", {"system/arch"}},
    {"system/arch", {}},
    {"tools", {}},
    {"report", {"tools", "system", "system/arch"}},
    {"doctor", {"attach/blob", "tools", "program", "system"}},
    {"attach", {"attach/blob", "doctor", "tools", "system", "system/arch"}},
    {"attach/blob", {"guard", "log", "program", "system", "system/arch"}},
};

std::string room_of(const std::string& file) {
  const auto slash = file.rfind('/');
  return slash == std::string::npos ? "" : file.substr(0, slash);
}

// Why this file may not stand as it is, a line each. Nothing where it may.
std::string wrong_includes(const std::string& file, const std::string& text) {
  const auto room = room_of(file);
  if (kBelow.count(room) == 0) return file + " stands in no room of this list\n";
  std::string wrong;
  for (const auto& included : matches(text, "(?:^|\n)#include \"([^\"]*)\"")) {
    if (included.ends_with(".def") || room_of(included) == room) continue;
    if (kBelow.at(room).count(room_of(included)) == 0) wrong += file + " includes " + included + "\n";
  }
  return wrong;
}

}  // namespace

TEST_CASE("a room of the shim includes only rooms below it") {
  CHECK(wrong_includes("log/log.cpp", "\n#include \"system/text.h\"\n#include \"options.def\"\n").empty());
  CHECK(wrong_includes("log/log.cpp", "#include \"guard/call.h\"\n") == "log/log.cpp includes guard/call.h\n");
  CHECK(!wrong_includes("unwind/maps.cpp", "#include \"program/fd.h\"\n").empty());
  CHECK(!wrong_includes("report/main.cpp", "#include \"log/log.h\"\n").empty());
  CHECK(!wrong_includes("system/arch/x86_64.h", "#include \"system/kernel.h\"\n").empty());
  CHECK(!wrong_includes("attic/old.h", "").empty());

  Names rooms;
  std::string wrong;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(source("shim"))) {
    if (entry.path().extension() != ".cpp" && entry.path().extension() != ".h") continue;
    const std::string file = std::filesystem::relative(entry.path(), source("shim"));
    rooms.insert(room_of(file));
    wrong += wrong_includes(file, contents(entry.path()));
  }
  CHECK(wrong == "");
  for (const auto& [room, below] : kBelow) {
    INFO(room);
    CHECK(rooms.count(room) == 1);
  }
}
