// The answer first, and last what the reader should know about the log itself.
#include "report/display.h"
#include "report/results.h"

namespace report {
namespace {

std::string between(const Sum& a, const Sum& b) {
  Sum both = a;
  both.add(b);
  const auto first = for_people(both.first);
  const auto last = for_people(both.last);
  return first == last ? "at " + first + " UTC" : "between " + first + " and " + last + " UTC";
}

std::string in_processes(const Tally& tally) {
  const auto number = tally.processes();
  return " in " + std::string(number >= kMostProcesses ? "at least " : "") + plural(number, "process", "processes");
}

}  // namespace

std::string summary(const Findings& findings) {
  const auto& averted = findings.tally.averted();
  const auto& observed = findings.tally.observed();
  if (findings.total() == 0) {
    if (findings.seen.outside > 0) return "No SIGPIPE in this period; the log has some outside of it.";
    if (!findings.tally.runaways().list().empty()) return "No SIGPIPE counted, but threads ran away.";
    return findings.seen.damaged > 0 ? "No SIGPIPE in what could be read of the log."
                                     : "No SIGPIPE: the log has no records.";
  }
  std::string text;
  if (averted.count > 0)
    text = plural(averted.count, "SIGPIPE", "SIGPIPEs") + " averted" + in_processes(findings.tally) + ", " +
           (averted.kills == 0 ? "none" : grouped(averted.kills)) + " would have killed";
  if (observed.count > 0) {
    text += text.empty() ? plural(observed.count, "SIGPIPE", "SIGPIPEs") + " observed" + in_processes(findings.tally)
                         : "; " + grouped(observed.count) + " observed";
    text += ", " + (observed.kills == 0 ? "none" : grouped(observed.kills)) + " deadly";
  }
  return text + "; " + between(averted, observed) + ".";
}

std::vector<std::string> remarks(const Findings& findings) {
  std::vector<std::string> all;
  for (const auto& runaway : findings.tally.runaways().list())
    all.push_back("Runaway: thread " + printable(runaway.thread) + " of " + printable(runaway.exe) + ", " +
                  plural(runaway.count, "time", "times") + ", at most " + grouped(runaway.epipes) +
                  " EPIPEs in a row, " + printable(runaway.action) + ", last " + for_people(runaway.last) + ".");
  if (findings.tally.runaways().more() > 0)
    all.push_back("Runaway: " + grouped(findings.tally.runaways().more()) + " more of other threads.");
  const auto& seen = findings.seen;
  if (seen.damaged > 0)
    all.push_back(plural(seen.damaged, "line is", "lines are") + " damaged or cut, and not counted.");
  if (seen.too_long > 0) all.push_back(plural(seen.too_long, "line is", "lines are") + " too long to be a record.");
  if (seen.unknown > 0)
    all.push_back(plural(seen.unknown, "record is", "records are") + " of a kind that this version does not know.");
  if (findings.tally.lost() > 0)
    all.push_back(plural(findings.tally.lost(), "line", "lines") + " could not be written by the log; what they were " +
                  "to count is in the lines after them.");
  for (const auto& why : findings.unread) all.push_back("Not read: " + printable(why));
  if (!findings.trouble.empty()) all.push_back("Source lines: " + findings.trouble + ".");
  return all;
}

}  // namespace report
