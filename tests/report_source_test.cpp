// nosigpipe-report: from the address in a record to the line of the source, or to why there is none.
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/report_log.h"

namespace {

// serve() calls where(), which tells the address that it returns to, as the log does of a write. What the next
// instruction belongs to is another line.
constexpr const char* kServer = R"(#include <stdio.h>
extern char __executable_start;
__attribute__((noinline)) void where(void) {
  printf("0x%lx\n", (long)((char*)__builtin_return_address(0) - &__executable_start));
}
__attribute__((noinline)) void serve(void) {
  where();
  fflush(stdout);
}
int main(void) {
  serve();
  return 0;
}
)";
constexpr const char* kLine = "server.c:7";

// Tools tell a build id in hexadecimal digits.
std::string build_id_of(const std::string& binary) {
  const auto notes = output_of({"readelf", "-nW", binary});
  const auto ids = matches(notes, "Build ID: ([0-9a-f]+)");
  REQUIRE(!ids.empty());
  return ids[0];
}

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

// A program of its own, and a record of a write in it.
class Server {
 public:
  explicit Server(const Strings& flags = {}) {
    std::ofstream(source()) << kServer;
    build(flags);
    offset_ = lines_of(output_of({binary()})).at(0);
    build_id_ = build_id_of(binary());
  }

  void build(const Strings& flags) const {
    output_of(joined({"gcc", "-g", "-O1", "-Wl,--build-id", "-o", binary(), source()}, flags));
  }

  // The debug information goes into a file of its own.
  void split(const std::string& debug_file) const {
    output_of({"objcopy", "--only-keep-debug", binary(), debug_file});
    output_of({"strip", binary()});
  }

  Record record() const {
    Record record;
    return record.without("symbol")
        .set("exe", quoted(binary()))
        .set("module", quoted(binary()))
        .set("offset", offset_)
        .set("build_id", build_id_);
  }

  std::string binary() const { return directory_ / "server"; }
  std::string source() const { return directory_ / "server.c"; }
  std::string operator/(const std::string& name) const { return directory_ / name; }
  const std::string& offset() const { return offset_; }
  const std::string& build_id() const { return build_id_; }

 private:
  Directory directory_;
  std::string offset_, build_id_;
};

// The row of the only site, and what stands below it.
std::string row(const Record& record, const Strings& options = {}) {
  const auto lines = lines_of(report_of(record.text(), options));
  REQUIRE(lines.size() > 5);
  return lines[3] + "\n" + lines[4] + "\n" + lines[5];
}

const Strings all_symbolizers{"llvm-symbolizer", "eu-addr2line", "addr2line"};

}  // namespace

TEST_CASE("each symbolizer names the function and the line of the call and not of what comes after it") {
  const Server server;
  for (const auto& symbolizer : all_symbolizers) {
    INFO(symbolizer);
    const auto shown = row(server.record(), {"--symbolizer=" + symbolizer});
    CHECK(has(shown, "serve  "));
    CHECK(has(shown, kLine));
  }
  CHECK(!has(row(server.record(), {"--symbolizer=none"}), kLine));
}

TEST_CASE("a program that is not position-independent has lines, too") {
  const Server server({"-no-pie", "-fno-pie"});
  // There the address is told as it is.
  const auto base = std::stoul(
      output_of({"sh", "-c", "nm \"$0\" | sed -n 's/ [A-Z] __executable_start//p'", server.binary()}), nullptr, 16);
  char address[32];
  std::snprintf(address, sizeof address, "0x%lx", base + std::stoul(server.offset(), nullptr, 16));
  CHECK(has(row(server.record().set("offset", address)), kLine));
}

TEST_CASE("a stripped program's lines are found by the debug link beside it") {
  const Server server;
  const auto debug_file = server / "server.debug";
  server.split(debug_file);
  CHECK(has(row(server.record()), "no debug information"));
  Start start;
  start.directory = server / ".";
  REQUIRE(run({"objcopy", "--add-gnu-debuglink=server.debug", "server"}, start).exited(0));
  for (const auto& symbolizer : all_symbolizers) {
    INFO(symbolizer);
    const auto shown = row(server.record(), {"--symbolizer=" + symbolizer});
    CHECK(has(shown, "serve  "));
    CHECK(has(shown, kLine));
  }
  const Server other({"-DOTHER=1", "-O0"});
  std::filesystem::remove(debug_file);
  std::filesystem::copy_file(other.binary(), debug_file);
  CHECK(!has(row(server.record()), "server.c"));
}

TEST_CASE("a stripped program's lines are found by its build id") {
  const Server server;
  const auto directory = server / ("debug/.build-id/" + server.build_id().substr(0, 2));
  std::filesystem::create_directories(directory);
  server.split(directory + "/" + server.build_id().substr(2) + ".debug");
  CHECK(!has(row(server.record()), kLine));
  CHECK(has(row(server.record(), {"--search", server / "debug"}), kLine));
}

