// The stack that a line names: who called whom, out of the program's own frames alone.
#include <signal.h>

#include <algorithm>
#include <fstream>

#include "support/expect.h"
#include "support/log_lines.h"
#include "support/source_tree.h"

namespace {

Line line_of(const Strings& argv, const std::string& frames, const std::string& flavour = "") {
  Start start = with_shim({"NOSIGPIPE_LOG=stderr", "NOSIGPIPE_STACK=" + frames});
  start.flavour = flavour;
  return only_line(lives(argv, start).err);
}

struct Place {
  std::string module;
  unsigned long offset;
};

std::vector<Place> stack_of(const Line& line) {
  std::vector<Place> places;
  std::istringstream list(line.text("stack"));
  for (std::string frame; std::getline(list, frame, ';');) {
    const auto plus = frame.rfind('+');
    places.push_back({frame.substr(0, plus), std::stoul(frame.substr(plus + 1), nullptr, 16)});  // up to an @
  }
  return places;
}

// The function and the line that the call before a return address is in.
std::string function_before(const Place& place) {
  char address[32];
  std::snprintf(address, sizeof address, "%#lx", place.offset - 1);
  const auto names = lines_of(run({"addr2line", "-f", "-e", place.module, address}).out);
  REQUIRE(names.size() == 2);
  return names[0];
}

Strings functions_of(const Line& line) {
  Strings names;
  for (const auto& place : stack_of(line)) names.push_back(function_before(place));
  return names;
}

// Optimized as distributions do: no frame pointers.
std::string compiled(const Directory& directory, const Strings& options) {
  const auto program = directory / "victim";
  output_of(joined({"g++", "-std=c++20", "-g", "-pthread", "-o", program, source("tests/victims/stack_victim.cpp")},
                   options));
  return program;
}

const Strings optimized{"-O2", "-fomit-frame-pointer"};

}  // namespace

TEST_CASE("a function that calls itself does not end the stack") {
  const auto names = functions_of(line_of({built("tests/victims/scenes/scenes"), "recursion"}, "16"));
  CHECK(std::count(names.begin(), names.end(), std::string("_ZL11write_belowi")) == 4);
  CHECK(std::count(names.begin(), names.end(), std::string("main")) == 1);
}

TEST_CASE("the stack leads from the write to main, however it was compiled") {
  for (const Strings& options :
       {optimized, {"-O0"}, {"-O2", "-no-pie"}, {"-O2", "-fno-pic", "-no-pie", "-static-libgcc"}}) {
    const Directory directory;
    const auto program = compiled(directory, options);
    for (const std::string way : {"direct", "stdio", "unbuffered", "raw"}) {
      INFO(way);
      const Line line = line_of({program, way}, "8");
      CHECK(functions_of(line) == Strings{"third", "second", "first", "main", "_start"});
      const auto site = stack_of(line).at(0);
      CHECK(site.module == line.text("module"));
      CHECK(site.offset == static_cast<unsigned long>(line.number("offset")));
    }
  }
}

TEST_CASE("the stack has as many frames as were asked for") {
  const Directory directory;
  const auto program = compiled(directory, optimized);
  CHECK(line_of({program, "direct"}, "0")["stack"].empty());
  CHECK(functions_of(line_of({program, "direct"}, "1")) == Strings{"third"});
  CHECK(functions_of(line_of({program, "unbuffered"}, "3")) == Strings{"third", "second", "first"});
}

TEST_CASE("the stack leads through a call that a function ends with") {
  const Directory directory;
  CHECK(functions_of(line_of({compiled(directory, optimized), "last"}, "8")) ==
        Strings{"leaves", "ends", "third", "second", "first", "main", "_start"});
}

TEST_CASE("the stack leads through what libc calls back") {
  const Directory directory;
  const auto names = functions_of(line_of({compiled(directory, optimized), "sort"}, "8"));
  REQUIRE(names.size() >= 4);
  CHECK(names[0].find("compare") != std::string::npos);
  CHECK(names[1] == "third");
  CHECK(names[2] == "second");
}

TEST_CASE("the stack leads through a signal handler and out of a thread") {
  const Directory directory;
  const auto program = compiled(directory, optimized);
  for (const std::string way : {"direct", "stdio", "raw"}) {
    INFO(way);
    CHECK(functions_of(line_of({program, "in-handler", way}, "9")) ==
          Strings{"third", "second", "first", "on_signal", "main", "_start"});
    CHECK(functions_of(line_of({program, "in-thread", way}, "9")) == Strings{"third", "second", "first", "in_thread"});
  }
}

TEST_CASE("from a thread whose process has no first one any more the stack is the same") {
  const Directory directory;
  const auto program = compiled(directory, optimized);
  CHECK(functions_of(line_of({program, "without-main", "direct"}, "9")) ==
        Strings{"third", "second", "first", "in_thread_alone"});
}

// Two places, one after the other: what was found out for the first is remembered.
static void leads_twice_through(const std::string& where, const Strings& names) {
  const Directory directory;
  const Strings victim{compiled(directory, optimized), where, "twice"};
  const auto lines = lines_of(lives(victim, with_shim({"NOSIGPIPE_LOG=stderr", "NOSIGPIPE_STACK=9"})).err);
  REQUIRE(lines.size() == 2);
  for (const auto& line : lines) CHECK(functions_of(parsed_line(line)) == names);
}

TEST_CASE("what is remembered of a signal handler's frame leads on from the next place as it did") {
  leads_twice_through("in-handler", {"third", "second", "first", "on_signal", "main", "_start"});
}

