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
using record::Record;

constexpr std::size_t kLongestLine = 4096;  // PIPE_BUF
constexpr int kPriority = 12;               // RFC 5424: facility user, severity warning

// Of our records in the journal: journalctl MESSAGE_ID=...
constexpr std::string_view kMessageId = "7d6f1c1e3a0b4f0c9d53b1a24c9e8f5a";

constinit char program[4096] = "";
constinit utsname host{};

struct Dressed {
  std::string_view kind;
  Fill fill;
  const void* facts;
  timespec time;
  std::uint64_t lost;
  bool ends_a_piece;

  std::string_view put(text::Line& line, Format format) const {
    Record record(line, format, time, kind);
    fill(record, facts);
    if (lost > 0) record.number("lost", lost);
    return record.ended();
  }
};

Format format() { return options::get().format == LogFormat::json ? Format::json : Format::text; }

// RFC 5424, without structured data.
void put_syslog_header(text::Line& line, const Dressed& record) {
  line << "<" << kPriority << ">1 ";
  moment::add(line, record.time);
  line << " " << (host.nodename[0] != '\0' ? host.nodename : "-") << " nosigpipe " << kernel::pid() << " "
       << record.kind << " - ";
}

// systemd.journal-fields(7), in journald's native protocol.
std::string_view put_journal(text::Line& line, Room& room, const Dressed& record) {
  line << "PRIORITY=" << kPriority % 8 << "\nSYSLOG_IDENTIFIER=nosigpipe\nMESSAGE_ID=" << kMessageId << "\nMESSAGE=";
  const auto end = record.put(line, format()).size() - 1;
  text::Line fields(room.bytes + end, sizeof room.bytes - end);
  return {room.bytes, end + record.put(fields, Format::fields).size()};
}

std::string_view dress(Room& room, const Dressed& record) {
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
  if (options::get().log == Log::none || options::get().mode == Mode::off) return;
  is_wanted.store(true);
  kernel::call(SYS_uname, &host);
  kernel::call(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", program, sizeof program - 1);
  const int error = destination::open(executable());
  if (error == 0) return;
  text::Sized<4400> line;
  line << "nosigpipe: cannot open the log ";
  line.quoted(options::get().log_path) << " (errno " << error << "); nothing is told until it can be";
  warn(line);
}

std::string_view executable() { return program; }

bool write(const outlet::Quiet& quiet, Room& room, std::string_view kind, Fill fill, const void* facts) {
  const auto lost_before = sites::table.lost.exchange(0);
  const bool cut_before = sites::table.cut_short.exchange(false);
  const auto bytes = dress(room, {kind, fill, facts, moment::now(), lost_before, cut_before});
  const long written = destination::write(quiet, bytes);
  if (written == static_cast<long>(bytes.size())) return true;
  if (written > 0 || cut_before) sites::table.cut_short.store(true);
  sites::table.lost.fetch_add(lost_before + 1);
  return false;
}

void warn(text::Line& line) {
  const outlet::Quiet quiet;
  outlet::write(quiet, 2, line.ended());
}

}  // namespace logging
