// A socket address as people write it: 127.0.0.1:80, [::1]:80, a path, @abstract.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "system/text.h"

struct Address {
  union {
    sockaddr any;
    sockaddr_in inet;
    sockaddr_in6 inet6;
    sockaddr_un local;
  };
  socklen_t length;  // as the kernel said; 0: not known
};

namespace address {

// Nothing is put for one without a name, or of another family. A name is put as it is, whatever bytes it has.
void add(text::Line& line, const Address& address);

}  // namespace address
