#include "log/log.h"

#include <sys/socket.h>
#include <sys/utsname.h>

#include <cerrno>

#include "log/call_sites.h"
#include "log/destination.h"
#include "log/timestamp.h"
#include "system/kernel.h"
#include "system/options.h"

namespace logging {
namespace {

using record::Format;
using record::Writer;

constexpr std::size_t kLongestLine = 4096;  // PIPE_BUF
constexpr int kPriority = 12;               // RFC 5424: facility user, severity warning

// Of our records in the journal: journalctl MESSAGE_ID=...
constexpr std::string_view kMessageId = "7d6f1c1e3a0b4f0c9d53b1a24c9e8f5a";

constinit char program[4096] = "";
constinit utsname host{};

// What the next record that can be written has to say of those before it, in this process: a child of fork begins anew.
constinit std::atomic<int> owner = 0;           // a pid
constinit std::atomic<std::uint64_t> lost = 0;  // records
constinit std::atomic<int> cut_short = 0;       // of the last one only the beginning could be written

void reset_after_fork() {
  const int own = kernel::pid();
  if (call_sites::in_child_of_vfork() || owner.exchange(own) == own) return;
  lost.store(0);
  cut_short.store(0);
}

// A record and what the frame around it needs.
struct Framed {
  std::string_view kind;
  Fill fill;
  const Fields& fields;
  timespec time;
  std::uint64_t lost;
  bool ends_a_piece;

  std::string_view put(text::Line& line, Format format) const {
    Writer record(line, format, time, kind);
    fill(record, fields);
    if (lost > 0) record.number(fields::lost, lost);
    return record.ended();
  }
};

Format format() { return options::get().format == LogFormat::json ? Format::json : Format::text; }

// RFC 5424, without structured data.
void put_syslog_header(text::Line& line, const Framed& record) {
  line << "<" << kPriority << ">1 ";
  timestamp::add(line, record.time);
  line << " " << (host.nodename[0] != '\0' ? host.nodename : "-") << " nosigpipe " << kernel::pid() << " "
       << record.kind << " - ";
}

// systemd.journal-fields(7), in journald's native protocol.
std::string_view put_journal(text::Line& line, Room& room, const Framed& record) {
  line << "PRIORITY=" << kPriority % 8 << "\nSYSLOG_IDENTIFIER=nosigpipe\nMESSAGE_ID=" << kMessageId << "\nMESSAGE=";
  const auto end = record.put(line, format()).size() - 1;
  text::Line fields(room.bytes + end, sizeof room.bytes - end);
  return {room.bytes, end + record.put(fields, Format::fields).size()};
}

std::string_view frame(Room& room, const Framed& record) {
  text::Line line(room.bytes, kLongestLine);
  switch (destination::kind()) {
    case destination::Kind::journal:
      return put_journal(line, room, record);
    case destination::Kind::syslog:
      put_syslog_header(line, record);
      break;
    default:
      if (record.ends_a_piece) line << "\n";
  }
  return record.put(line, format());
}

}  // namespace

void open() {
  is_wanted.store(true);
  kernel::call(SYS_uname, &host);
  kernel::call(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", program, sizeof program - 1);
  const int error = destination::open(executable());
  if (error == 0) return;
  text::Sized<4400> line;
  line << "nosigpipe: cannot open the log ";
  line.quoted(options::get().log_path) << " (errno " << error << "); nothing is logged until it can be";
  warn(line);
}

std::string_view executable() { return program; }

bool write(const nonblocking::SignalsBlocked& blocked, Room& room, std::string_view kind, Fill fill,
           const Fields& fields) {
  reset_after_fork();
  const auto lost_before = lost.exchange(0);
  const bool cut_before = cut_short.exchange(0) != 0;
  const auto bytes = frame(room, {kind, fill, fields, timestamp::now(), lost_before, cut_before});
  const long written = destination::write(blocked, bytes);
  if (written == static_cast<long>(bytes.size())) return true;
  if (written > 0 || cut_before) cut_short.store(1);
  lost.fetch_add(lost_before + 1);
  return false;
}

void warn(text::Line& line) {
  const nonblocking::SignalsBlocked blocked;
  nonblocking::write(blocked, 2, line.ended());
}

}  // namespace logging
