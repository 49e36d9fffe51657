// nosigpipe-report: files of all kinds, files that grow, what is written into files, and how much memory that takes.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "support/report_log.h"

namespace {

void append(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::app) << text; }

std::string text_of(const Ending& ending, int status = 0) {
  INFO(ending.text() << "\n" << ending.out << ending.err);
  REQUIRE(ending.exited(status));
  return ending.out;
}

std::string gzipped(const std::string& path) {
  REQUIRE(run({"gzip", "-f", path}).exited(0));
  return path + ".gz";
}

std::string report_binary() { return built("nosigpipe-report"); }

// A report that follows, into a file that is written anew whenever something has changed.
class Following {
 public:
  explicit Following(const Strings& files) : process_(argv(files)) {}

  bool says(const std::string& words) {
    return eventually([&] { return has(contents(output()), words); });
  }
  Ending ended_by(int signal) {
    process_.signal(signal);
    return process_.wait();
  }
  Process& process() { return process_; }
  std::string output() const { return directory_ / "report"; }

 private:
  Strings argv(const Strings& files) const {
    return joined({report_binary(), "--follow", "--symbolizer=none", "--output", output()}, files);
  }

  Directory directory_;
  Process process_;
};

}  // namespace

TEST_CASE("several files and gzipped ones and the standard input make one report") {
  const Directory directory;
  append(directory / "log.2", Record().text());
  append(directory / "log.1", Record().json());
  append(directory / "log", Record().text());
  const auto zipped = gzipped(directory / "log.2");
  Start start;
  start.in = open((directory / "log").c_str(), O_RDONLY | O_CLOEXEC);
  CHECK(has(text_of(run({report_binary(), zipped, directory / "log.1", "-"}, start)), "3 SIGPIPEs averted"));
  close(start.in);
}

TEST_CASE("a gzipped file that is cut is used as far as it goes and is a failure") {
  const Directory directory;
  // Text that does not get much smaller.
  std::string log;
  unsigned state = 1;
  for (int i = 0; i < 5000; ++i) log += Record().set("fd", std::to_string(state = state * 1664525 + 1013904223)).text();
  append(directory / "log", log);
  const auto zipped = gzipped(directory / "log");
  REQUIRE(has(text_of(run({report_binary(), zipped})), "5,000 SIGPIPEs averted"));
  std::filesystem::resize_file(zipped, std::filesystem::file_size(zipped) / 2);
  const Ending ending = run({report_binary(), zipped});
  CHECK(has(text_of(ending, 1), " SIGPIPEs averted"));
  CHECK(has(ending.err, "is not gzipped well"));
}

TEST_CASE("a name that looks like an option or a command is a name") {
  const Directory directory;
  Start start;
  start.directory = directory.path();
  for (const std::string name : {"--help", "-v.gz", "$(touch ran).gz", "a b;touch ran"}) {
    INFO(name);
    append(directory / "log", Record().text());
    const bool zip = name.ends_with(".gz");
    std::filesystem::rename(zip ? gzipped(directory / "log") : directory / "log", directory / name);
    CHECK(has(text_of(run({report_binary(), "--", name}, start)), "1 SIGPIPE averted"));
  }
  CHECK(!std::filesystem::exists(directory / "ran"));
}

TEST_CASE("what cannot be read is told and the rest is used") {
  const Directory directory;
  append(directory / "log", Record().text());
  for (const auto& bad : {directory / "nosuch", directory.path()}) {
    const Ending ending = run({report_binary(), bad, directory / "log"});
    const auto report = text_of(ending, 1);
    CHECK(has(report, "1 SIGPIPE averted"));
    CHECK(ending.err.starts_with("nosigpipe-report: " + bad));
  }
}

namespace {

// The lines of a container's program, as Docker's json-file has them and as Kubernetes' CRI has them, cut after so many
// bytes into a line each.
std::string in_docker(const std::string& text, size_t most = std::string::npos, const std::string& stream = "stderr") {
  std::string log;
  for (const auto& line : lines_of(text))
    for (size_t at = 0; at <= line.size(); at += most) {
      log += R"({"log":")";
      for (const char c : line.substr(at, most)) {
        if (c == '"' || c == '\\') log += '\\';
        log += c == '<' ? R"(\u003c)" : std::string(1, c);
      }
      if (most >= line.size() - at) log += R"(\n)";
      log += R"(","stream":")" + stream + R"(","time":"2026-11-22T18:10:40.123456789Z"})" + "\n";
      if (most >= line.size() - at) break;
    }
  return log;
}

