#ifdef __x86_64__  // elsewhere nothing is armed, see arm.cpp
#include "attach/remote.h"

#include <elf.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "attach/filter.h"
#include "attach/permission.h"
#include "attach/refusal.h"
#include "doctor/proc_file.h"

namespace attach {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestWait{5'000};  // for the stop
constexpr milliseconds kPatience{30'000};    // with what runs in the target
constexpr int kAtCall = SIGTRAP | 0x80;      // a stop at a system call's entry or exit
constexpr std::uint64_t red_zone(Machine machine) { return machine == Machine::x86_64 ? 128 : 0; }
constexpr std::uint16_t kDataSegment = 0x2b;        // that the kernel gives its programs
constexpr std::uint64_t kRoomForSignals = 8 << 10;  // at most, for who comes before the first step blocks them

// What the kernel has as the result of a call that a stop has interrupted: ERESTARTSYS and the like, which no program
// sees.
constexpr long kRestartSys = 512, kRestartNoIntr = 513, kRestartNoHand = 514, kRestartBlock = 516;

bool is_interrupted(long result) {
  return result == -EINTR || result == -kRestartSys || result == -kRestartNoIntr || result == -kRestartNoHand ||
         result == -kRestartBlock;
}

// ERESTARTSYS is EINTR only where the handler is without SA_RESTART: that is left to the call that is made again.
bool is_ended_by_signal(long result) {
  return result == -EINTR || result == -kRestartNoHand || result == -kRestartBlock;
}

// All that lies there the process itself may write to: no guard page, nothing that is not there.
bool are_writable(const std::vector<Mapping>& mappings, std::uint64_t begin, std::uint64_t end) {
  for (const auto& mapping : mappings)
    if (mapping.writable && mapping.start <= begin && begin < mapping.end) begin = mapping.end;
  return begin >= end;
}

constexpr std::uint64_t bit(int signal) { return std::uint64_t{1} << (signal - 1); }
constexpr std::uint64_t kBlocked =
    ~(bit(SIGSEGV) | bit(SIGBUS) | bit(SIGILL) | bit(SIGFPE) | bit(SIGTRAP) | bit(SIGKILL) | bit(SIGSTOP));

template <class... Arguments>
long trace(__ptrace_request request, int tid, Arguments... arguments) {
  const long result = ptrace(request, tid, arguments...);
  if (result == -1 && errno == ESRCH) throw NotNow("its thread has ended");
  return result;
}

std::uint64_t signals_in(const std::string& status, std::string_view set) {
  return doctor::number_of(doctor::value_of(status, set), 16);
}

// Two tables of steps, so that none is changed while it is run. Behind the steps of each: what it blocks, what was
// pending, which signals end the thread's own call.
constexpr std::size_t kSteps = Remote::kMostSteps + 3;
struct Sets {
  std::uint64_t blocked, pending, ending;
};
constexpr std::size_t step_size(Machine machine) { return kStepWords * word_size(machine); }
constexpr std::size_t table_size(Machine machine) {
  return (kSteps * step_size(machine) + sizeof(Sets) + 15) & ~std::size_t{15};
}

std::string in_words(Machine machine, const Step& step) {
  std::uint64_t words[kStepWords];
  std::memcpy(words, &step, sizeof words);
  std::string bytes;
  for (const auto& word : words) bytes.append(reinterpret_cast<const char*>(&word), word_size(machine));
  return bytes;
}

}  // namespace

std::string error_in(std::uint64_t result) { return std::strerror(static_cast<int>(-result)); }

Remote::Remote(const Target& target, Machine machine, const Sleeper& sleeper, bool with_functions)
    : target_(target), machine_(machine), tid_(sleeper.tid), since_(std::chrono::steady_clock::now()) {
  const bool is_call = is_call_before(sleeper.counter);
  seize();
  try {
    look_whether_fit(sleeper, is_call, with_functions);
    place_code();
  } catch (...) {
    let_go();
    throw;
  }
}

Remote::Remote(const Target& target, Machine machine, int tid)
    : target_(target), machine_(machine), tid_(tid), since_(std::chrono::steady_clock::now()), is_stopped_(true) {
  trace(PTRACE_GETREGS, tid_, nullptr, &registers_);
  mappings_ = target_.mappings();
  learn();
  place_code();
}

Remote::~Remote() { let_go(); }

bool Remote::is_call_before(std::uint64_t counter) const {
  const auto call = call_instruction(machine_);
  std::string instruction(call.size(), '\0');
  if (!target_.read(counter - call.size(), instruction.data(), instruction.size()))
    throw Refusal("it has ended or executed another program meanwhile: try again");
  return instruction == call;
}

void Remote::let_go() {
  if (!is_stopped_) return;
  try {
    if (is_entered_ && behind_call_ != 0) follow_back();
  } catch (const NotNow&) {
    return;
  }
  if (is_stopped_) ptrace(PTRACE_DETACH, tid_, nullptr, signal_at_stop());
  is_stopped_ = false;
}

// Out of the stretch, to where the frame has restored all that it was. On its way from there the kernel looks for
// signals, and sees a call that is to be made again or ended by one.
void Remote::follow_back() {
  while (goes_on(kLongestWait)) {
    if (WSTOPSIG(status_) != kAtCall) continue;
    user_regs_struct registers{};
    trace(PTRACE_GETREGS, tid_, nullptr, &registers);
    if (registers.rip != behind_call_ && registers.rip != again_at_) continue;
    trace(PTRACE_SETREGS, tid_, nullptr, &registers_);
    return;
  }
}

// That it is about to get, and gets when it goes on; else 0.
int Remote::signal_at_stop() const {
  return status_ >> 16 == 0 && WSTOPSIG(status_) != kAtCall ? WSTOPSIG(status_) : 0;
}

// To its next stop. False where that takes too long.
bool Remote::goes_on(milliseconds limit) {
  is_stopped_ = false;
  return trace(PTRACE_SYSCALL, tid_, nullptr, signal_at_stop()) == 0 && wait_for_stop(limit);
}

std::chrono::microseconds Remote::stopped_for() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - since_);
}

