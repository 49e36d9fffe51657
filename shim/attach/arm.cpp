#include "attach/arm.h"

#include "attach/refusal.h"
#ifdef __x86_64__
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>
#include <thread>

#include "attach/loader.h"
#include "attach/loader_lock.h"
#include "attach/mode.h"
#include "attach/put_in.h"
#include "attach/remote.h"
#include "doctor/in_force.h"
#include "doctor/proc_file.h"
#include "system/machine_file.h"

namespace attach {
namespace {

using namespace std::chrono_literals;

constexpr auto kLongestSearch = 5s;
constexpr std::uint64_t kSize = 512 << 10, kData = 64 << 10;  // of the memory in the target, and what of it is no stack

// Memory in the target: data, and above it a stack.
class Room {
 public:
  Room(const Target& target, Remote& remote) : target_(target), remote_(remote) {
    at_ = remote.run(
        {system_call(Call::mmap, 0, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, ~0UL, 0)})[0];
    if (is_error(at_)) throw Refusal("no memory can be had in it: " + error_in(at_));
  }
  // Where this text now is, with a NUL behind it.
  std::uint64_t put(const std::string& text) {
    const auto at = at_ + used_;
    if (text.size() >= kData - used_ || !target_.write(at, text.c_str(), text.size() + 1))
      throw Lost("its memory is gone");
    used_ += text.size() + 1;
    return at;
  }
  std::uint64_t stack() const { return at_ + kSize; }
  void give_back() { remote_.run({system_call(Call::munmap, at_, kSize)}); }

