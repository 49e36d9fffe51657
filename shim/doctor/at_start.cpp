#include "doctor/at_start.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>

#include "doctor/machine_remark.h"

namespace doctor {
namespace {

constexpr std::size_t kPage = 4096;

// Errno of what is going to be done: our child traces us, and makes code of fresh memory. 0: it may. A filter may kill
// it for that.
int error_of_trying() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return errno;
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) {
    char go = 0;
    close(ends[1]);
    if (read(ends[0], &go, 1) != 0) _exit(EINTR);
    void* page = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || mprotect(page, kPage, PROT_READ | PROT_EXEC) != 0) _exit(errno);
    _exit(ptrace(PTRACE_SEIZE, parent, nullptr, nullptr) == 0 ? 0 : errno);
  }
  const int error = errno;
  if (child > 0) prctl(PR_SET_PTRACER, child, 0, 0, 0);  // where Yama asks for it
  close(ends[1]);
  close(ends[0]);
  int status = 0;
  if (child < 0) return error;
  if (waitpid(child, &status, 0) != child) return ECHILD;
  return WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
}

}  // namespace

std::string attach_program() {
  std::error_code error;
  const auto beside = std::filesystem::read_symlink("/proc/self/exe", error).replace_filename("nosigpipe-attach");
  return !error && access(beside.c_str(), X_OK) == 0 ? beside.string() : "";
}

std::string why_not_at_start(const ElfHeaders& elf, Rights rights) {
  if (!elf.is_for_attach()) return "nosigpipe-attach arms only programs of x86-64 and i386 at their start";
  if (rights != Rights::same) return "it gets more rights than you have, which it would not if it were traced";
  if (const auto mode = in_force("NOSIGPIPE_MODE"); mode == "observe")
    return "with mode=" + mode + " nothing is to be averted, which is all that can be done in it";
  if (attach_program().empty()) return "nosigpipe-attach, which would arm it at its start, is not beside us";
  if (const int error = error_of_trying(); error != 0)
    return std::string("nosigpipe-attach may not trace it here, or put code into it (") + std::strerror(error) + ")";
  return "";
}

}  // namespace doctor
