// From an averted SIGPIPE to the line of the source: programs run, their logs reported.
#include <signal.h>

#include "support/expect.h"
#include "support/source_tree.h"

namespace {

// The number of the first line of a source that has these words.
std::string line_with(const std::string& file, const std::string& words) {
  const auto lines = lines_of(contents(source(file)));
  for (size_t i = 0; i < lines.size(); ++i)
    if (lines[i].find(words) != std::string::npos) return std::to_string(i + 1);
  FAIL(words << " is not in " << file);
  return "";
}

std::string reported(const Strings& program, const std::string& log) {
  std::filesystem::remove(log);
  lives(program, with_shim({"NOSIGPIPE_LOG=" + log, "NOSIGPIPE_STACK=32"}));
  return output_of({built("nosigpipe-report"), "--top=1", log});
}

// As a distribution ships it: the program stripped, what describes it in another file beside it.
void take_apart(const std::string& program) {
  output_of({"objcopy", "--only-keep-debug", program, program + ".debug"});
  output_of({"strip", program});
  output_of({"objcopy", "--add-gnu-debuglink=" + program + ".debug", program});
}

void names_the_line(const Strings& program, const Directory& directory, const std::string& file,
                    const std::string& function, const std::string& words) {
  const auto expected = file + ":" + line_with(file, words);
  const auto report = reported(program, directory / "log");
  INFO(report);
  CHECK(report.find(expected) != std::string::npos);
  CHECK(report.find(function) != std::string::npos);
}

}  // namespace

TEST_CASE("the report names the line of a write made directly and by stdio, also of a stripped program") {
  const Directory directory;
  const auto program = directory / "victim";
  const std::string file = "tests/victims/stack_victim.cpp";
  output_of({"g++", "-std=c++20", "-g", "-O2", "-pthread", "-o", program, source(file)});
  for (const bool stripped : {false, true}) {
    INFO("stripped: " << stripped);
    if (stripped) take_apart(program);
    names_the_line({program, "direct"}, directory, file, "third", "way == \"direct\"");
    names_the_line({program, "stdio"}, directory, file, "third", "std::fflush(stream)");
    names_the_line({program, "unbuffered"}, directory, file, "third", "std::fprintf");
  }
}

TEST_CASE("the report names the line that calls SSL_write, also of a stripped program") {
  const Directory directory;
  const auto program = directory / "tls";
  const std::string file = "tests/victims/openssl_victim.c";
  output_of({"gcc", "-g", "-O2", "-o", program, source(file), "-lssl", "-lpthread"});
  for (const bool stripped : {false, true}) {
    INFO("stripped: " << stripped);
    if (stripped) take_apart(program);
    names_the_line({program}, directory, file, "says_by_tls", "THE LINE");
  }
  output_of({"touch", program});  // now it is younger than the log, and still of the same build
  const Ending later = run({built("nosigpipe-report"), directory / "log"});
  INFO(later.out);
  CHECK(later.out.find(file + ":" + line_with(file, "THE LINE")) != std::string::npos);
}

TEST_CASE("the report names no line of a program that was built anew since") {
  const Directory directory;
  const auto program = directory / "victim";
  output_of({"g++", "-std=c++20", "-g", "-O2", "-pthread", "-o", program, source("tests/victims/stack_victim.cpp")});
  reported({program, "direct"}, directory / "log");
  output_of({"g++", "-std=c++20", "-g", "-O0", "-pthread", "-o", program, source("tests/victims/stack_victim.cpp")});
  const Ending ending = run({built("nosigpipe-report"), directory / "log"});
  INFO(ending.out);
  CHECK(ending.out.find("build id differs") != std::string::npos);
  CHECK(ending.out.find("stack_victim.cpp:") == std::string::npos);
}
