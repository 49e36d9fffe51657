// A victim in plain C, for the ABIs and the libc that have no C++ runtime here, and for what has to be set-user-ID.
//
// usage: small_victim write|writev|stdio|view|serve|cancel|secure
//
// All but the last two write to a socket whose peer is gone. Exit status: 0 the call came back with EPIPE and all else
// is as it was, 1 not.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static char text[65536] = "lost";

static int dead_socket(void) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) abort();
  close(ends[1]);
  return ends[0];
}

static int writes(void) { return write(dead_socket(), text, 4) == -1 && errno == EPIPE; }

static int writes_vector(int fd) {
  const struct iovec parts[] = {{text, 4}, {text, sizeof text}};
  return writev(fd, parts, 2) == -1 && errno == EPIPE;
}

static int prints(void) {
  FILE* stream = fdopen(dead_socket(), "w");
  return stream != NULL && fprintf(stream, "%s\n", text) == 5 && fflush(stream) == EOF && errno == EPIPE;
}

// Once for each byte of its standard input: as long as somebody has that open, it runs.
static int serves(void) {
  while (getchar() != EOF)
    if (!writes() || !writes_vector(dead_socket())) return 0;
  return 1;
}

static void handler(int signal) { (void)signal; }

static int is_default(void) {
  struct sigaction action;
  return sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL && action.sa_flags == 0;
}

// What the program says and is told of SIGPIPE is its own; back at the default, it is safe.
static int has_its_own_view(void) {
  return is_default() && signal(SIGPIPE, handler) == SIG_DFL && signal(SIGPIPE, SIG_DFL) == handler && writes();
}

static volatile pid_t writer;
static volatile int blocked_at_cleanup;

static void cleanup(void* unused) {
  sigset_t mask;
  (void)unused;
  pthread_sigmask(SIG_BLOCK, NULL, &mask);
  blocked_at_cleanup = sigismember(&mask, SIGPIPE);
}

static void* fills_a_socket(void* fd) {
  writer = (pid_t)syscall(SYS_gettid);
  pthread_cleanup_push(cleanup, NULL);
  while (!writes_vector(*(int*)fd)) {
  }
  pthread_cleanup_pop(0);
  return NULL;
}

static long system_call_of(pid_t thread) {
  char path[64], line[256];
  long number = -1;
  snprintf(path, sizeof path, "/proc/self/task/%d/syscall", (int)thread);
  FILE* file = fopen(path, "r");
  if (file == NULL) return -1;
  if (fgets(line, sizeof line, file) != NULL && strncmp(line, "running", 7) != 0) number = atol(line);
  fclose(file);
  return number;
}

// A thread that is cancelled inside a call cleans up with the mask it had before.
static int is_cancelled(void) {
  const struct timespec moment = {0, 1000000};
  pthread_t thread;
  void* result;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) abort();
  if (pthread_create(&thread, NULL, fills_a_socket, ends) != 0) abort();
  while (writer == 0 || system_call_of(writer) != SYS_writev) nanosleep(&moment, NULL);
  pthread_cancel(thread);
  pthread_join(thread, &result);
  return result == PTHREAD_CANCELED && !blocked_at_cleanup;
}

int main(int argc, char* argv[]) {
  const char* verb = argc == 2 ? argv[1] : "";
  if (strcmp(verb, "write") == 0) return !writes();
  if (strcmp(verb, "writev") == 0) return !writes_vector(dead_socket());
  if (strcmp(verb, "stdio") == 0) return !prints();
  if (strcmp(verb, "view") == 0) return !has_its_own_view();
  if (strcmp(verb, "serve") == 0) return !serves();
  if (strcmp(verb, "cancel") == 0) return !is_cancelled();
  if (strcmp(verb, "secure") == 0) return printf("%lu\n", getauxval(AT_SECURE)) < 0;
  fprintf(stderr, "small_victim: there is no verb %s\n", verb);
  return 2;
}
