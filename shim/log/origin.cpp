#include "log/origin.h"

#include <sys/stat.h>

#include "program/fd.h"
#include "system/kernel.h"
#include "system/proc.h"

namespace origin {
namespace {

// A pipe is linked to as pipe:[INODE], a FIFO by its path.
bool has_path(int fd, Origin& origin) {
  text::Sized<64> link;
  link << "/proc/thread-self/fd/" << fd;
  const auto* name = link.ended({"\0", 1}).data();
  const long length = kernel::call(SYS_readlinkat, AT_FDCWD, name, origin.room, sizeof origin.room);
  if (length <= 0 || origin.room[0] != '/') return false;
  origin.fifo = {origin.room, static_cast<std::size_t>(length)};
  return true;
}

// Without a number it is one of those that are open, see fd::has_unread_pipe().
std::string_view kind_of(int fd, Origin& origin) {
  if (fd < 0) return "pipe";
  const auto type = kernel::file_at(fd, "").st_mode & S_IFMT;
  if (type == S_IFSOCK) return fd::is_disguised_pipe(fd) ? "socketpair" : "socket";
  if (type != S_IFIFO) return "other";  // it has been replaced since
  return has_path(fd, origin) ? "fifo" : "pipe";
}

void look_at_sender(const siginfo_t& info, Origin& origin) {
  origin.has_sender = info.si_code == SI_USER || info.si_code == SI_TKILL || info.si_code == SI_QUEUE;
  if (!origin.has_sender) return;
  origin.pid = info.si_pid;
  origin.uid = info.si_uid;
  if (origin.pid != 0) origin.program = proc::program_of(origin.pid, origin.room, sizeof origin.room);
}

}  // namespace

void look_at(const event::Event& event, Origin& origin) {
  origin = {};
  switch (event.passed) {
    case event::Passed::by_call:
      origin.kind = kind_of(event.fd, origin);
      return;
    case event::Passed::runaway:
      origin.kind = "runaway";
      return;
    case event::Passed::earlier:
      origin.kind = "earlier";
      return look_at_sender(*event.info, origin);
    default:
      origin.kind = "signal";
      return look_at_sender(*event.info, origin);
  }
}

void add(record::Writer& record, const Origin& origin) {
  record.word(fields::kind, origin.kind);
  if (!origin.fifo.empty()) record.string(fields::path, origin.fifo);
  if (!origin.has_sender) return;
  record.number(fields::sender_pid, origin.pid);
  record.number(fields::sender_uid, origin.uid);
  if (!origin.program.empty()) record.string(fields::sender, origin.program);
}

}  // namespace origin
