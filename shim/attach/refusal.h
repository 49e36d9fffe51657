// Why nothing is done, as an exception: a line for the user, with the reason and what to do instead.
#pragma once

#include <stdexcept>

namespace attach {

// Nothing has been done that is to stay: what was made on the way is given back.
struct NotDone : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// For good: another try would end in the same way.
struct Refusal : NotDone {
  using NotDone::NotDone;
};

// Nothing has to be done: it has seen to SIGPIPE itself.
struct Unneeded : Refusal {
  using Refusal::Refusal;
};

// At this moment, in this thread: it goes on as it was, and another one, or it later, may do.
struct NotNow : NotDone {
  using NotDone::NotDone;
};

// What has become of the target is not known: it has ended meanwhile, or does not answer.
struct Lost : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace attach
