// The report for programs: one JSON object.
#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "report/results.h"
#include "tools/display.h"
#include "tools/json.h"

namespace report {
namespace {

using Object = tools::JsonObject;
using tools::json_array;

Object& add_sum(Object& object, const Sum& sum) {
  object.number("count", sum.count).number("kills", sum.kills);
  if (sum.first > sum.last) return object;
  return object.text("first", for_programs(sum.first)).text("last", for_programs(sum.last));
}

std::string object_of(const Sum& sum) {
  Object object;
  return add_sum(object, sum).ended();
}

Object& add_place(Object& object, const Place& place) {
  return object.text_if("function", place.function)
      .text_if("source", place.source)
      .text_if("module", place.module)
      .text_if("offset", place.offset);
}

// Where it happened, and the whole chain, the write first.
void add_site(Object& object, const Entry& entry) {
  add_place(object, entry.place).text_if("through", entry.via).text_if("for", entry.for_whom);
  object.text_if("build_id", entry.build_id).text_if("note", entry.note);
  if (entry.chain.size() > 1)
    object.member("chain", json_array(entry.chain, [](const Place& place) {
                    Object of_chain;
                    return add_place(of_chain, place).ended();
                  }));
}

std::string entry(const Entry& entry) {
  Object object;
  add_sum(object, entry).text_if("name", entry.name);
  object.text_if("call", entry.call).text_if("exe", entry.exe);
  add_site(object, entry);
  const auto peers = entry.peers.top(3);
  if (!peers.empty())
    object.member("peers", json_array(peers, [](const Peers::Peer& peer) {
                    return Object().text("peer", peer.name).number("count", peer.at_least()).ended();
                  }));
  return object.ended();
}

std::string runaway(const Runaway& runaway) {
  return Object()
      .number("count", runaway.count)
      .text_if("exe", runaway.exe)
      .text_if("thread", runaway.thread)
      .text_if("action", runaway.action)
      .number("epipes", runaway.epipes)
      .text("last", for_programs(runaway.last))
      .ended();
}

std::string passed(const PassedEntry& entry) {
  const auto& [row, where] = entry;
  Object object;
  object.number("count", row.count)
      .text("first", for_programs(row.first))
      .text("last", for_programs(row.last))
      .text_if("exe", row.exe)
      .text_if("call", row.call)
      .text_if("kind", row.kind)
      .text_if("from", row.from);
  add_site(object, where);
  return object.ended();
}

// What the log says of why the connections were gone, the most frequent first.
std::string causes(const Counters& counters) {
  std::map<std::string, Sum> sums;
  for (const auto& [key, counter] : counters.list()) {
    sums[counter.cause].add(counter.averted);
    sums[counter.cause].add(counter.observed);
  }
  std::vector<std::pair<std::string, Sum>> sorted(sums.begin(), sums.end());
  std::ranges::stable_sort(sorted, std::ranges::greater{}, [](const auto& cause) { return cause.second.count; });
  return json_array(sorted, [](const auto& cause) {
    const auto& [name, sum] = cause;
    return Object().text_if("cause", name).number("count", sum.count).number("kills", sum.kills).ended();
  });
}

}  // namespace

std::string as_json(const Results& results) {
  const auto& tally = results.tally;
  const auto& seen = results.seen;
  const auto shown = std::span(results.entries).first(results.shown(0));
  const auto others = results.others(shown.size());

  Object object;
  object.member("killed", json_array(results.killed, passed));
  object.member("handled", json_array(results.handled, passed));
  object.member("averted", object_of(tally.averted()));
  object.member("observed", object_of(tally.observed()));
  object.number("processes", tally.processes());
  object.text("by", std::string(name_of(tally.by())));
  object.member("rows", json_array(shown, entry));
  if (others.rows > 0) {
    Object rest;
    object.member("others", add_sum(rest.number("rows", others.rows), others).ended());
  }
  object.member("causes", causes(tally.counters()));
  object.member("runaways", json_array(tally.runaways().list(), runaway));
  object.number("timeline_seconds", static_cast<std::uint64_t>(tally.timeline().width().count()));
  object.member("timeline", json_array(tally.timeline().bins(), [](const auto& bin) {
                  return "[" + tools::json_quoted(for_programs(bin.first)) + "," + std::to_string(bin.second) + "]";
                }));
  object.number("records", seen.records).number("damaged", seen.damaged).number("too_long", seen.too_long);
  object.number("unknown", seen.unknown).number("outside", seen.outside).number("lost", tally.lost());
  object.text("summary", summary(results));
  object.member("remarks", json_array(remarks(results), tools::json_quoted));
  object.member("unread", json_array(results.unread, [](const std::string& why) { return tools::json_quoted(why); }));
  object.text_if("trouble", results.trouble).text_if("interpreted", results.compiled);
  return object.ended() + "\n";
}

}  // namespace report