std::string in_cri(const std::string& text, size_t most = std::string::npos, const std::string& stream = "stderr") {
  std::string log;
  for (const auto& line : lines_of(text))
    for (size_t at = 0; at <= line.size(); at += most) {
      const bool last = most >= line.size() - at;
      log += "2026-11-22T18:10:40.123456789" + std::string(most % 2 == 0 ? "Z" : "+01:00") + " " + stream + " " +
             (last ? "F " : "P ") + line.substr(at, most) + "\n";
      if (last) break;
    }
  return log;
}

}  // namespace

TEST_CASE("a log in a container's dress gives the same report, whole lines and cut ones") {
  std::string text;
  for (Record record : {Record(), Record().set("thread", "\"a<\\x22\\x5c\\x1b\""), Record().set("count", "7"),
                        Record().set("stack", "\"/a\\x3bb+0x1;/c+0x2\"")})
    text += record.text() + "what the server says itself: \"\\\n" + record.json();
  const auto expected = report_of(text, {"--json"});
  REQUIRE(has(expected, "\"records\":8,\"damaged\":0"));
  for (const size_t most : {std::string::npos, size_t{1000}, size_t{100}, size_t{7}, size_t{1}}) {
    INFO(most);
    CHECK(report_of(in_docker(text, most), {"--json"}) == expected);
    CHECK(report_of(in_cri(text, most), {"--json"}) == expected);
  }
}

TEST_CASE("the two streams of a container are put together each for itself") {
  for (const auto& dressed : {in_docker, in_cri}) {
    const auto err = lines_of(dressed(Record().text() + Record().json(), 50, "stderr"));
    const auto out = lines_of(dressed(Record().json() + Record().text(), 60, "stdout"));
    std::string log;
    for (size_t i = 0; i < std::max(err.size(), out.size()); ++i)
      log += (i < err.size() ? err[i] + "\n" : "") + (i < out.size() ? out[i] + "\n" : "");
    CHECK(has(report_of(log), "4 SIGPIPEs averted"));
    CHECK(!has(report_of(log), "damaged"));
  }
}

TEST_CASE("a record in a container's log whose rest is missing is damaged, and what follows is used") {
  for (const auto& dressed : {in_docker, in_cri}) {
    auto lines = lines_of(dressed(Record().text(), 100, "stderr"));
    lines.pop_back();
    std::string torn;
    for (const auto& line : lines) torn += line + "\n";
    const auto damaged = report_of(in_cri(Record().text()) + torn);
    CHECK(has(damaged, "1 SIGPIPE averted"));
    CHECK(has(damaged, "1 line is damaged"));
    const auto whole = dressed(Record().text(), std::string::npos, "stderr");
    const auto cut = report_of(whole + whole.substr(0, whole.size() / 2));
    CHECK(has(cut, "1 SIGPIPE averted"));
    CHECK(has(cut, "1 line is damaged"));
    // The next container's line, behind the torn one.
    CHECK(has(report_of(torn + whole), "1 SIGPIPE averted"));
  }
}

TEST_CASE("partial lines of several files that are followed stay apart") {
  const Directory directory;
  const auto one = lines_of(in_cri(Record().text(), 150));
  const auto two = lines_of(in_docker(Record().set("count", "10").json(), 150));
  Following report({directory / "one", directory / "two"});
  for (size_t i = 0; i < std::min(one.size(), two.size()); ++i) {
    append(directory / "one", one[i] + "\n");
    append(directory / "two", two[i] + "\n");
  }
  for (size_t i = two.size(); i < one.size(); ++i) append(directory / "one", one[i] + "\n");
  for (size_t i = one.size(); i < two.size(); ++i) append(directory / "two", two[i] + "\n");
  CHECK(report.says("11 SIGPIPEs averted"));
  CHECK(!has(contents(report.output()), "damaged"));
}

