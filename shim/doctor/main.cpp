// nosigpipe-doctor: tells whether SIGPIPE would kill processes, and whether nosigpipe can reach a command.
#include <cerrno>
#include <cstring>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>

#include "doctor/everybody.h"
#include "doctor/json.h"
#include "doctor/library.h"
#include "doctor/machine_remark.h"
#include "doctor/options.h"
#include "doctor/rows.h"
#include "tools/display.h"

namespace doctor {
namespace {

// Exit statuses.
enum : int { kSafe, kDies, kUnreachable, kNotKnown, kUsage = 125 };

int complain(const std::string& what, int status) {
  std::cerr << "nosigpipe-doctor: " << tools::printable(what) << "\n";
  return status;
}

int tell_of_all(const Options& options) {
  const auto everybody = look_at_all();
  std::cout << (options.json ? as_json(everybody) : as_table(everybody));
  return !everybody.dying.empty() ? kDies : everybody.not_known > 0 ? kNotKnown : kSafe;
}

int tell_of_process(int pid, const Options& options) {
  const auto process = read_process(pid);
  if (!process && !options.json) return complain("there is no process " + std::to_string(pid), kNotKnown);
  if (!process) {
    std::cout << as_json_of_none(pid);
    return kNotKnown;
  }
  const auto finding = find_out(*process);
  const auto verdict = judge(finding);
  std::cout << (options.json ? as_json(finding, verdict) : as_rows(finding, verdict));
  return verdict.outcome == Outcome::safe ? kSafe : verdict.outcome == Outcome::dies ? kDies : kNotKnown;
}

// The worst of their statuses: one that would die is worse than one of which it could not be told.
int tell_of_processes(const Options& options) {
  bool any_dies = false, any_is_not_known = false;
  for (const int pid : options.pids) {
    const int status = tell_of_process(pid, options);
    any_dies |= status == kDies;
    any_is_not_known |= status == kNotKnown;
  }
  return any_dies ? kDies : any_is_not_known ? kNotKnown : kSafe;
}

int tell_of_command(const Options& options) {
  const bool is_asked = !options.for_launcher.empty();
  const auto command = judge_command(options.command, is_asked ? options.for_launcher : own_library());
  std::cout << (is_asked ? as_assignments(command) : options.json ? as_json(command) : as_rows(command));
  return command.reach == Reach::unreachable ? kUnreachable : command.reach == Reach::unknown ? kNotKnown : kSafe;
}

int run(const Options& options) {
  if (options.help) {
    std::cout << help();
    return kSafe;
  }
  if (options.version) {
    std::cout << "nosigpipe-doctor " NOSIGPIPE_VERSION "\n";
    return kSafe;
  }
  if (const auto remark = machine_remark(); !remark.empty()) complain(remark, kSafe);
  if (options.all) return tell_of_all(options);
  return options.pids.empty() ? tell_of_command(options) : tell_of_processes(options);
}

}  // namespace
}  // namespace doctor

int main(int argc, char* argv[]) {
  try {
    const int status = doctor::run(doctor::parse_options({argv + 1, argv + argc}));
    if (std::cout.flush()) return status;
    return doctor::complain(std::string("cannot write: ") + std::strerror(errno), doctor::kNotKnown);
  } catch (const std::invalid_argument& error) {
    return doctor::complain(error.what(), doctor::kUsage);
  } catch (const std::exception& error) {
    return doctor::complain(error.what(), doctor::kNotKnown);
  }
}
