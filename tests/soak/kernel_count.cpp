#include "soak/kernel_count.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "support/directory.h"

namespace {

void put(const std::string& file, const std::string& text) {
  if (!(std::ofstream(file) << text << std::flush)) throw std::runtime_error("cannot write to " + file);
}

// Off until it knows whom to watch: with an empty list it would watch everybody.
std::string instance(const std::string& place, const Strings& events, const std::string& filter) {
  std::filesystem::create_directory(place);
  put(place + "/tracing_on", "0");
  put(place + "/buffer_size_kb", "16");
  put(place + "/options/event-fork", "1");
  for (const auto& event : events) {
    put(place + "/events/" + event + "/filter", filter);
    put(place + "/events/" + event + "/enable", "1");
  }
  return place;
}

long events_in(const std::string& place) {
  long events = 0;
  for (const auto& cpu : std::filesystem::directory_iterator(place + "/per_cpu"))
    for (const auto& number : matches(contents(cpu.path() / "stats"), "(?:entries|overrun|commit overrun): ([0-9]+)"))
      events += std::stol(number);
  return events;
}

}  // namespace

KernelCount::KernelCount(const std::string& tracefs, const std::string& name, bool counts_all) {
  if (tracefs.empty()) return;
  const auto place = tracefs + "/instances/nosigpipe-soak-" + std::to_string(getpid()) + "-" + name;
  // A kill by hand, or one of the shim's marks (si_errno), is none that a write has raised.
  signals_ = instance(place + "-signals", {"signal/signal_generate"}, "sig == 13 && errno == 0 && code == 0");
  Strings exits;
  for (const char* call : {"sendto", "sendmsg", "sendmmsg"}) exits.push_back(std::string("syscalls/sys_exit_") + call);
  for (const char* call : {"write", "writev", "sendfile64", "splice"})
    if (counts_all) exits.push_back(std::string("syscalls/sys_exit_") + call);
  failed_calls_ = instance(place + "-calls", exits, "ret == -32");
}

KernelCount::~KernelCount() {
  for (const auto& place : {signals_, failed_calls_})
    if (!place.empty()) rmdir(place.c_str());
}

Strings KernelCount::counted(const Strings& command) const {
  if (!is_there()) return command;
  const auto enter = [](const std::string& place) {
    return "echo $$ >" + place + "/set_event_pid && echo 1 >" + place + "/tracing_on && ";
  };
  return joined({"sh", "-c", enter(signals_) + enter(failed_calls_) + "exec \"$@\"", "sh"}, command);
}

long KernelCount::signals() const { return is_there() ? events_in(signals_) : 0; }
long KernelCount::failed_calls() const { return is_there() ? events_in(failed_calls_) : 0; }