TEST_CASE("a program that has moved is found by its build id where one says to look") {
  const Server server;
  std::filesystem::create_directory(server / "new");
  std::filesystem::rename(server.binary(), server / "new/server-2");
  CHECK(has(row(server.record()), "binary not found"));
  const auto found = row(server.record(), {"--search", server / "new"});
  CHECK(has(found, kLine));
  CHECK(has(found, "binary not found or not readable; line from another file of its build"));
}

TEST_CASE("a program of another build names no line and is said to have changed") {
  const Server server;
  const auto before = server.record();
  REQUIRE(has(row(before), kLine));
  server.build({"-DOTHER=1", "-O0"});
  REQUIRE(build_id_of(server.binary()) != server.build_id());
  const auto shown = row(before);
  CHECK(has(shown, "binary changed (build id differs)"));
  CHECK(!has(shown, "server.c"));
  CHECK(has(shown, "server+" + server.offset()));
}

TEST_CASE("without a build id in the log a program that is newer than the record names no line") {
  const Server server;
  const auto record = server.record().without("build_id");
  CHECK(has(row(Record(record).at("2099-01-01T00:00:00Z")), kLine));
  const auto shown = row(Record(record).at("2020-01-01T00:00:00Z"));
  CHECK(!has(shown, "server.c"));
  CHECK(has(shown, "binary changed since, and the log has no build id"));
}

TEST_CASE("with a stack the first frame with a line is shown and through which module it went") {
  const Server program;
  const Server library;
  library.split(library / "elsewhere");
  const auto stack = library.binary() + "+" + library.offset() + ";/nowhere/at/all+0x10;" + program.binary() + "+" +
                     program.offset() + ";" + program.binary() + "+0x1";
  const auto shown =
      row(library.record().set("exe", quoted(program.binary())).set("stack", quoted(stack)).at("2099-01-01T00:00:00Z"));
  CHECK(has(shown, kLine));
  CHECK(has(shown, "; in " + program.binary() + "; through " + library.binary()));
}

TEST_CASE("a symbol without a size is no function and two sites in one keep their offsets") {
  const Server server;
  std::ofstream(server.source(), std::ios::app) << R"(
__asm__(".text; .globl unsized; .type unsized, @function; unsized: .skip 64, 0x90;"
        ".globl sized; .type sized, @function; sized: .skip 64, 0x90; .size sized, 64");
)";
  server.build({"-g0", "-rdynamic"});
  output_of({"strip", server.binary()});
  const auto within = [&](const std::string& symbol, unsigned long offset) {
    const auto words = "readelf -Ws --dyn-syms \"$0\" | awk '$8 == \"" + symbol + "\" { print $2 }'";
    const auto value = std::stoul(output_of({"sh", "-c", words, server.binary()}), nullptr, 16);
    std::ostringstream address;
    address << "0x" << std::hex << value + offset;
    return address.str();
  };
  const auto record = [&](const std::string& address) {
    return server.record().set("offset", address).set("build_id", build_id_of(server.binary()));
  };
  for (const auto& symbolizer : all_symbolizers) {
    INFO(symbolizer);
    const auto report = report_of(
        record(within("unsized", 16)).text() + record(within("sized", 16)).text() + record(within("sized", 32)).text(),
        {"--symbolizer=" + symbolizer});
    INFO(report);
    CHECK(has(report, "  write  server+" + within("unsized", 16) + "\n"));
    CHECK(has(report, "  write  sized  server+" + within("sized", 16) + "\n"));
    CHECK(has(report, "  write  sized  server+" + within("sized", 32) + "\n"));
  }
}

TEST_CASE("where the write's module has no lines the program is named, and its chain stands beneath") {
  const Record record =
      Record()
          .set("module", "\"/lib/x.so.3\"")
          .without("symbol")
          .set("stack", quoted("/lib/x.so.3+0x806e;/lib/x.so.3+0x7;/lib/y.so+0x9;/lib/y.so+0x8;/srv/x+0x10;"
                               "/srv/x+0x20;/srv/x+0x30"));
  const auto lines = lines_of(report_of(record.text()));
  CHECK(lines.at(3).ends_with("  write  x+0x10 through x.so.3"));
  CHECK(lines.at(4).ends_with("    x.so.3+0x806e < y.so+0x9 < x+0x10 < ..."));  // of a library one function
  std::string chain;
  for (const std::string frame :
       {"/lib/x.so.3\",\"offset\":\"0x806e", "/lib/x.so.3\",\"offset\":\"0x7", "/lib/y.so\",\"offset\":\"0x9",
        "/lib/y.so\",\"offset\":\"0x8", "/srv/x\",\"offset\":\"0x10", "/srv/x\",\"offset\":\"0x20",
        "/srv/x\",\"offset\":\"0x30"})
    chain += (chain.empty() ? "" : ",\n ") + ("{\"module\":\"" + frame) + "\"}";
  CHECK(has(report_of(record.text(), {"--json"}), "\"chain\":[" + chain + "]"));
}

