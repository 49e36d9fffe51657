// The source tree, which the tests only read, and copies of it, in which they build.
#pragma once

#include "support/catch.h"
#include "support/directory.h"
#include "support/process.h"

// The suites are started at the root of the tree, as tests/run is by make.
inline std::string source(const std::string& path) {
  const auto found = std::filesystem::absolute(path);
  INFO("tests are started where the Makefile is");
  REQUIRE(std::filesystem::exists(found));
  return found;
}

// A copy to build in, gone with its object.
class SourceTree {
 public:
  SourceTree() {
    for (const char* part : {"Makefile", "LICENSE", "shim", "tests", "demo"})
      if (std::filesystem::exists(part)) output_of({"cp", "-a", source(part), directory_.path()});
  }

  // Saves the time of another build.
  void bring_what_is_built() const {
    std::filesystem::create_directory(*this / "build");
    for (const char* part : {"shim", "late", "libnosigpipe.so", "libnosigpipe-attach.so", "nosigpipe", "libdir",
                             "nosigpipe-report", "nosigpipe-doctor"})
      output_of({"cp", "-a", built(part), *this / "build"});
  }

  std::string path() const { return directory_.path(); }
  std::string operator/(const std::string& name) const { return directory_ / name; }

  // The make that runs these tests is not to have a say in this one.
  Ending make(const Strings& arguments = {}, const Strings& environment = {}) const {
    Start start;
    start.directory = path();
    start.env = {"MAKEFLAGS", "MFLAGS",   "MAKEOVERRIDES", "MAKELEVEL", "DESTDIR",
                 "V",         "CXXFLAGS", "CPPFLAGS",      "CFLAGS",    "LDFLAGS"};
    start.env = joined(start.env, environment);
    return run(joined({"make"}, arguments), start, std::chrono::seconds(280));
  }

  std::string made(const Strings& arguments = {}, const Strings& environment = {}) const {
    const Ending ending = make(arguments, environment);
    INFO(ending.out << ending.err);
    REQUIRE(ending.exited(0));
    return ending.out;
  }

 private:
  Directory directory_;
};