#ifdef __x86_64__
TEST_CASE("the stack ends at a function whose tables say that it was called by itself") {
  const Directory directory;
  CHECK(functions_of(line_of({compiled(directory, optimized), "own-caller", "direct"}, "9")) ==
        Strings{"third", "own_caller"});
}

TEST_CASE("tables in an encoding that is not known are not searched as if it were") {
  const Directory directory;
  const auto program = compiled(directory, {"-O2", "-fno-omit-frame-pointer"});
  const Strings victim{program, "own-caller", "direct"};
  REQUIRE(functions_of(line_of(victim, "9")) == Strings{"third", "own_caller"});
  // Their numbers are to be counted from where each stands, which no linker writes. What leads on are frame pointers.
  const auto table = directory / "table";
  output_of({"objcopy", "--dump-section", ".eh_frame_hdr=" + table, program});
  auto bytes = contents(table);
  REQUIRE(bytes.at(3) == 0x3b);
  bytes[3] = 0x1b;
  std::ofstream(table) << bytes;
  output_of({"objcopy", "--update-section", ".eh_frame_hdr=" + table, program});
  CHECK(functions_of(line_of(victim, "9")) == Strings{"third", "own_caller", "main", "_start"});
}

TEST_CASE("the stack leads through functions that keep in another register, or give back, what a frame is found by") {
  leads_twice_through("restored", {"third", "keeps_in_register", "gives_back", "framed_by_register", "main", "_start"});
}
#endif

TEST_CASE("the stack leads through OpenSSL to the line that calls SSL_write") {
  const Directory directory;
  const auto program = directory / "tls";
  output_of({"gcc", "-g", "-O2", "-o", program, source("tests/victims/openssl_victim.c"), "-lssl", "-lpthread"});
  const Line line = line_of({program}, "32");
  CHECK(line.text("module").find("libcrypto") != std::string::npos);
  const auto places = stack_of(line);
  const auto own =
      std::find_if(places.begin(), places.end(), [&](const Place& place) { return place.module == program; });
  REQUIRE(own != places.end());
  CHECK(function_before(*own) == "says_by_tls");
  const auto id = run({"readelf", "-n", program}).out;
  const auto stack = line.text("stack");
  const auto begin = stack.find('@', stack.find(program));
  REQUIRE(begin != std::string::npos);
  CHECK(id.find("Build ID: " + stack.substr(begin + 1, stack.find(';', begin) - begin - 1) + "\n") !=
        std::string::npos);
}

TEST_CASE("a 32-bit program has a stack, too") {
  const Directory directory;
  for (const Strings& options : {Strings{"-m32", "-O2"}, {"-m32", "-O2", "-no-pie", "-fno-pic"}}) {
    const auto program = compiled(directory, options);
    for (const std::string way : {"direct", "stdio", "raw"}) {
      INFO(way);
      const auto names = functions_of(line_of({program, way}, "8", "i386/"));
      REQUIRE(names.size() >= 4);
      CHECK(Strings(names.begin(), names.begin() + 4) == Strings{"third", "second", "first", "main"});
    }
  }
}

TEST_CASE("a program without tables has a place and the stack ends there") {
  const Directory directory;
  const auto program =
      compiled(directory, {"-O2", "-fno-asynchronous-unwind-tables", "-fno-exceptions", "-fno-unwind-tables"});
  for (const std::string way : {"direct", "stdio"}) {
    const Line line = line_of({program, way}, "8");
    REQUIRE(stack_of(line).size() >= 1);
    CHECK(function_before(stack_of(line)[0]) == "third");
  }
}

// The names of the program's own functions, and "made" for what is in no file.
Strings of_made_code(const std::string& way, const Strings& variables = {}) {
  Start start = logging_to("stderr", joined({"NOSIGPIPE_STACK=8"}, variables));
  Strings names;
  for (const auto& place : stack_of(only_line(lives({built("tests/victims/made_code"), way}, start).err)))
    names.push_back(place.module.empty() ? "made" : function_before(place));
  return names;
}

TEST_CASE("the stack leads through code that was made at run time however that returns") {
  for (const std::string way : {"adds", "pops", "keeps-frame"}) {
    INFO(way);
    CHECK(of_made_code(way) == Strings{"writes", "made", "runs", "main", "_start"});
  }
}

TEST_CASE("the stack ends where a frame pointer leads to no memory") {
  CHECK(of_made_code("lost-frame") == Strings{"writes", "made"});
}

TEST_CASE("a library whose tables cannot be read has a place all the same") {
  const Strings victim{built("tests/victims/made_code"), "no-tables", built("tests/victims/libcaller.so")};
  const Line line = only_line(lives(victim, logging_to("stderr", {"NOSIGPIPE_STACK=8"})).err);
  CHECK(line.text("module") == built("tests/victims/libcaller.so"));
  CHECK(line.text("symbol") == "calls_from_a_library");
  CHECK(stack_of(line).size() >= 1);
}

TEST_CASE("the stack is the same in a filter that kills for process_vm_readv") {
  const Strings victim{built("tests/victims/scenes/scenes"), "started_without_process_vm_readv"};
  const auto lines = lines_of(lives(victim, logging_to("stderr", {"NOSIGPIPE_STACK=8"})).err);
  REQUIRE(!lines.empty());
  const auto names = functions_of(parsed_line(lines[0]));
  CHECK(std::count(names.begin(), names.end(), std::string("main")) == 1);
}
