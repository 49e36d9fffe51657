// Writes to sockets whose peer is gone, by write, writev and stdio, in as many threads as it is told. Compiled by the
// test, with a sanitizer. With `overflow` it writes what is not its own: its sanitizer is to say so.
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { kThreads = 2, kTimes = 500 };

static int dead_socket(void) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) abort();
  close(ends[1]);
  return ends[0];
}

static void expect_epipe(ssize_t result) {
  if (result != -1 || errno != EPIPE) abort();
}

static void* all_ways(void* times) {
  char bytes[] = "bytes";
  struct iovec part = {bytes, sizeof bytes};
  for (int i = 0; i < *(const int*)times; ++i) {
    const int fd = dead_socket();
    expect_epipe(write(fd, bytes, sizeof bytes));
    expect_epipe(writev(fd, &part, 1));
    FILE* stream = fdopen(fd, "w");
    fputs("words", stream);
    expect_epipe(fflush(stream));
    fclose(stream);
  }
  return NULL;
}

int main(int argc, char** argv) {
  int times = argc > 1 && strcmp(argv[1], "threads") == 0 ? kTimes : 1;
  if (argc > 1 && strcmp(argv[1], "overflow") == 0) {
    char* few = malloc(4);
    if (write(1, few, 8) != 8) abort();
    free(few);
  }
  pthread_t threads[kThreads];
  for (int i = 0; i < kThreads && times > 1; ++i)
    if (pthread_create(&threads[i], NULL, all_ways, &times) != 0) abort();
  for (int i = 0; i < kThreads && times > 1; ++i) pthread_join(threads[i], NULL);
  all_ways(&times);
  puts("alive");
  return 0;
}
