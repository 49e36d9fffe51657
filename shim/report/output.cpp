#include "report/output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include "tools/fd.h"

namespace report {
namespace {

[[noreturn]] void fail(const std::string& file) { throw std::runtime_error(file + ": " + std::strerror(errno)); }

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t size = write(fd, text.data(), text.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

// A file under a name of its own, removed again unless it was renamed.
struct NewFile {
  explicit NewFile(const std::string& beside) : name(beside + ".XXXXXX"), fd(mkostemp(name.data(), O_CLOEXEC)) {}
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    if (fd && !renamed) unlink(name.c_str());
  }
  std::string name;
  tools::Fd fd;
  bool renamed = false;
};

// Gives it the mode that a file has which is simply created: mkostemp lets nobody else read it.
void set_usual_mode(int fd) {
  const mode_t mask = umask(0);
  umask(mask);
  fchmod(fd, 0666 & ~mask);
}

}  // namespace

void write_report(const std::string& text, const std::string& file, int fd) {
  if (file.empty()) {
    if (!write_all(fd, text)) fail(fd == 1 ? "standard output" : "standard error");
    return;
  }
  NewFile fresh(file);
  if (!fresh.fd) fail(fresh.name);
  set_usual_mode(fresh.fd.get());
  if (!write_all(fresh.fd.get(), text) || fsync(fresh.fd.get()) != 0) fail(fresh.name);
  if (std::rename(fresh.name.c_str(), file.c_str()) != 0) fail(file);
  fresh.renamed = true;
}

}  // namespace report
