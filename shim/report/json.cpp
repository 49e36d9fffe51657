// The report for programs: one JSON object.
#include "report/display.h"
#include "report/results.h"

namespace report {
namespace {

// The members of one object, each with a comma before it but the first.
class Object {
 public:
  Object& text(const char* name, const std::string& value) { return member(name, json_quoted(value)); }
  Object& text_if(const char* name, const std::string& value) { return value.empty() ? *this : text(name, value); }
  Object& number(const char* name, std::uint64_t value) { return member(name, std::to_string(value)); }
  Object& member(const char* name, const std::string& value) {
    text_ += (text_.empty() ? "{" : ",") + json_quoted(name) + ":" + value;
    return *this;
  }
  Object& sum(const Sum& sum) {
    number("count", sum.count).number("kills", sum.kills);
    return sum.first > sum.last ? *this : text("first", for_programs(sum.first)).text("last", for_programs(sum.last));
  }
  std::string ended() const { return (text_.empty() ? "{" : text_) + "}"; }

 private:
  std::string text_;
};

template <class List, class Write>
std::string array(const List& list, Write write) {
  std::string text;
  for (const auto& item : list) text += (text.empty() ? "" : ",\n ") + write(item);
  return "[" + text + "]";
}

std::string entry(const Entry& entry) {
  Object object;
  object.sum(entry).text_if("name", entry.name);
  object.text_if("call", entry.call).text_if("function", entry.function).text_if("source", entry.source);
  object.text_if("exe", entry.exe).text_if("module", entry.module).text_if("offset", entry.offset);
  object.text_if("through", entry.via).text_if("build_id", entry.build_id).text_if("note", entry.note);
  const auto peers = entry.peers.top(3);
  if (!peers.empty())
    object.member("peers", array(peers, [](const Peers::Peer& peer) {
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

}  // namespace

std::string as_json(const Findings& findings) {
  const auto& tally = findings.tally;
  const auto& seen = findings.seen;
  auto shown = findings.entries;
  Sum others = tally.others();
  const auto number = findings.shown(0);
  for (std::size_t i = number; i < shown.size(); ++i) others.add(shown[i]);
  const auto in_others = tally.rows_in_others() + (shown.size() - number);
  shown.resize(number);

  Object object;
  object.member("averted", Object().sum(tally.averted()).ended());
  object.member("observed", Object().sum(tally.observed()).ended());
  object.number("processes", tally.processes());
  object.text("by", kByNames[static_cast<std::size_t>(tally.by())]);
  object.member("rows", array(shown, entry));
  if (in_others > 0) object.member("others", Object().number("rows", in_others).sum(others).ended());
  object.member("runaways", array(tally.runaways().list(), runaway));
  object.number("timeline_seconds", static_cast<std::uint64_t>(tally.timeline().width() / kSecond));
  object.member("timeline", array(tally.timeline().bins(), [](const auto& bin) {
                  return "[" + json_quoted(for_programs(bin.first)) + "," + std::to_string(bin.second) + "]";
                }));
  object.number("records", seen.records).number("damaged", seen.damaged).number("too_long", seen.too_long);
  object.number("unknown", seen.unknown).number("outside", seen.outside).number("lost", tally.lost());
  object.member("unread", array(findings.unread, [](const std::string& why) { return json_quoted(why); }));
  object.text_if("trouble", findings.trouble);
  return object.ended() + "\n";
}

}  // namespace report
