#include "report/follow.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace report {
namespace {

constexpr std::size_t kMostOpen = 4;  // files that have had one name
constexpr auto kPause = std::chrono::milliseconds(100);

}  // namespace

Followed::Followed(std::string name, Reader& reader) : name_(std::move(name)), reader_(reader) { open_latest(); }

void Followed::open_latest() {
  Open file;
  // A FIFO without a writer would otherwise be waited for.
  file.fd = tools::open_to_read(name_, O_NONBLOCK);
  struct stat status {};
  if (!file.fd || fstat(file.fd.get(), &status) != 0) return;
  file.device = status.st_dev;
  file.inode = status.st_ino;
  file.regular = S_ISREG(status.st_mode);
  open_.push_back(std::move(file));
  if (open_.size() > kMostOpen) {
    reader_.finish(open_.front().stream);
    open_.erase(open_.begin());
  }
}

bool Followed::read_on(Open& file) {
  struct stat status {};
  if (file.regular && fstat(file.fd.get(), &status) == 0 && status.st_size < file.at) {
    reader_.finish(file.stream);
    file.at = lseek(file.fd.get(), 0, SEEK_SET);
  }
  bool some = false;
  for (;;) {
    // What does not end is read as often as poll says that there is something.
    pollfd ready{file.fd.get(), POLLIN, 0};
    if (!file.regular && poll(&ready, 1, 0) == 0) return some;
    const auto space = file.stream.lines.space();
    const ssize_t size = read(file.fd.get(), space.data(), space.size());
    if (size <= 0) {
      ended_ = ended_ || !file.regular;
      return some;
    }
    file.at += size;
    some = true;
    reader_.filled(file.stream, static_cast<std::size_t>(size));
    if (!file.regular) return some;
  }
}

bool Followed::read_new() {
  if (ended_) return false;
  bool some = false;
  for (auto& file : open_) some |= read_on(file);
  struct stat now {};
  if (ended_ || name_ == "-" || stat(name_.c_str(), &now) != 0) return some;
  if (!open_.empty() && (open_.back().device == now.st_dev && open_.back().inode == now.st_ino)) return some;
  const auto before = open_.size();
  open_latest();
  return (open_.size() > before && read_on(open_.back())) || some;
}

bool Followed::finished() const { return ended_ || (name_ == "-" && open_.empty()); }

int Followed::poll_fd() const { return ended_ || open_.empty() || open_.back().regular ? -1 : open_.back().fd.get(); }

std::string Followed::directory() const {
  const auto slash = name_.rfind('/');
  return slash == name_.npos ? "." : name_.substr(0, slash + 1);
}

void Followed::finish() {
  for (auto& file : open_) reader_.finish(file.stream);
}

Follower::Follower(const std::vector<std::string>& names, Reader& reader) {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGINT);
  sigaddset(&ending, SIGTERM);
  sigprocmask(SIG_BLOCK, &ending, nullptr);
  signals_ = tools::Fd(signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK));
  changes_ = tools::Fd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  for (const auto& name : names) {
    files_.emplace_back(name, reader);
    if (name != "-")
      inotify_add_watch(changes_.get(), files_.back().directory().c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO);
  }
}

// A second is the longest that a change can go unseen: a file that a link leads to is in a directory that is not
// watched.
Follower::News Follower::wait(std::chrono::milliseconds limit) {
  std::vector<pollfd> all{{signals_.get(), POLLIN, 0}, {changes_.get(), POLLIN, 0}};
  for (const auto& file : files_) all.push_back({file.poll_fd(), POLLIN, 0});
  poll(all.data(), all.size(), static_cast<int>(std::min<std::int64_t>(limit.count(), 1000)));
  if (all[0].revents != 0) return News::end;
  if (all[1].revents != 0) {
    char events[16384];
    while (read(changes_.get(), events, sizeof events) > 0) continue;
    // Others may write to the directory all the time: that is no reason to look without a pause.
    poll(all.data(), 1, static_cast<int>(kPause.count()));
  }
  bool some = false;
  for (auto& file : files_) some |= file.read_new();
  if (std::ranges::all_of(files_, &Followed::finished)) return News::end;
  return some ? News::some : News::none;
}

void Follower::finish() {
  for (auto& file : files_) {
    file.read_new();
    file.finish();
  }
}

}  // namespace report