// False where it has not stopped so long.
bool Remote::wait_for_stop(milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const pid_t stopped = waitpid(tid_, &status_, __WALL | WNOHANG);
    if (stopped == tid_ && WIFSTOPPED(status_)) {
      is_stopped_ = true;
      return true;
    }
    if (stopped != 0) throw NotNow("its thread has ended");
    if (std::chrono::steady_clock::now() > end) return false;
    // SIGCHLD comes with each stop; who does not block it waits a little longer.
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    const timespec moment{0, 1'000'000};
    sigtimedwait(&child, nullptr, &moment);
  }
}

void Remote::seize() {
  if (trace(PTRACE_SEIZE, tid_, nullptr, PTRACE_O_TRACESYSGOOD) != 0) {
    const int error = errno;
    refuse_by_status(target_.pid(), target_.status());
    const auto state = doctor::value_of(own_status(), "State").substr(0, 1);
    if (state.empty() || state == "Z" || state == "X") throw NotNow("its thread has ended");
    if (doctor::number_of(doctor::value_of(own_status(), "TracerPid")) != 0)
      throw NotNow("its thread " + std::to_string(tid_) + " is traced by somebody else");
    throw Refusal(why_not_allowed(target_.status(), error));
  }
  // It is a thread of this process for certain, if both are there still.
  if (target_.has_ended()) throw Refusal("the process has ended");
  if (own_status().empty()) throw NotNow("its thread has ended");
  trace(PTRACE_INTERRUPT, tid_, nullptr, nullptr);
  // As long as it does not stop it is none the worse; but there is no way to say that it need not.
  if (!wait_for_stop(kLongestWait))
    throw Refusal("its thread " + std::to_string(tid_) +
                  " does not stop: it waits in the kernel for a disk or a server; try again later");
}

// What the frame restores.
void Remote::learn() {
  std::uint64_t mask = 0;
  FloatingPoint floating;
  const auto get = [this](int set, std::string& bytes) {
    bytes.resize(64 << 10);
    iovec state{bytes.data(), bytes.size()};
    if (trace(PTRACE_GETREGSET, tid_, set, &state) != 0) return false;
    bytes.resize(state.iov_len);
    return true;
  };
  if (trace(PTRACE_GETSIGMASK, tid_, sizeof mask, &mask) != 0 || !get(NT_X86_XSTATE, floating.extended) ||
      !get(NT_PRFPREG, floating.old))
    throw Refusal("this kernel does not tell a thread's mask or its floating-point registers");
  auto registers = registers_;
  if (again_at_ != behind_call_) {
    registers.rip = again_at_;
    registers.rax = registers.orig_rax;
  }
  registers.orig_rax = ~0ULL;
  frame_ = make_frame(machine_, registers, mask, std::move(floating), registers_.rsp - red_zone(machine_));
  ending_signals_ &= ~mask;
  tables_ = (frame_.at - 2 * table_size(machine_)) & ~std::uint64_t{15};
  // The stack may end there; and all of it has to be there, what a signal handler may need included.
  const std::string bytes(frame_.at - tables_, '\0');
  const auto lowest = tables_ - kRoomForSignals, end = frame_.at + frame_.bytes.size();
  // The main thread's grows when something is read below its end, by whomever.
  if (char below = 0; !are_writable(mappings_, lowest, end) && target_.read(lowest, &below, sizeof below))
    mappings_ = target_.mappings();
  if (!are_writable(mappings_, lowest, end) || !target_.write(tables_, bytes.data(), bytes.size()) ||
      !target_.write(frame_.at, frame_.bytes.data(), frame_.bytes.size()))
    throw NotNow("there is no room on the stack of thread " + std::to_string(tid_));
}

