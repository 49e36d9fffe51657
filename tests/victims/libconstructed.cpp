// A library that takes its time at its start: it says that it is there, by a byte to the descriptor in CONSTRUCTED, and
// goes on when somebody opens the FIFO that CONSTRUCTOR names.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

[[gnu::constructor]] static void wait_for_leave() {
  const char* said = std::getenv("CONSTRUCTED");
  const char* fifo = std::getenv("CONSTRUCTOR");
  if (said == nullptr || fifo == nullptr || write(std::atoi(said), "x", 1) != 1) std::abort();
  close(open(fifo, O_RDONLY | O_CLOEXEC));
}