 private:
  const Target& target_;
  Remote& remote_;
  std::uint64_t at_;
  std::size_t used_ = 0;
};

// Whether the path leads there to the same file as here: it may have another root, or other mounts.
bool has_file(const Target& target, const std::string& path) {
  struct stat there {
  }, here{};
  return stat((target.directory_of_all() + "root" + path).c_str(), &there) == 0 && stat(path.c_str(), &here) == 0 &&
         there.st_dev == here.st_dev && there.st_ino == here.st_ino;
}

std::uint64_t open_library(const Loader& loader, Remote& remote, Room& room, const std::string& path) {
  return remote.run({function(loader.open, room.stack(), room.put(path), loader.flags)})[0];
}

std::string why_not_opened(const Target& target, const Loader& loader, Remote& remote, Room& room) {
  if (loader.error == 0) return "it does not say why";
  const auto text = remote.run({function(loader.error, room.stack())})[0];
  if (text == 0) return "it does not say why";
  return doctor::text_at(target.reader(), text);
}

bool write_all(int fd, const std::string& bytes) {
  std::size_t written = 0;
  for (ssize_t more = 1; more > 0 && written < bytes.size();
       written += static_cast<std::size_t>(std::max<ssize_t>(more, 0)))
    more = pwrite(fd, bytes.data() + written, bytes.size() - written, static_cast<off_t>(written));
  return written == bytes.size();
}

// Another thread of its may have put a file there that is not for it to write. With vm.memfd_noexec the kernel seals
// what is made here by itself, against being made executable.
bool is_fresh(int fd) {
  constexpr int kSealExec = 0x20;
  struct stat status {};
  const int seals = fcntl(fd, F_GET_SEALS);
  return seals >= 0 && (seals & ~kSealExec) == 0 && fstat(fd, &status) == 0 && status.st_nlink == 0 &&
         status.st_size == 0;
}

// Where the path leads to nothing there: through a file in memory, filled from here. The handle of the loader's, or 0.
std::uint64_t open_in_memory(const Target& target, const Loader& loader, Remote& remote, Room& room,
                             const std::string& library) {
  signal(SIGXFSZ, SIG_IGN);  // a limit of ours is no reason to die in the middle
  const auto bytes = doctor::read_proc(library);
  if (!bytes) throw Refusal(library + " cannot be read");
  const auto name = room.put(std::filesystem::path(library).filename());
  const auto fd = remote.run({system_call(Call::memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING)})[0];
  if (is_error(fd)) throw Refusal("no file in memory can be had in it: " + error_in(fd));
  const auto close = [&] { remote.run({system_call(Call::close, fd)}); };
  try {
    const auto file = target.take_fd(static_cast<int>(fd));
    if (!file || !is_fresh(file.get()) || !write_all(file.get(), *bytes))
      throw Refusal("the file in memory cannot be filled");
    const auto path = room.put("/proc/self/fd/" + std::to_string(fd));
    return remote.run({function(loader.open, room.stack(), path, loader.flags), system_call(Call::close, fd)})[0];
  } catch (const NotDone&) {
    close();
    throw;
  }
}

// What lines, "NOSIGPIPE_MODE=off\n", say of this variable.
std::optional<std::string> given(const std::string& lines, const std::string& variable) {
  const auto begin = ("\n" + lines).find("\n" + variable + "=");
  if (begin == lines.npos) return {};
  const auto value = lines.substr(begin + variable.size() + 1);
  return value.substr(0, value.find('\n'));
}

// Of a log that is a file, which is opened only when there is something to log.
std::string remark_on_log(const Target& target, const std::string& options) {
  const auto log = given(options, "NOSIGPIPE_LOG").value_or("");
  const auto directory = std::filesystem::path(log).parent_path().string();
  if (!log.starts_with('/') || directory.find('%') != directory.npos) return "";
  if (target.open(directory, O_PATH | O_DIRECTORY) || (errno != ENOENT && errno != ENOTDIR)) return "";
  return "; it has no directory " + directory + " for a log yet";
}

Outcome call_entry(const Target& target, Remote& remote, Room& room, std::uint64_t entry, const std::string* options) {
  constexpr std::size_t kAnswer = 512;
  const auto answer = room.put(std::string(kAnswer, '\0'));
  const auto step = options != nullptr ? function(entry, room.stack(), room.put(*options), answer, kAnswer)
                                       : function(entry, room.stack(), answer, kAnswer);
  const auto error = static_cast<int>(remote.run({step})[0]);
  Outcome outcome{error == 0 || error == EALREADY, doctor::text_at(target.reader(), answer), {}};
  if (error == 0 && options != nullptr) outcome.answer += remark_on_log(target, *options);
  if (error == EALREADY && options != nullptr && !options->empty())
    outcome.answer += "; the options given count for nothing: take it back first (--detach)";
  return outcome;
}

// Does this in a thread that may be taken, as soon as there is one and nothing speaks against it.
Outcome in_a_thread(
    const Target& target, bool with_functions, const std::function<Outcome(Remote&, Room&)>& act,
    const std::function<std::string()>& why_not_yet = [] { return ""; }) {
  const auto machine = machine_of(target);
  const auto end = std::chrono::steady_clock::now() + kLongestSearch;
  std::string reason =
      "none of its threads sleeps in a call where libc holds no lock: they compute, or wait for a lock";
  for (auto pause = 1ms; std::chrono::steady_clock::now() < end;
       pause = std::min<std::chrono::milliseconds>(pause * 2, 50ms)) {
    const auto obstacle = why_not_yet();
    if (!obstacle.empty()) reason = obstacle;
    for (const auto& sleeper : obstacle.empty() ? find_sleepers(target, machine) : std::vector<Sleeper>()) {
      try {
        Remote remote(target, machine, sleeper, with_functions);
        Room room(target, remote);
        Outcome outcome{};
        try {
          outcome = act(remote, room);
        } catch (const NotDone&) {
          room.give_back();
          throw;
        }
        room.give_back();
        outcome.stopped_for = remote.stopped_for();
        return outcome;
      } catch (const NotNow& later) {
        reason = later.what();
      }
    }
    if (target.has_ended()) throw Refusal("it has ended meanwhile");
    std::this_thread::sleep_for(pause);
  }
  throw Refusal("no thread could be taken for 5 s: " + reason +
                "; try again later; if it stays so, restart it under nosigpipe");
}

bool ignores_sigpipe(const Target& target) {
  return (doctor::number_of(doctor::value_of(target.status(), "SigIgn"), 16) >> (SIGPIPE - 1) & 1) != 0;
}

Outcome arm_static(const Target& target, const std::string& options) {
  const auto machines = doctor::text_of(target.open(machine_file::kPath, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  const auto mode = doctor::in_force("NOSIGPIPE_MODE", given(options, "NOSIGPIPE_MODE"), machines);
  if (mode == "observe") throw Refusal(kObserve);
  if (mode == "off") return {false, kOff, {}};
  auto outcome = in_a_thread(target, false, [&](Remote& remote, Room&) { return put_handler_in(target, remote); });
  if (!options.empty() && options != "NOSIGPIPE_MODE=protect\n")
    outcome.answer += "; the options given count for nothing";
  return outcome;
}

constexpr const char* kEntry = "nosigpipe_attach";
constexpr const char* kWayBack = "nosigpipe_detach";

}  // namespace

Outcome arm(const Target& target, const std::string& given, bool is_to_fit, const std::string& options) {
  if (is_static(target)) return arm_static(target, options);
  const auto loader = find_loader(target);
  if (ignores_sigpipe(target)) throw Refusal("it ignores SIGPIPE, so that none kills it, and is left alone");
  auto entry = find_entry(target, kEntry);
  const auto library = entry || !is_to_fit ? given : library_for(target, given);
  const auto load_and_call = [&](Remote& remote, Room& room) {
    if (!entry) {
      std::uint64_t handle = 0;
      if (has_file(target, library)) handle = open_library(loader, remote, room, library);
      if (handle == 0) handle = open_in_memory(target, loader, remote, room, library);
      if (handle == 0)
        throw Refusal("its loader does not load " + library + ": " + why_not_opened(target, loader, remote, room));
      entry = find_entry(target, handle, kEntry);
      if (!entry) throw Refusal(library + " is none of ours");
    }
    return call_entry(target, remote, room, *entry, &options);
  };
  return in_a_thread(target, true, load_and_call, [&] { return why_loader_is_busy(target, loader.global); });
}

Outcome disarm(const Target& target) {
  if (is_static(target))
    return in_a_thread(target, false, [&](Remote& remote, Room&) { return take_handler_out(target, remote); });
  find_loader(target);
  const auto entry = find_entry(target, kWayBack);
  if (!entry) throw Refusal("nosigpipe-attach has not armed it");
  return in_a_thread(target, true,
                     [&](Remote& remote, Room& room) { return call_entry(target, remote, room, *entry, nullptr); });
}

}  // namespace attach
#else

namespace attach {

Outcome arm(const Target&, const std::string&, bool, const std::string&) {
  throw Refusal("nosigpipe-attach reaches processes only where it is built for x86-64: restart it under nosigpipe");
}

Outcome disarm(const Target&) { throw Refusal("nosigpipe-attach reaches processes only where it is built for x86-64"); }

}  // namespace attach
#endif