void Remote::look_whether_fit(const Sleeper& sleeper, bool is_call, bool with_functions) {
  trace(PTRACE_GETREGS, tid_, nullptr, &registers_);
  const auto stopped_at = registers_;
  if (stopped_at.cs != code_segment(machine_)) throw NotNow("its thread is in code of the other class");
  const bool has_moved = stopped_at.rip != sleeper.counter;
  if (has_moved ? is_call_before(stopped_at.rip) : is_call) make_call_again();
  // Not the stop that we have asked for, but a stop of all its threads, or a signal on its way: one that is ignored,
  // too, since of who is traced that interrupts a call as any other does.
  if (status_ >> 16 != PTRACE_EVENT_STOP || WSTOPSIG(status_) != SIGTRAP) throw NotNow("a signal came");
  if (has_moved || stopped_at.orig_rax != static_cast<unsigned long long>(sleeper.number) ||
      stopped_at.rsp != sleeper.stack || behind_call_ == 0)
    throw NotNow("its threads do not sleep long enough in one call");
  look_whether_filtered();
  mappings_ = target_.mappings();
  if (is_in_handler(target_, machine_, mappings_, registers_.rsp, with_functions))
    throw NotNow("its threads are, or look as if they were, in signal handlers");
  learn();
}

std::string Remote::own_status() const {
  return doctor::read_proc(target_.directory() + "task/" + std::to_string(tid_) + "/status").value_or("");
}

// Whether it has its system calls sent to itself as SIGSYS, but for those that some code of its makes: ours would kill
// it. Before Linux 6.4 nobody tells.
bool Remote::dispatches_calls() const {
  constexpr auto kGetDispatch = static_cast<__ptrace_request>(0x4211);
  struct {
    std::uint64_t mode, selector, begin, size;
  } config{};
  return trace(kGetDispatch, tid_, sizeof config, &config) == 0 && config.mode != 0;
}

// A filter, strict mode and a dispatcher are each thread's own; another one may have none.
void Remote::look_whether_filtered() {
  if (dispatches_calls()) throw NotNow("its thread has its system calls sent to itself (PR_SET_SYSCALL_USER_DISPATCH)");
  const auto of = [](const std::string& status) { return doctor::number_of(doctor::value_of(status, "Seccomp")); };
  constexpr std::uint64_t kStrict = 1, kFilter = 2;
  const auto own = of(own_status());
  if (own == kStrict) throw NotNow("its thread may only read, write and end (seccomp's strict mode)");
  if (own != kFilter) return;
  try {
    refuse_by_filters(machine_, tid_);
  } catch (const Refusal& refusal) {
    if (of(target_.status()) == kFilter) throw;
    throw NotNow(refusal.what());
  }
}

// From here on the kernel makes its call again when it goes on, or lets a signal end it, whether or not we are there:
// as soon as can be, since where we die before it is interrupted.
void Remote::make_call_again() {
  const auto first = machine_ == Machine::x86_64 ? registers_.rdi : registers_.rbx;
  if (!may_be_taken_in(call_of(machine_, static_cast<long>(registers_.orig_rax), first))) return;
  const auto result = static_cast<long>(result_of(machine_, registers_.rax));
  behind_call_ = again_at_ = registers_.rip;
  if (is_interrupted(result)) {
    if (is_ended_by_signal(result)) registers_.rax = static_cast<std::uint64_t>(-kRestartNoHand);
    again_at_ -= call_instruction(machine_).size();
  } else {
    registers_.orig_rax = ~0ULL;
  }
  trace(PTRACE_SETREGS, tid_, nullptr, &registers_);
  if (is_ended_by_signal(result)) ending_signals_ = signals_in(own_status(), "SigCgt");
}

// Into the end of the last page of what is executed, where nothing is: first that of the vDSO, which every process has.
// It stays there: another thread may be on its way through it, for somebody who has died.
void Remote::place_code() {
  const std::string code(stretch_code(machine_));
  const auto room = (code.size() + 63) / 64 * 64;
  auto mappings = mappings_;
  std::erase_if(mappings, [](const auto& one) {
    return !one.executable || one.writable || one.shared || one.path == "[vsyscall]";
  });
  std::stable_partition(mappings.begin(), mappings.end(), [](const auto& one) { return one.path == "[vdso]"; });
  for (const auto& mapping : mappings) {
    const auto at = mapping.end - room;
    std::string there(room, '\1');
    if (!target_.read(at, there.data(), there.size())) continue;
    const auto is_free = [&](std::size_t i) { return there[i] == '\0' || (i < code.size() && there[i] == code[i]); };
    std::size_t free = 0;
    while (free < room && is_free(free)) ++free;
    if (free < room) continue;
    std::string padded = code;
    padded.resize(room);
    bool all = true;
    for (std::size_t i = 0; all && i < room; i += sizeof(long)) {
      long word = 0;
      std::memcpy(&word, padded.data() + i, sizeof word);
      if (there.compare(i, sizeof word, padded, i, sizeof word) != 0)
        all = trace(PTRACE_POKETEXT, tid_, at + i, word) == 0;
    }
    if (!all) continue;
    code_ = at;
    return;
  }
  throw Refusal("there is no room for our code in what it executes");
}

