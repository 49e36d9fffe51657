// What is said of the modes in which nothing is averted, where no library is there to say it.
#pragma once

namespace attach {

constexpr const char* kOff = "nothing is to be done, by --mode=off or /etc/nosigpipe.conf";  // as the library says it
constexpr const char* kObserve = "it is linked statically, where nothing can be observed";

}  // namespace attach