TEST_CASE("where the write's module has lines the row says for whom in the program, too") {
  const Server library;
  const auto record = library.record().set("exe", "\"/srv/x\"").at("2099-01-01T00:00:00Z");
  const auto shown =
      row(Record(record).set("stack", quoted(library.binary() + "+" + library.offset() + ";/srv/x+0x10")));
  CHECK(has(shown, "server.c:7 < x+0x10\n"));
}

TEST_CASE("callers make rows up to the first function of the program and a total belongs to its own") {
  const auto way = [](const std::string& caller) {
    return Record().set("module", "\"/lib/x.so\"").set("stack", quoted("/lib/x.so+0x806e;" + caller));
  };
  const auto total = way("/srv/x+0x20;/srv/x+0x1").set("event", "total").set("count", "40").set("kills", "0");
  const auto log = way("/srv/x+0x10;/srv/x+0x1").text() + way("/srv/x+0x10;/srv/x+0x2").text() +
                   way("/srv/x+0x20;/srv/x+0x1").text() + way("/lib/y.so+0x1;/srv/x+0x20").text() + total.text();
  const auto report = report_of(log);
  INFO(report);
  const auto rows = lines_with("  write  ", report);
  REQUIRE(rows.size() == 3);
  CHECK(has(rows[0], "     41 "));
  CHECK(has(rows[1], "      2 "));
  CHECK(has(rows[2], "      1 "));
}

TEST_CASE("only regular files with the magic of ELF are opened") {
  const Server server;
  const auto fifo = server / "fifo";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  const auto text = server / "text";
  std::ofstream(text) << "#!/bin/sh\ntouch " << (server / "ran") << "\n";
  for (const auto& path : Strings{fifo, text, "/proc/self/exe", "/dev/zero", "server", "--help", "-e", server / "."}) {
    INFO(path);
    CHECK(
        has(row(server.record().set("module", quoted(path)).without("build_id")), "binary not found or not readable"));
  }
  CHECK(!std::filesystem::exists(server / "ran"));
}

TEST_CASE("root opens what is root's or is of the user that has called sudo") {
  if (geteuid() != 0) SKIP_TEST("only root can give a file away");
  const Server server;
  REQUIRE(chown(server.binary().c_str(), 12345, 12345) == 0);
  const auto shown = [&](const Strings& env) { return report_of(server.record().text(), {}, env); };
  CHECK(has(shown({"SUDO_UID=12345"}), kLine));
  for (const std::string caller : {"SUDO_UID=", "SUDO_UID=1234", "SUDO_UID=0"}) {
    CHECK(!has(shown({caller}), "server.c"));
    CHECK(has(shown({caller}), "binary not read: it is neither root's nor yours"));
  }
}

TEST_CASE("debug information that has been fetched into a directory is found there, and none is fetched") {
  const Server server;
  const auto cache = server / "cache";
  std::filesystem::create_directories(cache + "/" + server.build_id());
  server.split(cache + "/" + server.build_id() + "/debuginfo");
  const Strings env{"DEBUGINFOD_URLS=file://" + cache, "DEBUGINFOD_CACHE_PATH=" + server / "fetched"};
  const auto shown = report_of(server.record().text(), {}, env);
  CHECK(!has(shown, "server.c"));
  CHECK(has(shown, "debuginfod-find debuginfo " + server.binary() + ", and then --search="));
  CHECK(!std::filesystem::exists(server / "fetched"));
  const auto searched = report_of(server.record().text(), {"--search=" + cache}, env);
  CHECK(has(searched, kLine));
  CHECK(!has(searched, "debuginfod-find"));
}

TEST_CASE("what is no regular file is not even opened") {
  const Server server;
  const auto fifo = server / "fifo";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  const auto is_opened = [&](const std::string& path) {
    const int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    REQUIRE(inotify_add_watch(watch, path.c_str(), IN_OPEN) >= 0);
    row(server.record().set("module", quoted(path)));
    char events[4096];
    const bool opened = read(watch, events, sizeof events) > 0;
    close(watch);
    return opened;
  };
  CHECK(is_opened(server.source()));
  CHECK(!is_opened(fifo));
}

TEST_CASE("a symbolizer that never answers is given up") {
  const Server server;
  std::ofstream(server / "addr2line") << "#!/bin/sh\nexec sleep 1000\n";
  std::filesystem::permissions(server / "addr2line", std::filesystem::perms::all);
  Start start;
  start.env = {"PATH=" + server.binary().substr(0, server.binary().rfind('/')) + ":" + std::getenv("PATH")};
  std::ofstream(server / "log") << server.record().text();
  const Ending ending =
      run({built("nosigpipe-report"), "--symbolizer=addr2line", server / "log"}, start, std::chrono::seconds(250));
  INFO(ending.text() << ending.out);
  CHECK(ending.exited(0));
  CHECK(has(ending.out, "addr2line gave no answer"));
}
