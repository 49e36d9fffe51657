// The handler of static programs as it is written into a process: see blob/layout.h.
#pragma once

#include <optional>
#include <string_view>

#include "attach/blob/layout.h"
#include "attach/machine.h"
#include "attach/target.h"

namespace attach {

// Of this machine, empty where it was not built, and its header.
std::string_view handler_image(Machine machine);
blob::Header header_in(std::string_view image);

// Where in this process it is, put in before, of this version or another.
struct HandlerInPlace {
  std::uint64_t at;
  blob::Header header;
};
std::optional<HandlerInPlace> find_handler(const Target& target);

}  // namespace attach
