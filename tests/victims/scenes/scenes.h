// What the scenes share: how one is registered, the calls that write, and where SIGPIPE stands in this thread.
#pragma once

#include <signal.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "victims/sockets.h"

struct Scene {
  Scene(const char* name, void (*play)());  // ends the program if there is one of this name
};

// SCENE(name) { what happens } is all that a scene takes, in whichever file of this folder. Outside of an anonymous
// namespace, so that two of one name do not link.
#define SCENE(name)                                     \
  void scene_##name();                                  \
  static const Scene entry_##name(#name, scene_##name); \
  void scene_##name()

inline char byte[1] = {'x'};
inline iovec one_byte{byte, 1};

struct Verb {
  const char* name;
  std::function<ssize_t(int)> call;  // writes one byte
};
const std::vector<Verb>& verbs();
const Verb& verb_named(std::string_view name);

// Calls every verb on a dead socket and tells which did not say EPIPE.
void every_verb(const char* where);

// The same where nothing may be printed: aborts.
void every_verb_says_epipe();

int file();
int full_pipe_of_one();
int queue_of_one();  // for one message of a byte, by mq_open
int dead_pipe();
int filled(int fd);  // until there is no room for a byte
int full_socket(int* peer);

bool blocked();
bool pending();
sigset_t only_sigpipe();
void block_sigpipe(int how);  // as of sigprocmask: SIG_BLOCK or SIG_UNBLOCK

// Interrupts this process by SIGALRM every so many microseconds; 0: no more.
void alarm_every(int microseconds);
void alarm_in(int microseconds);  // once

// The state that /proc gives: 'S' asleep, 'T' stopped; 0 where the thread has ended.
char state_of(pid_t process, pid_t thread);
void wait_asleep(pid_t process, pid_t thread);

// Whether the signal is in "SigPnd", "ShdPnd" or another set of /proc/PROCESS/status.
bool is_in(const char* set, int signal, const std::string& process);

// Starts a child that kills by this signal whoever puts his pid here, as soon as he sleeps.
std::atomic<pid_t>& to_be_killed_asleep(int signal);
