#ifdef __x86_64__  // elsewhere nothing is armed, see arm.cpp
#include "attach/remote.h"

#include <elf.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "attach/interrupted_call.h"
#include "attach/permission.h"
#include "attach/refusal.h"
#include "doctor/proc_file.h"

namespace attach {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestWayBack{5'000};
constexpr milliseconds kPatience{30'000};  // with what runs in the target
constexpr std::uint64_t red_zone(Machine machine) { return machine == Machine::x86_64 ? 128 : 0; }
constexpr std::uint16_t kDataSegment = 0x2b;        // that the kernel gives its programs
constexpr std::uint64_t kRoomForSignals = 8 << 10;  // at most, for who comes before the first step blocks them

// All that lies there the process itself may write to: no guard page, nothing that is not there.
bool are_writable(const std::vector<Mapping>& mappings, std::uint64_t begin, std::uint64_t end) {
  for (const auto& mapping : mappings)
    if (mapping.writable && mapping.start <= begin && begin < mapping.end) begin = mapping.end;
  return begin >= end;
}

constexpr std::uint64_t bit(int signal) { return std::uint64_t{1} << (signal - 1); }
constexpr std::uint64_t kBlocked =
    ~(bit(SIGSEGV) | bit(SIGBUS) | bit(SIGILL) | bit(SIGFPE) | bit(SIGTRAP) | bit(SIGKILL) | bit(SIGSTOP));

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

bool is_call_before(const Target& target, Machine machine, std::uint64_t counter) {
  const auto call = call_instruction(machine);
  std::string instruction(call.size(), '\0');
  if (!target.read(counter - call.size(), instruction.data(), instruction.size()))
    throw Refusal("it has ended or executed another program meanwhile: try again");
  return instruction == call;
}

}  // namespace

std::string error_in(std::uint64_t result) { return std::strerror(static_cast<int>(-result)); }

Remote::Remote(const Target& target, Machine machine, const Sleeper& sleeper, bool with_functions)
    : target_(target),
      machine_(machine),
      sleeps_in_call_(is_call_before(target, machine, sleeper.counter)),
      thread_(TracedThread::seize(target, sleeper.tid)) {
  look_whether_fit(sleeper, with_functions);
  lay_down_frame();
  code_ = place_stretch(target_, thread_, machine_, mappings_);
}

Remote::Remote(const Target& target, Machine machine, pid_t tid)
    : target_(target), machine_(machine), sleeps_in_call_(false), thread_(TracedThread::stopped(target, tid)) {
  registers_ = thread_.registers();
  mappings_ = target_.mappings();
  lay_down_frame();
  code_ = place_stretch(target_, thread_, machine_, mappings_);
}

Remote::~Remote() {
  try {
    if (thread_.is_stopped() && is_entered_ && behind_call_ != 0) follow_back();
  } catch (const NotNow&) {  // it has ended
  }
}

// Out of the stretch, to where the frame has restored all that it was. On its way from there the kernel looks for
// signals, and sees a call that is to be made again or ended by one.
void Remote::follow_back() {
  while (thread_.goes_on(kLongestWayBack)) {
    if (!thread_.is_at_call()) continue;
    const auto counter = thread_.registers().rip;
    if (counter != behind_call_ && counter != again_at_) continue;
    thread_.set_registers(registers_);
    return;
  }
}

// The signal frame that restores all that it is, and below it room for the tables.
void Remote::lay_down_frame() {
  const auto mask = thread_.mask();
  auto extended = thread_.register_set(NT_X86_XSTATE), old = thread_.register_set(NT_PRFPREG);
  if (!mask || !extended || !old)
    throw Refusal("this kernel does not tell a thread's mask or its floating-point registers");
  auto registers = registers_;
  if (again_at_ != behind_call_) {
    registers.rip = again_at_;
    registers.rax = registers.orig_rax;
  }
  registers.orig_rax = ~0ULL;
  frame_ = make_frame(machine_, registers, *mask, {std::move(*extended), std::move(*old)},
                      registers_.rsp - red_zone(machine_));
  ending_signals_ &= ~*mask;
  tables_ = (frame_.at - 2 * table_size(machine_)) & ~std::uint64_t{15};
  // The stack may end there; and all of it has to be there, what a signal handler may need included.
  const std::string bytes(frame_.at - tables_, '\0');
  const auto lowest = tables_ - kRoomForSignals, end = frame_.at + frame_.bytes.size();
  // The main thread's grows when something is read below its end, by whomever.
  if (char below = 0; !are_writable(mappings_, lowest, end) && target_.read(lowest, &below, sizeof below))
    mappings_ = target_.mappings();
  if (!are_writable(mappings_, lowest, end) || !target_.write(tables_, bytes.data(), bytes.size()) ||
      !target_.write(frame_.at, frame_.bytes.data(), frame_.bytes.size()))
    throw NotNow("there is no room on the stack of thread " + std::to_string(thread_.tid()));
}

void Remote::look_whether_fit(const Sleeper& sleeper, bool with_functions) {
  const auto stopped_at = registers_ = thread_.registers();
  if (stopped_at.cs != code_segment(machine_)) throw NotNow("its thread is in code of the other class");
  const bool has_moved = stopped_at.rip != sleeper.counter;
  if (has_moved ? is_call_before(target_, machine_, stopped_at.rip) : sleeps_in_call_) make_call_again();
  // Not the stop that we have asked for, but a stop of all its threads, or a signal on its way: one that is ignored,
  // too, since of who is traced that interrupts a call as any other does.
  if (!thread_.is_stopped_by_us()) throw NotNow("a signal came");
  if (has_moved || stopped_at.orig_rax != static_cast<unsigned long long>(sleeper.number) ||
      stopped_at.rsp != sleeper.stack || behind_call_ == 0)
    throw NotNow("its threads do not sleep long enough in one call");
  refuse_by_calls(target_, thread_, machine_);
  mappings_ = target_.mappings();
  if (is_in_handler(target_, machine_, mappings_, registers_.rsp, with_functions))
    throw NotNow("its threads are, or look as if they were, in signal handlers");
}

// From here on the kernel makes its call again when it goes on, or lets a signal end it, whether or not we are there:
// as soon as can be, since where we die before it is interrupted.
void Remote::make_call_again() {
  const auto first = machine_ == Machine::x86_64 ? registers_.rdi : registers_.rbx;
  if (!may_be_taken_in(call_of(machine_, static_cast<long>(registers_.orig_rax), first))) return;
  const auto call = interrupted_call(machine_, registers_);
  registers_ = call.registers;
  thread_.set_registers(registers_);
  behind_call_ = call.behind;
  again_at_ = call.again_at;
  if (call.is_ended_by_signal) ending_signals_ = doctor::number_of(doctor::value_of(thread_.status(), "SigCgt"), 16);
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
  if ((calls || !is_entered_) && !has_called_ && thread_.stopped_for() > kLongestStop)
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
  if (!thread_.set_registers(registers)) throw NotNow("its registers cannot be set");
  is_entered_ = true;
  ++runs_;
  pending_ = pending;
  try {
    is_entered_ = wait_for_end();
    if (!is_entered_) thread_.set_registers(registers_);
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
    if (!thread_.goes_on(std::chrono::duration_cast<milliseconds>(end - std::chrono::steady_clock::now())))
      throw Lost("its thread " + std::to_string(thread_.tid()) +
                 " does not come to an end of what it was made to do; it is left to it");
    const int signal = thread_.signal();
    if (behind_call_ != 0 && signal != 0 && (kBlocked & bit(signal)) != 0) return false;
    if (!thread_.is_at_call()) continue;
    const auto registers = thread_.registers();
    const bool is_behind = result_of(machine_, registers.rax) != static_cast<std::uint64_t>(-ENOSYS);
    const auto asked = machine_ == Machine::x86_64 ? registers.rdi : registers.rbx;
    if (is_behind && registers.rip == code_ + offset_behind_system_call(machine_) && asked == pending_) return true;
  }
}

}  // namespace attach
#endif
