#include "log/unopened.h"

#include <cerrno>

#include "system/kernel.h"

namespace unopened {
namespace {

// In place: a pointer would be work for the loader at each start. As strerror(3), which is not safe in a signal
// handler.
struct Reason {
  int error;
  char words[36];
};
constexpr Reason kReasons[] = {{EACCES, "Permission denied"},        {EPERM, "Operation not permitted"},
                               {EROFS, "Read-only file system"},     {ENOENT, "No such file or directory"},
                               {ENOTDIR, "Not a directory"},         {EISDIR, "Is a directory"},
                               {ELOOP, "Is a symbolic link"},        {ENXIO, "No such device or address"},
                               {ENAMETOOLONG, "File name too long"}, {ECONNREFUSED, "Connection refused"},
                               {EMFILE, "Too many open files"},      {ENFILE, "Too many open files in system"},
                               {ENOSPC, "No space left on device"},  {EXDEV, "The root directory is another one"}};

// No other path would do.
bool is_anywhere(int error) { return error == EMFILE || error == ENFILE || error == EXDEV; }

void add_reason(text::Line& line, int error) {
  for (const auto& reason : kReasons)
    if (reason.error == error) {
      line << reason.words;
      return;
    }
  line << "errno " << error;
}

}  // namespace

void add(text::Line& line, std::string_view place, int error) {
  line << "nosigpipe: cannot open the log ";
  line.quoted(text::part(place, 0, 1024)) << ": ";
  add_reason(line, error);
  line << "; nothing is logged until it can be";
  if (is_anywhere(error)) return;
  line << ". Set NOSIGPIPE_LOG to a path that user " << static_cast<unsigned>(kernel::uid()) << " may write to"
       << (place == "/run/systemd/journal/socket" ? "" : ", or to journal");
}

}  // namespace unopened