TEST_CASE("what is no log is said to be none") {
  const Directory directory;
  std::string text;
  for (int i = 0; i < 12; ++i) text += "a line of somebody else\n";
  append(directory / "text", text);
  append(directory / "cri", in_cri(text));
  append(directory / "no_newline", "x");
  unsigned state = 1;
  std::string random;
  for (int i = 0; i < 5000; ++i) random += static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  append(directory / "random", random);
  append(directory / "long", std::string(100'000, 'x'));
  for (const auto& [file, words] :
       std::vector<std::pair<std::string, std::string>>{{directory / "text", "12 lines"},
                                                        {directory / "cri", "12 lines"},
                                                        {directory / "no_newline", "1 line"},
                                                        {directory / "random", " lines"},
                                                        {directory / "long", "1 line"},
                                                        {"/bin/ls", " lines"}}) {
    const Ending ending = run({report_binary(), file});
    INFO(file << ": " << ending.out << ending.err);
    CHECK(ending.exited(1));
    CHECK(ending.err.starts_with("nosigpipe-report: " + file + ": "));
    CHECK(has(ending.err, words + ", none written by nosigpipe\n"));
    CHECK(has(ending.out, "No SIGPIPE in what could be read of the log."));
  }
  append(directory / "log", Record().text());
  CHECK(has(text_of(run({report_binary(), directory / "text", directory / "log"}), 1), "1 SIGPIPE averted"));
  append(directory / "text", Record().text());
  CHECK(run({report_binary(), directory / "text"}).exited(0));
  CHECK(run({report_binary(), "--until=2000-01-01", directory / "log"}).exited(0));
  append(directory / "empty", "");
  CHECK(run({report_binary(), directory / "empty"}).exited(0));
}

TEST_CASE("a file is read once whatever names it is given by, and one that is missing is said once") {
  const Directory directory;
  append(directory / "log", Record().text());
  append(directory / "other", Record().set("count", "10").text());
  std::filesystem::create_symlink("log", directory / "link");
  std::filesystem::create_hard_link(directory / "log", directory / "hard");
  Start start;
  start.in = open((directory / "log").c_str(), O_RDONLY | O_CLOEXEC);
  const auto missing = directory / "missing";
  const Strings files{directory / "log",
                      "-",
                      directory / "link",
                      missing,
                      directory / "other",
                      directory / "hard",
                      directory.path() + "/./log",
                      missing,
                      "-"};
  const Ending ending = run(joined({report_binary()}, files), start);
  close(start.in);
  INFO(ending.out << ending.err);
  CHECK(ending.exited(1));
  CHECK(has(ending.out, "11 SIGPIPEs averted"));
  CHECK(lines_with(missing, ending.out + ending.err).size() == 1);

  Following report({directory / "log", directory / "link", directory / "other"});
  REQUIRE(report.says("11 SIGPIPEs averted"));
  append(directory / "log", Record().set("count", "100").text());
  CHECK(report.says("111 SIGPIPEs averted"));
}

TEST_CASE("a file that grows is followed until a signal") {
  const Directory directory;
  const auto log = directory / "log";
  append(log, Record().text());
  for (const int signal : {SIGINT, SIGTERM}) {
    Following report({log});
    CHECK(report.says("1 SIGPIPE averted"));
    const auto more = Record().set("count", "10").text();
    append(log, more.substr(0, 50));
    append(log, more.substr(50));
    CHECK(report.says("11 SIGPIPEs averted"));
    CHECK(report.process().running());
    CHECK(report.ended_by(signal).exited(0));
    CHECK(!has(contents(report.output()), "damaged"));
    std::filesystem::resize_file(log, Record().text().size());
  }
}

TEST_CASE("a rotated file is followed under both its names") {
  const Directory directory;
  const auto log = directory / "log";
  append(log, Record().text());
  Following report({log});
  REQUIRE(report.says("1 SIGPIPE averted"));
  std::filesystem::rename(log, log + ".1");
  append(log + ".1", Record().set("count", "10").text());  // a program goes on writing to the file that it has open
  append(log, Record().set("count", "100").text());
  CHECK(report.says("111 SIGPIPEs averted"));
  append(log + ".1", Record().set("count", "1000").text());
  append(log, Record().set("count", "10000").text());
  CHECK(report.says("11,111 SIGPIPEs averted"));
}

TEST_CASE("a truncated file is followed from its beginning") {
  const Directory directory;
  const auto log = directory / "log";
  append(log, Record().text() + Record().text());
  Following report({log});
  REQUIRE(report.says("2 SIGPIPEs averted"));
  std::filesystem::resize_file(log, 0);
  append(log, Record().set("count", "40").text());
  CHECK(report.says("42 SIGPIPEs averted"));
}

TEST_CASE("a file that is not there yet is followed as soon as it is") {
  const Directory directory;
  Following report({directory / "log"});
  REQUIRE(report.says("the log has no records"));
  append(directory / "log", Record().text());
  CHECK(report.says("1 SIGPIPE averted"));
}

TEST_CASE("following ends with the standard input where that ends") {
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  Start start;
  start.in = ends[0];
  Process report({report_binary(), "--follow"}, start);
  const auto record = Record().text();
  REQUIRE(write(ends[1], record.data(), record.size()) == static_cast<ssize_t>(record.size()));
  close(ends[1]);
  CHECK(has(text_of(report.wait()), "1 SIGPIPE averted"));
  close(ends[0]);
}

TEST_CASE("following an idle file takes no processor time") {
  const Directory directory;
  append(directory / "log", Record().text());
  Following report({directory / "log"});
  REQUIRE(report.says("1 SIGPIPE averted"));
  // Voluntary switches: how often it has slept and been woken, of which a busy loop has none or very many.
  const auto woken = [&] {
    const auto status = contents("/proc/" + std::to_string(report.process().pid()) + "/status");
    return std::stol(status.substr(status.find("\nvoluntary_ctxt_switches:") + 25));
  };
  const long before = woken();
  REQUIRE(eventually([&] { return woken() >= before + 2; }));
  const auto ticks = [&] {
    std::istringstream stat(contents("/proc/" + std::to_string(report.process().pid()) + "/stat"));
    const Strings words{std::istream_iterator<std::string>(stat), {}};
    return std::stol(words.at(13)) + std::stol(words.at(14));
  };
  const long used = ticks();
  const long then = woken();
  REQUIRE(eventually([&] { return woken() >= then + 3; }));
  CHECK(ticks() - used <= 5);
}

TEST_CASE("promtool accepts the metrics and they end as OpenMetrics do") {
  Record odd;
  odd.set("exe", "\"/srv/\\x22\\x5c\\x0a{}\"").without("cause");
  auto log = Record().text() + odd.text() + Record().set("event", "observed").text();
  log += Record().set("event", "runaway").set("action", "throttle").text();
  for (const auto& text : {log, std::string()}) {
    const auto metrics = report_of(text, {"--openmetrics"});
    INFO(metrics);
    CHECK(metrics.ends_with("\n# EOF\n"));
    const Directory directory;
    append(directory / "metrics", metrics);
    Start start;
    start.in = open((directory / "metrics").c_str(), O_RDONLY | O_CLOEXEC);
    const Ending ending = run({"promtool", "check", "metrics"}, start);
    close(start.in);
    INFO(ending.out << ending.err);
    CHECK(ending.exited(0));
    CHECK((ending.out + ending.err).empty());
  }
  CHECK(has(report_of(log, {"--openmetrics"}),
            R"(nosigpipe_averted_total{exe="/srv/x",call="write",cause="peer_gone"} 1)"));
  CHECK(has(report_of(log, {"--openmetrics"}), R"(,call="write"} 1)"));
  const auto bare = Record().without("exe").without("call").without("cause").text();
  CHECK(has(report_of(bare, {"--openmetrics"}), "\nnosigpipe_averted_total 1\n"));
}

TEST_CASE("a report in a file is there as a whole or not at all") {
  const Directory directory;
  append(directory / "log", Record().text());
  append(directory / "out", "before");
  const auto report = [&](const Strings& limit) {
    Strings argv = limit;
    for (const auto& word :
         {report_binary(), std::string("--openmetrics"), "--output=" + directory / "out", directory / "log"})
      argv.push_back(word);
    return run(argv);
  };
  struct stat before {};
  struct stat after {};
  REQUIRE(stat((directory / "out").c_str(), &before) == 0);
  const Ending full = report({"sh", "-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"});
  CHECK(full.exited(1));
  CHECK(contents(directory / "out") == "before");
  CHECK(report({}).exited(0));
  CHECK(contents(directory / "out").ends_with("# EOF\n"));
  REQUIRE(stat((directory / "out").c_str(), &after) == 0);
  CHECK(before.st_ino != after.st_ino);
  CHECK((after.st_mode & 0777) == 0644);
  for (const auto& entry : std::filesystem::directory_iterator(directory.path()))
    CHECK((entry.path().filename() == "log" || entry.path().filename() == "out"));
}

TEST_CASE("folded stacks go from the program to the call and have their counts") {
  const auto log = Record()
                       .set("stack", "\"/lib/c.so+0x1;/srv/x+0x2;/srv/x+0x3\"")
                       .set("module", "\"/lib/c.so\"")
                       .set("offset", "0x1")
                       .set("symbol", "\"sock write;x\"")
                       .set("count", "5")
                       .text();
  CHECK(report_of(log + log, {"--folded"}) == "x;x+0x3;x+0x2;sock write:x;write 10\n");
}

namespace {

// What makes much of what must be remembered little.
const std::vector<std::pair<std::string, std::function<void(std::ostream&)>>> hostile{
    {"unique short keys",
     [](std::ostream& log) {
       for (int i = 0; i < 150'000; ++i) {
         const auto n = std::to_string(i);
         log << "nosigpipe: 2026-11-22T18:10:39Z event=averted pid=" << n << " thread=" << n << " exe=\"/" << n
             << "\" call=c" << n << " fd=" << n << " count=1 kills=0 socket=tcp peer=\"" << n << ":1\" cause=c" << n
             << " module=\"/" << n << "\" offset=0x" << n << "\n";
       }
     }},
    {"unique long keys",
     [](std::ostream& log) {
       for (int i = 0; i < 30'000; ++i) {
         const auto n = std::to_string(i) + std::string(700, 'x');
         log << "nosigpipe: 2026-11-22T18:10:39Z event=averted pid=1 thread=\"" << n << "\" exe=\"/" << n
             << "\" count=1 kills=0 peer=\"" << n << "\" cause=" << n << " module=\"/" << n << "\" offset=0x1\n";
       }
     }},
    {"unique peers of each of many sites",
     [](std::ostream& log) {
       for (int i = 0; i < 150'000; ++i)
         log << "nosigpipe: 2026-11-22T18:10:39Z event=averted pid=1 count=1 kills=0 peer=\"" << i
             << std::string(150, 'p') << "\" module=\"/x\" offset=0x" << i % 9'999 << "\n";
     }},
    {"stacks of many frames",
     [](std::ostream& log) {
       for (int i = 0; i < 2'000; ++i) {
         log << "nosigpipe: 2026-11-22T18:10:39Z event=averted pid=1 count=1 kills=0 module=\"/" << i
             << "\" offset=0x1 stack=\"" << std::string(12'000, ';') << "\"\n";
       }
     }},
    {"events in all of time",
     [](std::ostream& log) {
       for (int i = 0; i < 100'000; ++i) {
         char time[32];
         std::snprintf(time, sizeof time, "%04d-%02d-%02dT%02d:00:00Z", i % 9999 + 1, i % 12 + 1, i % 28 + 1, i % 24);
         log << "nosigpipe: " << time << " event=averted pid=1 count=1 kills=0\n";
       }
     }},
    {"runaways of unique threads",
     [](std::ostream& log) {
       for (int i = 0; i < 100'000; ++i)
         log << "nosigpipe: 2026-11-22T18:10:39Z event=runaway pid=1 fd=1 thread=\"" << i << std::string(300, 't')
             << "\" epipes=1 action=a\n";
     }},
    {"one line without an end",
     [](std::ostream& log) {
       const std::string block(1 << 20, 'x');
       log << Record().text() << "nosigpipe: 2026-11-22T18:10:39Z event=\"";
       for (int i = 0; i < 200; ++i) log << block;
     }},
};

}  // namespace

TEST_CASE("a timeline has a limited number of times whatever the time it covers") {
  std::ostringstream log;
  hostile.at(4).second(log);
  const auto report = report_of(log.str(), {"--json"});
  REQUIRE(has(report, "\"count\":100000,"));
  const auto times = lines_with(" [\"", report).size();
  CHECK(times > 500);
  CHECK(times < 3000);
}

TEST_CASE("no log takes more than 100 MiB of memory") {
  for (const auto& [name, write] : hostile) {
    const Directory directory;
    {
      std::ofstream log(directory / "log");
      write(log);
    }
    for (const std::string form : {"--by=site", "--by=thread", "--by=peer", "--json", "--folded", "--openmetrics"}) {
      INFO(name << ", " << form);
      const Ending ending = run({"prlimit", "--as=104857600", report_binary(), form, directory / "log"});
      INFO(ending.text() << "\n" << ending.err);
      CHECK(ending.exited(0));
      if (form == "--by=site" && name.starts_with("unique") && has(name, "keys")) CHECK(has(ending.out, "others: "));
    }
  }
}
