#include "event.h"

#include <sys/prctl.h>
#include <sys/socket.h>

#include "disposition.h"
#include "kernel.h"
#include "log.h"
#include "mask.h"
#include "place.h"
#include "technique.h"
#include "text.h"

namespace event {
namespace {

const char* family_name(int fd) {
  int family = -1;
  socklen_t length = sizeof family;
  if (kernel::call(SYS_getsockopt, fd, SOL_SOCKET, SO_DOMAIN, &family, &length) < 0) return "none";
  switch (family) {
    case AF_INET:
      return "tcp";
    case AF_INET6:
      return "tcp6";
    case AF_UNIX:
      return "unix";
    default:
      return "other";
  }
}

void add_place(text::Line& line, const void* address) {
  Place place;
  find_place(address, place);
  if (place.path[0] != '\0') line.quoted(place.path) << "+";
  line.hex(place.offset);
  if (place.symbol != nullptr) (line << " in=").quoted(place.symbol);
}

// Apart from the question whether it is wanted: the line takes stack, and an alternate one may be small.
[[gnu::noinline]] void write_line(const Event& event) {
  char name[16] = {};
  kernel::call(SYS_prctl, PR_GET_NAME, name);
  const bool would_kill = disposition::kills() && (event.caught || !mask::blocks_sigpipe());

  text::Line line;
  line << "nosigpipe: ";
  logging::add_time(line);
  line << " pid=" << kernel::pid() << " tid=" << kernel::tid() << " thread=";
  line.quoted(name) << " would_kill=" << (would_kill ? "yes" : "no") << " call=" << event.call << " fd=" << event.fd
                    << " socket=" << family_name(event.fd) << " bytes=";
  if (event.asked == kNotKnown)
    line << "?";
  else
    line << event.asked;
  line << " technique=" << event.technique << " at=";
  add_place(line, event.caller);
  logging::write(line);
}

}  // namespace

void tell(const Event& event) {
  if (logging::wanted() && !technique::uses(technique::confined)) write_line(event);
}

}  // namespace event
