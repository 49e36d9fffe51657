// Steps that hold others: in a child, a thread, another program.
#pragma once

#include <spawn.h>

#include <functional>
#include <string>
#include <vector>

#include "victims/steps/signals.h"

namespace steps {

struct Block {
  std::function<void()> run;
  std::vector<std::string> words;  // the same, for another program
};

// In a child of vfork, a handler and in a filter: no block is begun.
inline bool is_simple = false;
inline bool in_memory_of_another = false;

inline void note_end(pid_t child) {
  int status = 0;
  pid_t ended;
  while ((ended = waitpid(child, &status, 0)) == -1 && errno == EINTR) {
  }
  note("%*s end %d%s", depth * 2, "", WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status),
       ended == child ? "" : " ?");
}

[[noreturn]] inline void end_child() { _exit(0); }

inline void begin_child() {
  ++depth;
  pending = Pending::none;
}

template <class Deed>
void in_child(Deed deed, bool by_number = false) {
  end_line();
  const pid_t child = by_number ? static_cast<pid_t>(raw(SYS_clone, SIGCHLD, 0, 0, 0, 0)) : fork();
  if (child == 0) {
    begin_child();
    deed();
    end_child();
  }
  note_end(child);
}

inline void in_fork(int how, const Block& block) {
  if (!is_simple) in_child(block.run, how == 1);
}

// What it changes in memory is its parent's: what is the process's own is put back.
inline void in_vfork(int, const Block& block) {
  if (is_simple) return;
  has_vforked = true;
  end_line();
  const auto pending_before = pending;
  const bool by_number = set_by_number;
  int peers_before[kFds];
  memcpy(peers_before, peers, sizeof peers);
  is_simple = in_memory_of_another = true;
  const pid_t child = vfork();
  if (child == 0) {
    begin_child();
    block.run();
    _exit(0);
  }
  --depth;
  is_simple = in_memory_of_another = false;
  pending = pending_before;
  set_by_number = by_number;
  memcpy(peers, peers_before, sizeof peers);
  line_length = 0;
  note_end(child);
}

// Whoever waits for a thread takes no signal from its birth on.
struct Thread {
  const Block* block;
  Signals mask;
};
inline void* runs(void* argument) {
  const auto& thread = *static_cast<const Thread*>(argument);
  change_mask(SIG_SETMASK, thread.mask);
  thread.block->run();
  return nullptr;
}

template <class Argument>
bool run_to_its_end(void* (*run)(void*), Argument& argument, bool is_cancelled = false) {
  pthread_t thread;
  argument.mask = change_mask(SIG_BLOCK, kSigpipe);
  const bool is_made = pthread_create(&thread, nullptr, run, &argument) == 0;
  if (is_made && is_cancelled) pthread_cancel(thread);
  if (is_made) pthread_join(thread, nullptr);
  change_mask(SIG_SETMASK, argument.mask);
  return is_made;
}

inline void in_thread(int how, const Block& block) {
  if (is_simple) return;
  end_line();
  Thread thread{&block, 0};
  const Block blocked{[&] {
                        change_mask(SIG_BLOCK, kSigpipe);
                        block.run();
                      },
                      {}};
  if (how == 1 && blocked_once) thread.block = &blocked;
  const bool outer = is_pending_elsewhere;
  is_pending_elsewhere |= pending != Pending::none;
  run_to_its_end(runs, thread);
  is_pending_elsewhere = outer;
}

// Who is executed, and knows all steps by their names.
inline const char* interpreter = "/proc/self/exe";

// Where the user in force is not the real one, what is executed is told of no library to preload.
inline void in_exec(int how, const Block& block) {
  if (is_simple || raw(SYS_geteuid) != raw(SYS_getuid)) return;
  end_line();
  std::vector<std::string> words{"steps", std::to_string(static_cast<int>(contract)), std::to_string(depth + 1)};
  words.insert(words.end(), block.words.begin(), block.words.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = -1;
  if (how < 2) {
    child = how == 0 ? fork() : vfork();
    if (child == 0) {
      execv(interpreter, argv.data());
      _exit(99);
    }
  } else {
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    const sigset_t only = set_of({SIGPIPE});
    posix_spawnattr_setsigmask(&attributes, &only);
    posix_spawnattr_setsigdefault(&attributes, &only);
    if (how == 3) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    if (how == 4) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    if (posix_spawn(&child, interpreter, nullptr, &attributes, argv.data(), environ) != 0) return;
  }
  note_end(child);
}

}  // namespace steps
