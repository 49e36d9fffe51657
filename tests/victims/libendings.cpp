// Preloaded into a server, writes down how each of its children ended: one wait status a line, in the file ENDINGS
// names.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace {

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}
auto* const next_waitpid = next<decltype(waitpid)>("waitpid");
auto* const next_waitid = next<decltype(waitid)>("waitid");

void write_down(int status) {
  const int before = errno;  // the server may wait in a signal handler
  char line[16];
  const int length = snprintf(line, sizeof line, "%d\n", status);
  const char* path = getenv("ENDINGS");
  const int fd = path == nullptr ? -1 : open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd >= 0 && write(fd, line, static_cast<size_t>(length)) < 0) perror(path);
  if (fd >= 0) close(fd);
  errno = before;
}

}  // namespace

extern "C" {

pid_t waitpid(pid_t pid, int* wstatus, int options) {
  int status = 0;
  const pid_t child = next_waitpid(pid, &status, options);
  if (child > 0) write_down(status);
  if (wstatus != nullptr) *wstatus = status;
  return child;
}

pid_t wait(int* wstatus) { return waitpid(-1, wstatus, 0); }

int waitid(idtype_t type, id_t id, siginfo_t* info, int options) {
  const int result = next_waitid(type, id, info, options);
  if (result == 0 && info != nullptr && info->si_pid > 0 && (options & WNOWAIT) == 0)
    write_down(info->si_code == CLD_EXITED ? info->si_status << 8 : info->si_status);
  return result;
}

}  // extern "C"
