#include "log/log.h"

#include <sys/utsname.h>

#include <atomic>
#include <cerrno>

#include "log/destination.h"
#include "log/memory.h"
#include "log/timestamp.h"
#include "log/unopened.h"
#include "system/at_start.h"
#include "system/clock.h"
#include "system/options.h"
#include "system/proc.h"

namespace logging {
namespace {

using destination::Kind;
using record::Format;

constexpr std::size_t kLongestLine = 4096;  // PIPE_BUF

constinit char program[4096];
constinit std::atomic<std::size_t> program_length = 0;
AT_START constinit std::int64_t start = 0;
constinit utsname host{};
constinit KeptFile standard_error;  // as the process was given it

struct Record {
  std::string_view kind;
  Fill fill;
  const Fields& fields;
  std::uint64_t lost;  // before it
  timespec time = kernel::clock(CLOCK_REALTIME);

  std::string_view put(text::Line& line, Format format) const {
    record::Writer record(line, format, time, kind);
    fill(record, fields);
    if (lost > 0) record.number(fields::lost, lost);
    return record.ended();
  }
};

// RFC 5424, without structured data: facility user, severity warning.
void put_syslog_header(text::Line& line, const Record& record) {
  line << "<12>1 ";
  timestamp::add(line, record.time);
  line << " " << (host.nodename[0] != '\0' ? host.nodename : "-") << " nosigpipe " << kernel::pid() << " "
       << record.kind << " - ";
}

// systemd.journal-fields(7), in journald's native protocol: the line is the message, the fields follow one by one.
// `journalctl MESSAGE_ID=...` shows all records of ours.
constexpr std::string_view kJournalHeader =
    "PRIORITY=4\nSYSLOG_IDENTIFIER=nosigpipe\nMESSAGE_ID=7d6f1c1e3a0b4f0c9d53b1a24c9e8f5a\nMESSAGE=";

// With what its destination wants around it. `ends_a_piece`: there is a piece of another record, not ended.
template <std::size_t kSize>
std::string_view framed(char (&room)[kSize], const Record& record, bool ends_a_piece) {
  const auto kind = destination::kind();
  text::Line line(room, kLongestLine);
  if (kind == Kind::syslog)
    put_syslog_header(line, record);
  else if (kind == Kind::journal)
    line << kJournalHeader;
  else if (ends_a_piece)
    line << "\n";
  const auto whole = record.put(line, options::get().format == LogFormat::json ? Format::json : Format::text);
  if (kind != Kind::journal) return whole;
  const auto end = whole.size() - 1;  // each field begins with a newline of its own
  text::Line fields(room + end, kSize - end);
  return {room, end + record.put(fields, Format::fields).size()};
}

void tell_why(int error, Scratch& scratch) {
  text::Line line(scratch.record, sizeof scratch.record);
  unopened::add(line, destination::place(), error);
  nonblocking::write(standard_error, line.ended(), nonblocking::Description::shared, scratch.blocked);
}

}  // namespace

void begin() {
  is_wanted.store(true);
#ifdef NOSIGPIPE_LATE
  start = proc::started();
#else
  start = kernel::clock_by_call(CLOCK_REALTIME).tv_sec;
#endif
  if (destination::kind() == Kind::syslog) kernel::call(SYS_uname, &host);
  destination::know_start();
  standard_error.share(2);
}

// Threads that come here at once all find the same.
std::string_view executable() {
  constexpr std::string_view kGone = " (deleted)";  // what the kernel says of a file that has no name any more
  if (program_length.load(std::memory_order_acquire) == 0) {
    const long length = kernel::call(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", program, sizeof program);
    const std::string_view name(program, length > 0 ? static_cast<std::size_t>(length) : 0);
    const bool is_gone = name.size() > kGone.size() && text::part(name, name.size() - kGone.size()) == kGone &&
                         (name.size() == sizeof program || kernel::file_at(AT_FDCWD, program).st_ino == 0);
    program_length.store(name.size() - (is_gone ? kGone.size() : 0), std::memory_order_release);
  }
  return {program, program_length.load()};
}

std::int64_t started() { return start; }

bool write(Scratch& scratch, std::string_view kind, Fill fill) {
  auto& state = memory->state;
  const auto lost = state.lost.exchange(0);
  const bool was_cut_short = state.cut_short.exchange(false);
  const auto bytes = framed(scratch.record, {kind, fill, scratch.fields, lost}, was_cut_short);
  int error = 0;
  const long written = destination::write(bytes, scratch.blocked, error);
  if (written == static_cast<long>(bytes.size())) return true;
  if (error != 0 && error != EBUSY && !state.is_told.exchange(true)) tell_why(error, scratch);
  if (written > 0 || was_cut_short) state.cut_short.store(true);
  state.lost.fetch_add(lost + 1);
  return false;
}

void warn(text::Line& line) {
  KeptFile now;
  now.share(2);
  const kernel::SignalsBlocked blocked;
  nonblocking::write(now, line.ended(), nonblocking::Description::shared, blocked.before());
}

}  // namespace logging
