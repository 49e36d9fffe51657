// The shim built for other machines, on programs that QEMU runs: other registers, another signal frame, and what a
// write to a dead socket is known by. What runs is what the table of machines in DESIGN.md says, cell by cell; aarch64
// has more. Left out is what QEMU itself cannot do: it forgets what a signal carries besides its sender, has no
// seccomp, and a vfork is a fork.

#include <algorithm>
#include <functional>

#include "support/scene.h"
#include "support/source_tree.h"

namespace {

// Which build of the shim and of the scenes it is, and what runs that on whose libraries; "": this machine itself.
struct Machine {
  std::string name;
  std::string build;
  std::string qemu;
  std::string root;
};
const std::vector<Machine> kMachines = {
    {"x86-64", "", "", ""},
    {"i386", "i386/", "", ""},
    {"aarch64", "aarch64/", "qemu-aarch64-static", "aarch64-linux-gnu"},
    {"riscv64", "riscv64/", "qemu-riscv64-static", "riscv64-linux-gnu"},
    {"armhf", "armhf/", "qemu-arm-static", "arm-linux-gnueabihf"},
    {"s390x", "s390x/", "qemu-s390x-static", "s390x-linux-gnu"},
    {"ppc64le", "ppc64le/", "qemu-ppc64le-static", "powerpc64le-linux-gnu"},
};

const Machine& machine_named(const std::string& name) {
  return *std::find_if(kMachines.begin(), kMachines.end(),
                       [&](const Machine& machine) { return machine.name == name; });
}

void become(const Machine& machine) {
  flavour = machine.build;
  if (machine.qemu.empty()) {
    emulator = emulator_env = {};
  } else {
    emulator = {machine.qemu};
    emulator_env = {"QEMU_LD_PREFIX=/usr/" + machine.root};
  }
}
const bool is_aarch64 = (become(machine_named("aarch64")), true);

// Those whose hooks that carry no flag mask their calls, and so know the fd.
const std::vector<Strings> kGuardsThatKnow = {{}, {"NOSIGPIPE_GUARD=mask"}, {"NOSIGPIPE_GUARD=hooks"}};

// What a cell looks at: nothing where all is right, else what was not.
using Wrong = std::string;

Wrong differs(const std::string& scene, const Ending& oracle, const std::vector<Strings>& guards,
              const std::function<std::string(const std::string&)>& seen) {
  Wrong wrong;
  for (const auto& guard : guards) {
    const auto ending = shimmed(scene, guard);
    if (ending.text() != oracle.text() || seen(ending.out) != seen(oracle.out))
      wrong += scene + " with " + words(guard) + ": " + ending.text() + "\n" + ending.out + ending.err;
  }
  return wrong;
}

std::string all_of(const std::string& out) { return out; }

Wrong lives(const std::string& scene, const std::vector<Strings>& guards) {
  const auto oracle = bare(scene, ignoring_sigpipe());
  if (!bare(scene).killed_by(SIGPIPE) || !oracle.exited(0)) return scene + " bare: " + oracle.text() + "\n";
  return differs(scene, oracle, guards, all_of);
}

Wrong dies(const std::string& scene, const std::vector<Strings>& guards = kGuards) {
  const auto oracle = bare(scene);
  if (!oracle.killed_by(SIGPIPE)) return scene + " bare: " + oracle.text() + "\n";
  return differs(scene, oracle, guards, all_of);
}

// QEMU 7.2 reads riscv64's sigaction as if it had a restorer, and so takes for the mask what stands behind it: of what
// a handler finds blocked bare is no oracle there.
std::string without_masks(const std::string& out) {
  std::string kept;
  for (const auto& line : lines_of(out))
    if (flavour != "riscv64/" || !has(line, " called: blocked ")) kept += line + "\n";
  return kept;
}

Wrong log_lacks(const std::string& scene, const Strings& env, const Strings& fields) {
  const auto ending = shimmed(scene, joined({"NOSIGPIPE_LOG=stderr"}, env));
  Wrong wrong;
  for (const auto& field : fields)
    if (!has(ending.err, field)) wrong += field + " is not in\n" + ending.err;
  if (has(ending.err, "=-")) wrong += "an fd that is not known is in\n" + ending.err;
  return wrong;
}

// The functions of the first line's stack.
Strings functions(const std::string& scene) {
  const auto ending = shimmed(scene, {"NOSIGPIPE_LOG=stderr", "NOSIGPIPE_STACK=8"});
  const auto begin = ending.err.find(" stack=\"");
  if (begin == std::string::npos) return {};
  const auto list_begin = begin + std::string(" stack=\"").size();
  std::istringstream list(ending.err.substr(list_begin, ending.err.find('"', list_begin) - list_begin));
  Strings names;
  for (std::string frame; std::getline(list, frame, ';');) {
    const auto plus = frame.rfind('+');
    char address[32];
    std::snprintf(address, sizeof address, "%#lx", std::stoul(frame.substr(plus + 1), nullptr, 16) - 1);
    names.push_back(lines_of(run({"llvm-addr2line", "-f", "-e", frame.substr(0, plus), address}).out).at(0));
  }
  return names;
}

Wrong stack_lacks(const std::string& scene, const Strings& wanted) {
  const auto names = functions(scene);
  auto next = names.begin();
  for (const auto& name : wanted) {
    next = std::find_if(next, names.end(), [&](const std::string& function) { return has(function, name); });
    if (next == names.end()) return scene + ": no " + name + " in its place in " + words(names) + "\n";
  }
  return "";
}

struct Column {
  std::string name;
  std::function<Wrong()> wrong;
};
const std::vector<Column> kColumns = {
    {"write", [] { return lives("calls_with_a_flag", kGuards); }},
    {"writev", [] { return lives("calls_without_a_flag", kGuards); }},
    {"stdio", [] { return lives("stdio_on_socket", kGuardsWithHandler); }},
    {"raw call",
     [] { return lives("raw_calls", kGuardsWithHandler) + lives("among_other_signals", kGuardsWithHandler); }},
    {"dead pipe",
     [] {
       return dies("pipe_still_kills") + dies("pipe_stdio_still_kills") + dies("pipe_splice_still_kills") +
              dies("pipe_syscall_still_kills") + dies("pipe_inline_still_kills");
     }},
    {"both dead",
     [] {
       return lives("socket_beside_dead_pipe", kGuardsWithHandler) +
              dies("pipe_writev_beside_dead_socket_still_kills", kGuardsThatKnow) +
              dies("pipe_stdio_beside_live_socket_still_kills");
     }},
    {"view", [] { return differs("view", bare("view"), kGuards, without_masks); }},
    {"log",
     [] {
       // Nothing is needed but libc, armhf's tables for exceptions included.
       const auto needed =
           matches(output_of({"readelf", "-d", built(flavour + "libnosigpipe.so")}), "NEEDED.*\\[(.*)\\]");
       if (needed != Strings{"libc.so.6"}) return Wrong("needs " + words(needed));
       return log_lacks("writes_only", {"NOSIGPIPE_GUARD=mask"},
                        {"technique=flag call=write fd=3 bytes=1", "technique=mask call=writev fd=3 bytes=1",
                         "socket=unix", "cause=peer_gone", "build_id="}) +
              log_lacks("stdio_on_socket", {}, {"technique=catch call=write ", " bytes=5 ", "module="});
     }},
    {"stack",
     [] {
       return stack_lacks("writes_only", {"write_to_dead_socket", "scene_writes_only", "main"}) +
              stack_lacks("stdio_on_socket", {"scene_stdio_on_socket", "main"});
     }},
};

// The table's rows, cell by cell, the first its head.
std::vector<Strings> table() {
  std::vector<Strings> rows;
  for (const auto& line : lines_of(contents(source("shim/DESIGN.md")))) {
    if (!line.starts_with(rows.empty() ? "| machine |" : "|")) {
      if (!rows.empty()) break;
      continue;
    }
    std::istringstream cells(line.substr(2));
    Strings row;
    for (std::string cell; std::getline(cells, cell, '|');) {
      const auto end = cell.find_last_not_of(' ');
      row.push_back(cell.substr(cell.find_first_not_of(' '), end + 1 - cell.find_first_not_of(' ')));
    }
    rows.push_back(row);
  }
  return rows;
}

void runs_as_the_table_says(const std::string& name) {
  const auto& machine = machine_named(name);
  become(machine);
  Strings row{name};
  Wrong wrong;
  for (const auto& column : kColumns) {
    const auto what = column.wrong();
    row.push_back(what.empty() ? "right" : "no");
    wrong += what;
  }
  // A stack that does not lead to main is none, rather than a wrong one.
  if (row.back() == "no") CHECK((functions("writes_only").empty() && functions("stdio_on_socket").empty()));
  become(machine_named("aarch64"));
  const auto rows = table();
  const auto said = std::find_if(rows.begin(), rows.end(), [&](const Strings& cells) { return cells[0] == name; });
  std::string ran = "|";
  for (const auto& cell : row) ran += " " + cell + " |";
  INFO("what ran: " << ran << "\n" << wrong);
  CHECK((said != rows.end() && *said == row));
}

}  // namespace

