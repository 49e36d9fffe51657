// The sentences of the table: the answer first, and last what the reader should know about the log itself.
#include <string>
#include <vector>

#include "report/results.h"
#include "tools/display.h"

namespace report {
namespace {

std::string between(const Sum& all) {
  const auto first = for_people(all.first);
  const auto last = for_people(all.last);
  return first == last ? "at " + first + " UTC" : "between " + first + " and " + last + " UTC";
}

std::string in_processes(const Tally& tally) {
  const auto number = tally.processes();
  return " in " + std::string(number >= kMostProcesses ? "at least " : "") +
         tools::plural(number, "process", "processes");
}

}  // namespace

std::string summary(const Results& results) {
  const auto& averted = results.tally.averted();
  const auto& observed = results.tally.observed();
  const auto& killed = results.tally.killed().all();
  const auto& handled = results.tally.handled().all();
  Sum all;
  for (const auto* sum : {&averted, &observed, &killed, &handled}) all.add(*sum);
  if (all.count == 0) {
    if (results.seen.outside > 0) return "No SIGPIPE in this period; the log has some outside of it.";
    if (!results.tally.runaways().list().empty()) return "No SIGPIPE counted, but threads ran away.";
    return results.seen.damaged > 0 || !results.unread.empty() ? "No SIGPIPE in what could be read of the log."
                                                               : "No SIGPIPE: the log has no records.";
  }
  std::vector<std::string> parts;
  if (killed.count > 0) parts.push_back(tools::plural(killed.count, "process", "processes") + " killed by SIGPIPE");
  if (handled.count > 0)
    parts.push_back(tools::plural(handled.count, "SIGPIPE", "SIGPIPEs") + " handled by the program");
  if (averted.count > 0)
    parts.push_back(tools::plural(averted.count, "SIGPIPE", "SIGPIPEs") + " averted" + in_processes(results.tally) +
                    ", " + (averted.kills == 0 ? "none" : tools::grouped(averted.kills)) + " would have killed");
  if (observed.count > 0)
    parts.push_back((averted.count == 0 ? tools::plural(observed.count, "SIGPIPE", "SIGPIPEs") + " observed" +
                                              in_processes(results.tally)
                                        : tools::grouped(observed.count) + " observed") +
                    ", " + (observed.kills == 0 ? "none" : tools::grouped(observed.kills)) + " deadly");
  std::string text;
  for (const auto& part : parts) text += part + "; ";
  return text + between(all) + ".";
}

std::vector<std::string> remarks(const Results& results) {
  std::vector<std::string> all;
  for (const auto& runaway : results.tally.runaways().list())
    all.push_back("Runaway: thread " + tools::printable(runaway.thread) + " of " + tools::printable(runaway.exe) +
                  ", " + tools::plural(runaway.count, "time", "times") + ", at most " + tools::grouped(runaway.epipes) +
                  " EPIPEs in a row, " + tools::printable(runaway.action) + ", last " + for_people(runaway.last) + ".");
  if (results.tally.runaways().more() > 0)
    all.push_back("Runaway: " + tools::grouped(results.tally.runaways().more()) + " more of other threads.");
  if (const auto& held_back = results.tally.held_back().all(); held_back.count > 0)
    all.push_back(tools::grouped(held_back.count) + " were held back, and no line says their " +
                  std::string(name_of(results.tally.by())) +
                  ": they are spread as those of their call site that are known.");
  const auto& seen = results.seen;
  if (seen.damaged > 0)
    all.push_back(tools::plural(seen.damaged, "line is", "lines are") + " damaged or cut, and not counted.");
  if (seen.too_long > 0)
    all.push_back(tools::plural(seen.too_long, "line is", "lines are") + " too long to be a record.");
  if (seen.unknown > 0)
    all.push_back(tools::plural(seen.unknown, "record is", "records are") +
                  " of a kind that this version does not know.");
  if (results.tally.lost() > 0)
    all.push_back(tools::plural(results.tally.lost(), "line", "lines") +
                  " could not be written by the log; what they were " + "to count is in the lines after them.");
  if (!results.trouble.empty()) all.push_back("Source lines: " + results.trouble + ".");
  if (!results.compiled.empty()) all.push_back("Interpreted code: " + results.compiled + ".");
  return all;
}

}  // namespace report