std::string Remote::table_of(const std::vector<Step>& steps) const {
  std::string bytes;
  for (auto step : steps) {
    if (step.stack == 0) step.stack = tables_;
    if (step.kind == Step::system_call)
      step.what = static_cast<std::uint64_t>(number_of(machine_, static_cast<Call>(step.what)));
    bytes += in_words(machine_, step);
  }
  bytes.resize(kSteps * step_size(machine_));
  const Sets sets{kBlocked, 0, ending_signals_};
  bytes.append(reinterpret_cast<const char*>(&sets), sizeof sets);
  return bytes;
}

std::vector<std::uint64_t> Remote::run(std::vector<Step> steps) {
  const bool calls = std::ranges::find(steps, Step::function, &Step::kind) != steps.end();
  if ((calls || !is_entered_) && !has_called_ && stopped_for() > kLongestStop)
    throw NotNow("the machine was too busy to do it within 100 ms");
  has_called_ = has_called_ || calls;
  const auto at = tables_ + runs_ % 2 * table_size(machine_);
  const auto sets = at + kSteps * step_size(machine_);
  const auto blocked = sets + offsetof(Sets, blocked);
  const auto pending = sets + offsetof(Sets, pending);
  const auto first = runs_ == 0 ? std::size_t{1} : 0;
  if (first == 1) steps.insert(steps.begin(), system_call(Call::rt_sigprocmask, SIG_SETMASK, blocked, 0, 8));
  steps.push_back(system_call(Call::rt_sigpending, pending, 8));
  const auto last = steps.size() - 1;
  steps.push_back({0, {pending, frame_.result, frame_.counter, behind_call_}, frame_.at, Step::leave, 0});
  const auto table = table_of(steps);
  if (!target_.write(at, table.data(), table.size())) throw NotNow("its stack is gone");

  auto registers = registers_;
  registers.rip = code_;
  registers.rbx = at;
  registers.rsp = tables_;
  registers.rax = 0;
  registers.orig_rax = ~0ULL;
  registers.eflags = 0x202;
  // As the kernel does it for a handler: the program may have a segment of its own in them, or none.
  if (machine_ == Machine::i386) registers.ds = registers.es = registers.ss = kDataSegment;
  if (trace(PTRACE_SETREGS, tid_, nullptr, &registers) != 0) throw NotNow("its registers cannot be set");
  is_entered_ = true;
  ++runs_;
  pending_ = pending;
  try {
    is_entered_ = wait_for_end();
    if (!is_entered_) trace(PTRACE_SETREGS, tid_, nullptr, &registers_);
  } catch (const NotNow& ended) {
    throw Lost(ended.what());
  }
  if (!is_entered_) throw NotNow("a signal came");

  std::vector<std::uint64_t> results;
  for (std::size_t i = first; i < last; ++i) {
    std::uint64_t result = 0;
    if (!target_.read(at + i * step_size(machine_) + (kStepWords - 1) * word_size(machine_), &result,
                      word_size(machine_)))
      throw Lost("its memory is gone");
    results.push_back(steps[i].kind == Step::system_call ? result_of(machine_, result) : result);
  }
  return results;
}

// Behind the last system call of the stretch, before it leaves. False where a signal has come before the first step has
// blocked it: nothing has been run then.
bool Remote::wait_for_end() {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    if (!goes_on(std::chrono::duration_cast<milliseconds>(end - std::chrono::steady_clock::now())))
      throw Lost("its thread " + std::to_string(tid_) +
                 " does not come to an end of what it was made to do; it is left to it");
    const int signal = signal_at_stop();
    if (behind_call_ != 0 && signal != 0 && (kBlocked & bit(signal)) != 0) return false;
    if (WSTOPSIG(status_) != kAtCall) continue;
    user_regs_struct registers{};
    trace(PTRACE_GETREGS, tid_, nullptr, &registers);
    const bool is_behind = result_of(machine_, registers.rax) != static_cast<std::uint64_t>(-ENOSYS);
    const auto asked = machine_ == Machine::x86_64 ? registers.rdi : registers.rbx;
    if (is_behind && registers.rip == code_ + offset_behind_system_call(machine_) && asked == pending_) return true;
  }
}

}  // namespace attach
#endif