TEST_CASE("the table of machines has their rows and no other, and the columns that are run") {
  const auto rows = table();
  REQUIRE(rows.size() == kMachines.size() + 2);
  Strings head{"machine"};
  for (const auto& column : kColumns) head.push_back(column.name);
  CHECK(rows[0] == head);
  for (size_t i = 0; i < kMachines.size(); ++i) CHECK(rows[i + 2][0] == kMachines[i].name);
}
TEST_CASE("x86-64: what runs is what the table says") { runs_as_the_table_says("x86-64"); }
TEST_CASE("i386: what runs is what the table says") { runs_as_the_table_says("i386"); }
TEST_CASE("aarch64: what runs is what the table says") { runs_as_the_table_says("aarch64"); }
TEST_CASE("riscv64: what runs is what the table says") { runs_as_the_table_says("riscv64"); }
TEST_CASE("armhf: what runs is what the table says") { runs_as_the_table_says("armhf"); }
TEST_CASE("s390x: what runs is what the table says") { runs_as_the_table_says("s390x"); }
TEST_CASE("ppc64le: what runs is what the table says") { runs_as_the_table_says("ppc64le"); }

TEST_CASE("aarch64: every verb on a dead socket says EPIPE and the program lives") { survives("alive"); }
TEST_CASE("aarch64: threads on dead sockets live") { survives("threads"); }
TEST_CASE("aarch64: a forked child lives and so does its parent") { survives("fork_child"); }
TEST_CASE("aarch64: a handler that interrupts a sleeping call may write to a dead socket") {
  survives("handler_inside_sleeping_call");
}
TEST_CASE("aarch64: what a fd was before does not matter") { survives("stale_hints"); }
TEST_CASE("aarch64: clients that leave one after the other are no runaway") { survives("many_clients"); }
TEST_CASE("aarch64: setting SIGPIPE back to its default changes nothing") {
  CHECK(bare("default_again").killed_by(SIGPIPE));
  for (const auto& guard : kGuards) CHECK(shimmed("default_again", guard).exited(0));
}
TEST_CASE("aarch64: a thread that blocks SIGPIPE finds it pending") {
  same_as_bare("sigwait_drains", kGuardsWithHandler);
  survives("blocked_by_every_function", kGuardsWithHandler);
}
TEST_CASE("aarch64: a program that asks for its disposition is told what it has set") { same_as_bare("view"); }
TEST_CASE("aarch64: pipes and real signals still kill") {
  for (const auto* scene : {"pipe_still_kills", "pipe_stdio_still_kills", "pipe_splice_still_kills",
                            "splice_from_dead_socket_to_dead_pipe_still_kills", "raise_still_kills", "kill_still_kills",
                            "pthread_kill_still_kills", "kill_meanwhile_default", "kill_meanwhile_default_splice"})
    still_dies(scene);
}
TEST_CASE("aarch64: what no hook sees lives, though the kernel overwrites the register that held the fd") {
  survives("stdio_on_socket", kGuardsWithHandler);
}
TEST_CASE("aarch64: with a dead pipe and a dead socket open what no hook sees lives, and a hook knows its fd") {
  for (const auto* scene : {"pipe_write_beside_dead_socket_still_kills", "pipe_writev_beside_dead_socket_still_kills"})
    still_dies(scene, kGuardsThatKnow);
  still_dies("pipe_stdio_beside_live_socket_still_kills");
  survives("shut_tcp_beside_dead_pipe", kGuardsWithHandler);  // not on s390x: QEMU swaps the bytes of TCP_INFO
  CHECK(bare("pipe_stdio_beside_dead_socket").killed_by(SIGPIPE));
  for (const auto& guard : kGuardsWithHandler) CHECK(shimmed("pipe_stdio_beside_dead_socket", guard).exited(0));
}
TEST_CASE("aarch64: an fd that becomes a file while threads write to it") {
  survives("replaced_by_file_writev");
  survives("replaced_by_file_dprintf", kGuardsWithHandler);
}
TEST_CASE("aarch64: after a short count what kills still kills") {
  for (const auto* scene : {"short_splice_then_kill", "syscall_splice_from_dead_socket_to_dead_pipe_still_kills"})
    still_dies(scene);
  still_dies("short_sendfile_then_pipe", kGuardsThatKnow);
}
TEST_CASE("aarch64: among signals with lower numbers the handler knows its own") {
  survives("among_other_signals", kGuardsWithHandler);
}
TEST_CASE("aarch64: a handler of the program is called for each SIGPIPE") { same_as_bare("own_handler_is_called"); }
