#include "late/attach.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "late/forks.h"
#include "late/got.h"
#include "late/sigpipe.h"
#include "late/state.h"
#include "log/destination.h"
#include "log/event.h"
#include "log/log.h"
#include "log/memory.h"
#include "program/policy.h"
#include "system/options.h"

namespace late {
namespace {

struct Answer {
  char* room;
  unsigned long size;

  int give(int result, std::string_view words) const {
    if (size == 0) return result;
    const auto length = std::min<unsigned long>(words.size(), size - 1);
    memcpy(room, words.data(), length);
    room[length] = '\0';
    return result;
  }
};

constinit text::Line* mistakes = nullptr;

// The first of them, without what would follow from it at a start.
void note_mistake(text::Line& line) {
  if (mistakes->length() != 0) return;
  constexpr std::string_view kBegin = "nosigpipe: ";
  *mistakes << text::part(line.words(), kBegin.size(), line.words().rfind("; ") - kBegin.size());
}

int take_options(const char* lines, const Answer& answer) {
  text::Sized<1024> line;
  mistakes = &line;
  if (!options::set(lines)) return answer.give(EINVAL, "the options are too long");
  options::each_mistake(note_mistake);
  if (line.length() != 0) return answer.give(EINVAL, line.words());
  if (options::get().mode != Mode::off) return 0;
  return answer.give(EINVAL, "nothing is to be done, by --mode=off or /etc/nosigpipe.conf");
}

// Who traces us now is who attaches us: with a debugger there it could not. One that comes later is found when a
// SIGPIPE is met.
void decide_policy() {
  policy::in_use.store(policy::undecided);
  policy::decide();
  policy::take_back(policy::is_traced);
}

// Whoever still reaches our hooks makes the call and no more.
void turn_off() {
  options::turn_off();
  decide_policy();
}

// Threads that are writing a line are given a moment for it. Then the memory is as it was mapped, but for whose it is:
// it is not given back, since a thread may have come upon it just before.
void end_log() {
  if (!logging::wanted()) return;
  event::log_totals();
  logging::is_wanted.store(false);
  if (memory != nullptr) {
    const auto is_taken = [](const Scratch& scratch) { return scratch.taken.load() != 0; };
    for (int ms = 0; ms < 20 && std::ranges::any_of(memory->scratch, is_taken); ++ms) kernel::sleep(1'000'000);
    const int owner = memory->owner.load();
    const bool is_as_opened = memory->is_as_opened;
    kernel::call(SYS_madvise, &*memory, sizeof *memory, MADV_DONTNEED);
    memory->is_as_opened = is_as_opened;
    memory->owner.store(owner);
  }
  destination::close();
}

text::Line& operator<<(text::Line& line, got::Count count) {
  return line << count.functions << (count.functions == 1 ? " function in " : " functions in ") << count.modules
              << (count.modules == 1 ? " module" : " modules")
              << (policy::has_handler_of_ours() ? " and the handler" : "");
}

// Hooks first: what the program then sets itself goes through them.
int arm(const char* lines, const Answer& answer) {
  if (const int error = state::armed_by_another(); error != 0)
    return answer.give(error, error == EEXIST ? "already preloaded" : "already armed, by a copy of the library");
  if (const int error = take_options(lines, answer); error != 0) return error;
  if (sigpipe::is_ignored()) return answer.give(ECANCELED, "it ignores SIGPIPE, so that nothing is to be done");
  decide_policy();
  if (!policy::is_decided()) return answer.give(EMFILE, "it has no descriptor free");
  if (!state::has_place_in_threads()) return answer.give(ENOMEM, "its libc has no room left for variables of threads");
  policy::learn(policy::may_block_sigpipe);  // some thread may do so already
  const bool has_handler = sigpipe::has_handler();
  if (has_handler) policy::learn(policy::has_handler);
  event::begin();
  const auto turned = got::turn();
  if (!sigpipe::put_ours()) {
    got::turn_back();
    end_log();
    return answer.give(EPERM, "it may not change its handlers: a filter refuses rt_sigaction");
  }
  policy::learn(policy::armed);
  text::Sized<256> line;
  line << turned << "; what is loaded later is " << (policy::has_handler_of_ours() ? "left to it" : "not kept safe");
  if (has_handler && options::get().handlers == Handlers::deliver) line << "; its own handler is called as before";
  return answer.give(0, line.words());
}

int take_back(const Answer& answer) {
  text::Sized<256> line;
  line << "taken back: " << got::turn_back();
  end_log();
  turn_off();
  sigpipe::take_ours_back();
  return answer.give(0, line.words());
}

int not_while_forking(const Answer& answer) {
  return answer.give(EBUSY, "another of its threads is in fork(2): try again");
}

// At work is another thread, or one of the parent's.
int in_other_hands(const Answer& answer) {
  return answer.give(EBUSY, "another is at it, or it was forked, past libc, while its parent was being armed");
}

}  // namespace
}  // namespace late

#define ENTRY extern "C" [[gnu::visibility("default")]]

ENTRY int nosigpipe_attach(const char* options, char* answer, unsigned long size) {
  using namespace late;
  const Answer to{answer, size};
  const int error = errno;
  forks::be_told();
  errno = error;
  const forks::HeldBack held_back;
  if (!held_back.all()) return not_while_forking(to);
  auto before = state::kLoaded;
  if (!state::leave(before) && (before != state::kTakenBack || !state::leave(before)))
    return before == state::kBusy ? in_other_hands(to) : to.give(EALREADY, "already armed");
  const int result = arm(options, to);
  if (result == 0) {
    state::enter(state::kArmed);
  } else {
    turn_off();
    state::go_back_to(before);
  }
  errno = error;
  return result;
}

ENTRY int nosigpipe_detach(char* answer, unsigned long size) {
  using namespace late;
  const Answer to{answer, size};
  const int error = errno;
  const forks::HeldBack held_back;
  if (!held_back.all()) return not_while_forking(to);
  auto before = state::kArmed;
  if (!state::leave(before)) return before == state::kBusy ? in_other_hands(to) : to.give(ENOENT, "it is not armed");
  const int result = take_back(to);
  state::enter(state::kTakenBack);
  errno = error;
  return result;
}

// The process ends.
[[gnu::destructor]] static void end() {
  if (logging::wanted()) event::log_totals();
}
