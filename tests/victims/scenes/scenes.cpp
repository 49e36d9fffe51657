// One scene of a program's life, by name: what happens around writes to sockets whose peer has gone. Knows nothing of
// the shim. Prints what the program itself can observe and ends with status 0, unless SIGPIPE ends it.
//
// usage: scenes NAME, a SCENE(NAME) of this folder
#include "scenes.h"

#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#if __SIZEOF_LONG__ == 4
// What sendmsg and sendmmsg are called where a program is compiled with -D_TIME_BITS=64; since glibc 2.34.
extern "C" [[gnu::weak]] decltype(sendmsg) __sendmsg64;
extern "C" [[gnu::weak]] decltype(sendmmsg) __sendmmsg64;
#endif

namespace {

std::map<std::string, void (*)()>& scenes() {
  static std::map<std::string, void (*)()> list;
  return list;
}

template <auto& kSend = sendmsg>
ssize_t send_message(int fd) {
  msghdr message{};
  message.msg_iov = &one_byte;
  message.msg_iovlen = 1;
  return kSend(fd, &message, 0);
}

template <auto& kSend = sendmmsg>
ssize_t send_messages(int fd) {
  mmsghdr message{};
  message.msg_hdr.msg_iov = &one_byte;
  message.msg_hdr.msg_iovlen = 1;
  return kSend(fd, &message, 1, 0);
}

// Some scenes make calls without number, so the files that they take from do not stay open.
ssize_t send_file(int fd) {
  static const int source = file();
  off_t offset = 0;
  return sendfile(fd, source, &offset, 1);
}

ssize_t splice_byte(int fd) {
  const int source = full_pipe_of_one();
  const ssize_t result = splice(source, nullptr, fd, nullptr, 1, 0);
  const int error = errno;
  close(source);
  errno = error;
  return result;
}

}  // namespace

Scene::Scene(const char* name, void (*play)()) {
  if (scenes().emplace(name, play).second) return;
  std::fprintf(stderr, "scenes: there are two scenes called %s\n", name);
  std::_Exit(2);
}

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> list = {
    {"write", [](int fd) { return write(fd, byte, 1); }},
    {"send", [](int fd) { return send(fd, byte, 1, 0); }},
    {"sendto", [](int fd) { return sendto(fd, byte, 1, 0, nullptr, 0); }},
    {"sendmsg", send_message<>},
    {"sendmmsg", send_messages<>},
#if __SIZEOF_LONG__ == 4
    {"__sendmsg64", __sendmsg64 != nullptr ? send_message<__sendmsg64> : send_message<>},
    {"__sendmmsg64", __sendmmsg64 != nullptr ? send_messages<__sendmmsg64> : send_messages<>},
#endif
    {"writev", [](int fd) { return writev(fd, &one_byte, 1); }},
    {"sendfile", send_file},
    {"splice", splice_byte},
  };
  return list;
}

const Verb& verb_named(std::string_view name) {
  for (const auto& verb : verbs())
    if (verb.name == name) return verb;
  abort();
}

void every_verb(const char* where) {
  for (const auto& verb : verbs()) {
    const int fd = dead_socket();
    const ssize_t result = verb.call(fd);
    if (result != -1 || errno != EPIPE) printf("%s %s: %zd %s\n", where, verb.name, result, strerror(errno));
    close(fd);
  }
  printf("%s: every verb said EPIPE\n", where);
}

void every_verb_says_epipe() {
  for (const auto& verb : verbs()) {
    const int fd = dead_socket();
    const ssize_t result = verb.call(fd);
    if (result != -1 || errno != EPIPE) {
      fprintf(stderr, "%s on fd %d: %zd %s\n", verb.name, fd, result, strerror(errno));
      abort();
    }
    close(fd);
  }
}

int file() {
  const int fd = must(memfd_create("file", 0), "memfd_create");
  must(ftruncate(fd, 4096), "ftruncate");
  return fd;
}

int full_pipe_of_one() {
  int ends[2];
  must(pipe(ends), "pipe");
  must(write(ends[1], byte, 1), "write");
  close(ends[1]);
  return ends[0];
}

int queue_of_one() {
  const std::string name = "/nosigpipe." + std::to_string(syscall(SYS_gettid));
  mq_attr one{};
  one.mq_maxmsg = one.mq_msgsize = 1;
  const mqd_t queue = must(mq_open(name.c_str(), O_CREAT | O_RDWR, 0600, &one), "mq_open");
  mq_unlink(name.c_str());
  return queue;
}

int dead_pipe() {
  int ends[2];
  if (pipe(ends) != 0) abort();
  close(ends[0]);
  return ends[1];
}

int filled(int fd) {
  char buffer[4096] = {};
  while (send(fd, buffer, sizeof buffer, MSG_DONTWAIT) > 0) {
  }
  while (send(fd, buffer, 1, MSG_DONTWAIT) > 0) {
  }
  return fd;
}

int full_socket(int* peer) {
  const Pair pair = unix_pair();
  *peer = pair.theirs;
  return filled(pair.ours);
}

bool blocked() {
  sigset_t set;
  pthread_sigmask(SIG_BLOCK, nullptr, &set);
  return sigismember(&set, SIGPIPE) == 1;
}

bool pending() {
  sigset_t set;
  sigpending(&set);
  return sigismember(&set, SIGPIPE) == 1;
}

sigset_t only_sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  return set;
}

void block_sigpipe(int how) {
  const sigset_t set = only_sigpipe();
  pthread_sigmask(how, &set, nullptr);
}

void alarm_every(int microseconds) {
  const itimerval timer{{0, microseconds}, {0, microseconds}};
  setitimer(ITIMER_REAL, &timer, nullptr);
}

void alarm_in(int microseconds) {
  const itimerval timer{{0, 0}, {0, microseconds}};
  setitimer(ITIMER_REAL, &timer, nullptr);
}

char state_of(pid_t process, pid_t thread) {
  const std::string path = "/proc/" + std::to_string(process) + "/task/" + std::to_string(thread) + "/stat";
  FILE* stat = fopen(path.c_str(), "r");
  if (stat == nullptr) return 0;
  char state = 0;
  const bool is_known = fscanf(stat, "%*d (%*[^)]) %c", &state) == 1;
  fclose(stat);
  return is_known ? state : '\0';
}

void wait_asleep(pid_t process, pid_t thread) {
  for (char state = 'R'; state != 'S' && state != 0; state = state_of(process, thread)) sched_yield();
}

bool is_in(const char* set, int signal, const std::string& process) {
  FILE* status = fopen(("/proc/" + process + "/status").c_str(), "r");
  if (status == nullptr) return false;
  char line[256];
  unsigned long long signals = 0;
  while (fgets(line, sizeof line, status) != nullptr)
    if (strncmp(line, set, strlen(set)) == 0) signals = strtoull(line + strlen(set) + 1, nullptr, 16);
  fclose(status);
  return (signals >> (signal - 1) & 1) != 0;
}

std::atomic<pid_t>& to_be_killed_asleep(int signal) {
  void* const shared = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto& victim = *static_cast<std::atomic<pid_t>*>(shared);
  if (fork() == 0) {
    while (victim == 0) sched_yield();
    wait_asleep(victim, victim);
    kill(victim, signal);
    _exit(0);
  }
  return victim;
}

int main(int argc, char* argv[]) {
  const auto scene = argc == 2 ? scenes().find(argv[1]) : scenes().end();
  if (scene == scenes().end()) return 2;
  setvbuf(stdout, nullptr, _IOLBF, 0);
  scene->second();
  return 0;
}
