#include "doctor/process.h"

#include <elf.h>
#include <signal.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>

#include "doctor/elf_headers.h"
#include "doctor/proc_file.h"

namespace doctor {
namespace {

bool has_sigpipe(std::string_view status, std::string_view set) {
  return (number_of(value_of(status, set), 16) >> (SIGPIPE - 1) & 1) != 0;
}

bool has_ended(std::string_view status) { return value_of(status, "State").find_first_of("ZX") == 0; }

// A mask is a thread's own. Threads come and go meanwhile.
void count_threads(Process& process) {
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator(process.directory() + "task", gone)) {
    const auto status = read_proc(task.path() / "status");
    if (!status || has_ended(*status)) continue;
    if (process.threads++ == 0) process.thread = static_cast<int>(number_of(task.path().filename().string()));
    if (has_sigpipe(*status, "SigBlk")) ++process.blocking;
  }
}

// The vector is of words, four bytes each in a 32-bit process.
template <class Word>
std::optional<bool> secure_in(const std::string& vector) {
  Word entry[2];
  for (std::size_t at = 0; vector.size() - at >= sizeof entry; at += sizeof entry) {
    std::memcpy(entry, vector.data() + at, sizeof entry);
    if (entry[0] == AT_SECURE) return entry[1] != 0;
  }
  return {};
}

}  // namespace

std::string Process::command_line() const {
  std::string line;
  for (const auto& argument : arguments) line += (line.empty() ? "" : " ") + argument;
  line.resize(line.find_last_not_of(' ') + 1);  // a title is followed by what is left of the arguments, empty ones
  return line;
}

std::optional<Process> read_process(int pid) {
  Process process;
  process.pid = process.thread = pid;
  const auto status = read_proc(process.directory() + "status");
  if (!status || status->empty()) return {};
  process.name = value_of(*status, "Name");
  const auto threads = number_of(value_of(*status, "Threads"));
  const bool is_zombie = has_ended(*status);
  process.has_ended = is_zombie && threads <= 1;
  process.is_kernel_thread = !is_zombie && value_of(*status, "VmSize").empty();
  const auto numbers = value_of(*status, "NSpid");
  process.is_first = numbers.substr(numbers.rfind('\t') + 1) == "1";
  process.disposition = has_sigpipe(*status, "SigIgn")   ? Disposition::ignored
                        : has_sigpipe(*status, "SigCgt") ? Disposition::caught
                                                         : Disposition::standard;
  process.tracer = static_cast<int>(number_of(value_of(*status, "TracerPid")));
  if (threads > 1) count_threads(process);
  if (process.threads == 0) {
    process.threads = 1;
    process.blocking = has_sigpipe(*status, "SigBlk") ? 1 : 0;
  }
  return process;
}

void read_program(Process& process) {
  process.exe = link_of(process.directory() + "exe");
  const auto command_line = read_proc(process.directory() + "cmdline").value_or("");
  for (std::string_view rest(command_line); !rest.empty();) process.arguments.emplace_back(take_until(rest, '\0'));
  const auto vector = read_proc(process.directory() + "auxv").value_or("");
  const auto elf = read_headers_of(process.directory() + "exe");
  if (!elf) return;
  process.is_secure = elf->is_64_bit ? secure_in<std::uint64_t>(vector) : secure_in<std::uint32_t>(vector);
}

}  // namespace doctor
