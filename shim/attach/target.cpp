#include "attach/target.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "attach/permission.h"
#include "attach/refusal.h"
#include "doctor/proc_file.h"

namespace attach {
namespace {

bool has_memory(const std::string& status) { return !doctor::value_of(status, "VmSize").empty(); }

}  // namespace

Target::Target(int pid) : pid_(pid) {
  const auto number = std::to_string(pid);
  pidfd_ = tools::Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd_ && (errno == EINVAL || errno == ENOENT))
    throw Refusal("that is a thread: give the number of its process");
  if (!pidfd_ && errno == ENOSYS) throw Refusal("this kernel has no pidfd_open(2): it needs Linux 5.3");
  if (!pidfd_) throw Refusal("there is no such process");
  proc_ = tools::open_to_read("/proc/" + number, O_DIRECTORY);
  if (!proc_) throw Refusal("it is not in /proc: mount that, without hidepid");
  directory_ = directory_of_all_ = "/proc/self/fd/" + std::to_string(proc_.get()) + "/";
  // The first thread may have ended alone, by pthread_exit.
  for (const int tid : threads()) {
    if (has_memory(status())) break;
    directory_of_all_ = directory_ + "task/" + std::to_string(tid) + "/";
  }
  const auto now = status();
  if (has_ended() || now.empty()) throw Refusal("it has ended");
  name_ = doctor::value_of(doctor::read_proc(directory_ + "status").value_or(""), "Name");
  refuse_by_status(pid, now);
  memory_ = tools::Fd(::open((directory_of_all_ + "mem").c_str(), O_RDWR | O_CLOEXEC));
  if (!memory_) throw Refusal(why_not_allowed(now, errno));
}

bool Target::has_ended() const {
  pollfd ended{pidfd_.get(), POLLIN, 0};
  return poll(&ended, 1, 0) != 0;
}

std::string Target::status() const { return doctor::read_proc(directory_of_all_ + "status").value_or(""); }

std::vector<int> Target::threads() const {
  std::vector<int> tids;
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator(directory_ + "task", gone))
    tids.push_back(static_cast<int>(doctor::number_of(task.path().filename().string())));
  return tids;
}

std::vector<Mapping> Target::mappings() const {
  std::vector<Mapping> mappings;
  const auto text = doctor::read_proc(directory_of_all_ + "maps").value_or("");
  for (std::string_view rest(text); !rest.empty();) {
    auto line = doctor::take_until(rest, '\n');
    auto range = doctor::take_word(line);
    const auto start = doctor::number_of(doctor::take_until(range, '-'), 16);
    const auto end = doctor::number_of(range, 16);
    const auto rights = doctor::take_word(line);
    if (end <= start || rights.size() != 4) continue;
    for (int i = 0; i < 3; ++i) doctor::take_word(line);  // offset, device, inode
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    mappings.push_back({start, end, rights[1] == 'w', rights[2] == 'x', rights[3] == 's', std::string(line)});
  }
  return mappings;
}

tools::Fd Target::open(const std::string& path, int flags) const {
  const auto root = tools::open_to_read(directory_of_all_ + "root", O_PATH | O_DIRECTORY);
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT;
  tools::Fd file(static_cast<int>(syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how)));
  // Before Linux 5.6 a link that begins with a slash leads to what is there in our root.
  if (!file && errno == ENOSYS) file = tools::open_to_read(directory_of_all_ + "root" + path, flags);
  return file;
}

tools::Fd Target::take_fd(int number) const {
  return tools::Fd(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd_.get(), number, 0)));
}

bool Target::read(std::uint64_t at, void* to, std::size_t size) const {
  return at <= std::uint64_t{1} << 62 &&
         pread(memory_.get(), to, size, static_cast<off_t>(at)) == static_cast<ssize_t>(size);
}

doctor::ReadAt Target::reader() const {
  return [this](std::uint64_t at, void* to, std::size_t size) { return read(at, to, size); };
}

// Not by its number, under which there may be another program by now.
bool Target::write(std::uint64_t at, const void* from, std::size_t size) const {
  return at <= std::uint64_t{1} << 62 &&
         pwrite(memory_.get(), from, size, static_cast<off_t>(at)) == static_cast<ssize_t>(size);
}

}  // namespace attach
