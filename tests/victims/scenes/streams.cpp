// Scenes of stdio, whose writes no function of libc that could be replaced makes, and of what stands on fd 1.
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "scenes.h"

SCENE(stdio_on_socket) {
  FILE* stream = fdopen(dead_socket(), "w");
  fprintf(stream, "hello");
  printf("fflush: %d %s\n", fflush(stream), strerror(errno));
  fputs("more", stream);
  printf("fclose: %d %s\n", fclose(stream), strerror(errno));
  printf("dprintf: %d %s\n", dprintf(dead_socket(), "x"), strerror(errno));
}

// fd 1 is what the starter gave.
SCENE(standard_output_after_sockets) {
  const int fd = dead_socket();
  for (int i = 0; i < 3; ++i) write(fd, byte, 1);
  fputs("alive\n", stderr);
  send(1, byte, 1, 0), _exit(0);
}
SCENE(standard_output_write) { write(1, byte, 1), _exit(0); }
SCENE(standard_output_writev) { writev(1, &one_byte, 1), _exit(0); }
SCENE(standard_output_stdio) {
  puts("x");
  fflush(stdout);
  _exit(0);
}
