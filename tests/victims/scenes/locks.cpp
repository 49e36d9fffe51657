// Scenes of a file that the program has locked by fcntl, and that a log may be written to.
#include <fcntl.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>

#include "scenes.h"

namespace {

// Only another process is told of a lock.
bool is_locked(int fd) {
  const pid_t child = fork();
  if (child == 0) {
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    fcntl(fd, F_GETLK, &whole);
    _exit(whole.l_type == F_UNLCK ? 0 : 1);
  }
  int status;
  waitpid(child, &status, 0);
  return WEXITSTATUS(status) == 1;
}

void locks(int fd) {
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  must(fcntl(fd, F_SETLK, &whole), "F_SETLK");
  for (const auto& verb : verbs()) {
    verb.call(dead_socket());
    printf("%s: %s\n", verb.name, is_locked(fd) ? "locked" : "not locked");
  }
  dprintf(dead_socket(), "x");
  printf("dprintf: %s\n", is_locked(fd) ? "locked" : "not locked");
}

}  // namespace

SCENE(locks_standard_error) { locks(2); }
SCENE(locks_its_log) { locks(must(open(getenv("LOCKED"), O_RDWR | O_CREAT | O_APPEND, 0644), "open")); }
