// What nosigpipe-doctor says, and processes for it to look at.
#pragma once

#include <elf.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <string>

#include "support/catch.h"
#include "support/directory.h"
#include "support/process.h"
#include "support/source_tree.h"

inline Ending doctor(const Strings& arguments, const Start& start = {}) {
  return run(joined({built("nosigpipe-doctor")}, arguments), start);
}

// The doctor's answer, killed if it takes more than five seconds of a processor.
inline Ending soon(const Strings& arguments) {
  return run(joined({"prlimit", "--cpu=5", built("nosigpipe-doctor")}, arguments));
}

// A program of this machine whose headers lie: so many segments of this kind all lead to `bytes`, in which there is no
// end to any text.
inline std::string lying_program(uint32_t kind, uint16_t segments, std::string bytes) {
  Elf64_Ehdr header;
  contents(built("nosigpipe-doctor")).copy(reinterpret_cast<char*>(&header), sizeof header);
  header.e_phoff = sizeof header;
  header.e_phnum = segments;
  const auto place = sizeof header + segments * sizeof(Elf64_Phdr);
  Elf64_Phdr segment{};
  segment.p_type = kind;
  segment.p_offset = segment.p_vaddr = place;
  segment.p_filesz = bytes.size();
  std::string program(reinterpret_cast<const char*>(&header), sizeof header);
  for (int i = 0; i < segments; ++i) program.append(reinterpret_cast<const char*>(&segment), sizeof segment);
  return program + bytes + std::string(8192, 'A');
}

// The value of a member of a JSON text, by jq; "null" where there is none.
inline std::string member(const std::string& json, const std::string& path) {
  const Directory directory;
  std::ofstream(directory / "json") << json;
  auto text = output_of({"jq", "-r", path, directory / "json"});
  if (!text.empty()) text.pop_back();
  return text;
}

// A program that says "ready" and then waits.
class Waiting {
 public:
  explicit Waiting(const Strings& argv, Start start = {}) : Waiting(argv, start, Ends()) {}
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() { close(ends_.read); }

  pid_t pid() const { return process_.pid(); }
  std::string number() const { return std::to_string(pid()); }

  // What the doctor says of it, by the member's path.
  std::string says(const std::string& path) const { return member(doctor({"--json", number()}).out, path); }
  int verdict() const { return doctor({number()}).status >> 8; }

  // Of the victim "states": whether it lives through what it does at this signal.
  bool survives(int signal) {
    process_.signal(signal);
    return hears("alive\n");
  }

  // Whether a write to a dead socket kills it, tried on the victim "states".
  bool dies() { return !survives(SIGUSR1) && process_.wait().killed_by(SIGPIPE); }

 private:
  struct Ends {
    Ends() {
      int both[2];
      REQUIRE(pipe2(both, O_CLOEXEC) == 0);
      read = both[0];
      write = both[1];
    }
    int read, write;
  };
  Waiting(const Strings& argv, Start start, Ends ends) : ends_(ends), process_(argv, with_output(start, ends.write)) {
    close(ends.write);
    REQUIRE(hears("ready\n"));
  }

  // Whether it says so before its end.
  bool hears(const std::string& words) const {
    std::string said;
    for (char c; !has(said, words); said += c) {
      pollfd reader{ends_.read, POLLIN, 0};
      REQUIRE(poll(&reader, 1, 60'000) == 1);
      if (read(ends_.read, &c, 1) != 1) return false;
    }
    return true;
  }
  static Start with_output(Start start, int fd) {
    start.out = fd;
    return start;
  }

  Ends ends_;
  Process process_;
};

// The victim "states", compiled in a way of its own.
class States {
 public:
  explicit States(const Strings& flags = {}, const std::string& compiler = "gcc") : file_(directory_ / "states") {
    output_of(joined({compiler, "-O1", "-pthread", "-o", file_, source("tests/victims/states.c")}, flags));
  }
  const std::string& file() const { return file_; }
  std::string operator/(const std::string& name) const { return directory_ / name; }
  Strings in(const Strings& words) const { return joined({file_}, words); }

 private:
  const Directory directory_;
  const std::string file_;
};

// "send" of the small victim, in the way that a test compiles it.
inline std::string small_victim(const Directory& directory, const Strings& flags, const std::string& compiler = "gcc") {
  const auto file = directory / "small_victim";
  output_of(joined({compiler, "-pthread", "-o", file, source("tests/victims/small_victim.c")}, flags));
  return file;
}
