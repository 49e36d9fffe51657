// What the textbook advises against SIGPIPE, as a library: the control of tests/suites, since programs can tell.
#include <csignal>

namespace {

[[gnu::constructor]] void ignore() { std::signal(SIGPIPE, SIG_IGN); }

}  // namespace
