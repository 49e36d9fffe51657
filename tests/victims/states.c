// A process in the states that its arguments name, which says "ready" and waits to be killed, or for a SIGUSR1 or
// SIGUSR2. In C, so that a test can compile it in the ways that programs are: static, 32-bit, for musl.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void nothing(int signal) { (void)signal; }

// Told to, it writes to a socket whose peer is gone.
static void write_to_dead_socket(int signal) {
  int pair[2];
  (void)signal;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || close(pair[1]) != 0) abort();
  if (write(pair[0], "x", 1) != -1) abort();
  if (write(1, "alive\n", 6) != 6) abort();
}

// As a program does that compiles as it runs, and more than there is room for above what others have mapped. The kernel
static void map_code(int signal) {
  (void)signal;
  for (int i = 0; i < 1024; ++i) {
    char* page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    if (page == MAP_FAILED) abort();
    memset(page, 0xc3, 4096);
    if (mprotect(page, 4096, PROT_READ | PROT_EXEC) != 0) abort();
  }
  if (write(1, "alive\n", 6) != 6) abort();
}

// The default, with a mask and flags that count for nothing beside it.
static struct sigaction odd_default(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_flags = SA_NODEFER | SA_NOCLDSTOP;
  sigaddset(&action.sa_mask, SIGWINCH);
  return action;
}

static void look_at_odd_default(int signal) {
  const struct sigaction was = odd_default();
  struct sigaction is;
  (void)signal;
  if (sigaction(SIGPIPE, NULL, &is) != 0 || is.sa_handler != SIG_DFL) abort();
  // libc adds a flag of its own.
  if ((is.sa_flags & was.sa_flags) != was.sa_flags || !sigismember(&is.sa_mask, SIGWINCH)) abort();
  if (write(1, "alive\n", 6) != 6) abort();
}

static void set_odd_default(void) {
  const struct sigaction action = odd_default();
  if (sigaction(SIGPIPE, &action, NULL) != 0) abort();
  signal(SIGUSR2, look_at_odd_default);
}

static void block(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static pthread_barrier_t begun;

static void* blocking(void* argument) {
  block();
  pthread_barrier_wait(&begun);
  for (;;) pause();
  return argument;
}

static void* waiting(void* argument) {
  for (;;) pause();
  return argument;
}

static void sockets(int family, int type, int number) {
  for (int i = 0; i < number; ++i)
    if (family == AF_UNIX) {
      int pair[2];
      if (socketpair(family, type, 0, pair) != 0) abort();
    } else {
      const int fd = socket(family, type, 0);
      if (fd < 0 || (type == SOCK_STREAM && listen(fd, 1) != 0)) abort();
    }
}

// A page each, which the kernel does not put together with its neighbours; of this file where it is one.
static void mappings(int file, int number) {
  for (int i = 0; i < number; ++i) {
    const int rights = i % 2 == 0 ? PROT_READ : PROT_READ | PROT_WRITE;
    const int kind = file < 0 ? MAP_ANONYMOUS | MAP_PRIVATE : MAP_PRIVATE;
    if (mmap(NULL, 4096, rights, kind, file, 0) == MAP_FAILED) abort();
  }
}

// As many descriptors as may be.
static void without_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) abort();
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) abort();
}

int main(int count, char** words) {
  for (int i = 1; i < count; ++i) {
    const char* word = words[i];
    if (strcmp(word, "ignore") == 0) signal(SIGPIPE, SIG_IGN);
    if (strcmp(word, "handle") == 0) signal(SIGPIPE, nothing);
    if (strcmp(word, "default") == 0) signal(SIGPIPE, SIG_DFL);
    if (strcmp(word, "block") == 0) block();
    if (strcmp(word, "thread-blocks") == 0) {
      pthread_t thread;
      pthread_barrier_init(&begun, NULL, 2);
      pthread_create(&thread, NULL, blocking, NULL);
      pthread_barrier_wait(&begun);
    }
    if (strcmp(word, "thread-alone") == 0) {
      pthread_t thread;
      puts("ready");
      fflush(stdout);
      pthread_create(&thread, NULL, waiting, NULL);
      pthread_exit(NULL);
    }
    if (strcmp(word, "told") == 0) signal(SIGUSR1, write_to_dead_socket);
    if (strcmp(word, "compiles") == 0) signal(SIGUSR2, map_code);
    if (strcmp(word, "odd-default") == 0) set_odd_default();
    if (strcmp(word, "socketpair") == 0) sockets(AF_UNIX, SOCK_STREAM, 1);
    if (strcmp(word, "datagrams") == 0) sockets(AF_UNIX, SOCK_DGRAM, 1);
    if (strcmp(word, "seqpackets") == 0) sockets(AF_UNIX, SOCK_SEQPACKET, 1);
    if (strcmp(word, "udp") == 0) sockets(AF_INET, SOCK_DGRAM, 1);
    if (strcmp(word, "tcp") == 0) sockets(AF_INET, SOCK_STREAM, 1);
    if (strcmp(word, "tcp6") == 0) sockets(AF_INET6, SOCK_STREAM, 1);
    if (strcmp(word, "hundred") == 0) sockets(AF_UNIX, SOCK_STREAM, 50);
    if (strcmp(word, "2000-tcp") == 0) without_limit(), sockets(AF_INET, SOCK_STREAM, 2000);
    if (strcmp(word, "3000-mappings") == 0) mappings(-1, 3000);
    if (strcmp(word, "thousand-mappings-of-9") == 0) mappings(9, 1000);
    if (strcmp(word, "odd-name") == 0) prctl(PR_SET_NAME, "a\033[31m\nb");
    if (strcmp(word, "zombie") == 0 && fork() == 0) return 0;
    if (strcmp(word, "write") == 0 && write(1, "x", 1) != 1) return 1;  // what the shim's hooks do is decided here
  }
  puts("ready");
  fflush(stdout);
  for (;;) pause();
}
