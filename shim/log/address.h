// A socket address as people write it: 127.0.0.1:80, [::1]:80, a path, @abstract.
#pragma once

#include <sys/socket.h>

#include "system/text.h"

namespace address {

// `length` is what the kernel said, in bytes. Nothing is put for one without a name, or of another family. A name is
// put as it is, whatever bytes it has.
void add(text::Line& line, const sockaddr_storage& address, socklen_t length);

}  // namespace address
