#include "tools/fd.h"

#include <fcntl.h>
#include <unistd.h>

namespace tools {

Fd::~Fd() {
  if (number_ >= 0) close(number_);
}

Fd open_to_read(const std::string& name, int flags) {
  if (name == "-") return Fd(fcntl(0, F_DUPFD_CLOEXEC, 3));
  return Fd(open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | flags));
}

}  // namespace tools
