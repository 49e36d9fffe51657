// What is to be said of a process: whether a SIGPIPE of a socket would kill it now, and what to do.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "doctor/mapped_shim.h"
#include "doctor/process.h"
#include "doctor/static_handler.h"
#include "doctor/unit.h"

namespace doctor {

enum class Outcome { safe, dies, unknown };

struct Verdict {
  Outcome outcome;
  std::string advice;  // one sentence or two
};

// A process and all that was found out about it.
struct Finding {
  Process process;
  std::optional<std::size_t> sockets;
  std::optional<MappedShim> shim;
  std::optional<Unit> unit;
  std::optional<StaticHandler> handler = {};
};

Finding find_out(const Process& process);

// Whether SIGPIPE would kill it, by what the shim does and what the kernel has.
Outcome outcome_of(const Process& process, const std::optional<MappedShim>& shim);
Verdict judge(const Finding& finding);

// In which phase the shim is: "loading", "armed" (no call of a replaced function yet), "in force", "traced", "in a
// filter", "disarmed", "taken back"; empty where it is not known.
std::string phase_of(const MappedShim& shim);

}  // namespace doctor
