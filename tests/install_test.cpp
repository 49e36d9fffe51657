// What `make install` puts where, and what it does to who starts meanwhile.
#include <signal.h>

#include <set>

#include "support/source_tree.h"

namespace {

// A tree in which nothing is left to be built, and a place to install into.
struct Installed {
  Installed() { tree.bring_what_is_built(); }

  void make(const std::string& target, const Strings& settings = {}) const {
    tree.made(joined({target, "DESTDIR=" + directory.path()}, settings));
  }
  Strings files() const {
    return lines_of(output_of({"sh", "-c", "cd \"$0\" && find . -type f -printf '%P %m\\n' | sort", prefix}));
  }

  SourceTree tree;
  Directory directory;
  std::string prefix = directory / "usr/local";
};

}  // namespace

TEST_CASE("install puts everything into its place and uninstall removes it and nothing else") {
  Installed here;
  const auto staging = here.directory / "a place";
  here.prefix = staging + "/opt";
  std::filesystem::create_directories(here.prefix + "/lib");
  std::ofstream(here.prefix + "/lib/neighbour") << "stays";
  const Strings settings{"DESTDIR=" + staging, "PREFIX=/opt", "LIBDIR=/opt/lib/x"};
  here.make("install", settings);
  CHECK(here.files() == Strings{"bin/.debug/nosigpipe-attach.debug 644",
                                "bin/.debug/nosigpipe-doctor.debug 644",
                                "bin/.debug/nosigpipe-report.debug 644",
                                "bin/nosigpipe 755",
                                "bin/nosigpipe-attach 755",
                                "bin/nosigpipe-doctor 755",
                                "bin/nosigpipe-report 755",
                                "lib/neighbour 644",
                                "lib/x/.debug/libnosigpipe-attach.so.debug 644",
                                "lib/x/.debug/libnosigpipe.so.debug 644",
                                "lib/x/libnosigpipe-attach.so 644",
                                "lib/x/libnosigpipe.so 644",
                                "share/bash-completion/completions/nosigpipe 644",
                                "share/bash-completion/completions/nosigpipe-attach 644",
                                "share/bash-completion/completions/nosigpipe-doctor 644",
                                "share/bash-completion/completions/nosigpipe-report 644",
                                "share/doc/nosigpipe/CHANGELOG.md 644",
                                "share/doc/nosigpipe/LICENSE 644",
                                "share/fish/vendor_completions.d/nosigpipe-attach.fish 644",
                                "share/fish/vendor_completions.d/nosigpipe-doctor.fish 644",
                                "share/fish/vendor_completions.d/nosigpipe-report.fish 644",
                                "share/fish/vendor_completions.d/nosigpipe.fish 644",
                                "share/man/man1/nosigpipe-attach.1 644",
                                "share/man/man1/nosigpipe-doctor.1 644",
                                "share/man/man1/nosigpipe-report.1 644",
                                "share/man/man1/nosigpipe.1 644",
                                "share/man/man5/nosigpipe.conf.5 644",
                                "share/zsh/site-functions/_nosigpipe 644",
                                "share/zsh/site-functions/_nosigpipe-attach 644",
                                "share/zsh/site-functions/_nosigpipe-doctor 644",
                                "share/zsh/site-functions/_nosigpipe-report 644"});
  here.make("uninstall", settings);
  CHECK(here.files() == Strings{"lib/neighbour 644"});
  CHECK(!std::filesystem::exists(here.prefix + "/share/doc/nosigpipe"));
  CHECK(!std::filesystem::exists(here.prefix + "/bin/.debug"));
  here.make("uninstall", settings);
  CHECK(here.files() == Strings{"lib/neighbour 644"});
}

TEST_CASE("what is installed is stripped and a debugger finds what was stripped") {
  const Installed here;
  here.make("install");
  for (const std::string name : {"lib/libnosigpipe.so", "bin/nosigpipe-report", "bin/nosigpipe-doctor"}) {
    INFO(name);
    const auto file = here.prefix + "/" + name;
    CHECK(!has(output_of({"readelf", "-SW", file}), " .debug_info "));
    CHECK(!has(output_of({"readelf", "-SW", file}), " .symtab "));
    const bool is_library = name.starts_with("lib");
    const auto answer =
        output_of({"gdb", "-nx", "-batch", "-ex", is_library ? "info line writev" : "info line main", file});
    CHECK(has(answer, is_library ? " of \"shim/" : "/main.cpp\""));
  }
}

TEST_CASE("NOSTRIP leaves the stripping to others") {
  const Installed here;
  here.make("install", {"NOSTRIP=1"});
  CHECK(has(output_of({"readelf", "-SW", here.prefix + "/lib/libnosigpipe.so"}), " .symtab "));
  CHECK(!std::filesystem::exists(here.prefix + "/lib/.debug"));
}

TEST_CASE("no start is without the library while it is installed again and again") {
  const Installed here;
  here.make("install");
  const auto victim = here.tree / "small_victim";
  output_of({"gcc", "-pthread", "-o", victim, source("tests/victims/small_victim.c")});
  REQUIRE(run({victim, "write"}).killed_by(SIGPIPE));
  const char* installs = "for n in $(seq 30); do make install \"DESTDIR=$0\" >/dev/null || exit; done";
  Start start;
  start.directory = here.tree.path();
  start.env = {"MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL"};
  Process installing({"sh", "-c", installs, here.directory.path()}, start);
  Start under;
  under.env = {"LD_PRELOAD=" + here.prefix + "/lib/libnosigpipe.so"};
  unsigned starts = 0;
  while (installing.running()) {
    const Ending ending = run({victim, "write"}, under);
    INFO("start " << starts << ": " << ending.text() << "\n" << ending.err);
    REQUIRE(ending.exited(0));
    REQUIRE(ending.err.empty());
    ++starts;
  }
  CHECK(installing.wait().exited(0));
  CHECK(starts > 30);
}

TEST_CASE("the flags of the environment are those of every compilation and link") {
  const SourceTree tree;
  const auto commands =
      tree.made({"-n", "all"}, {"CXXFLAGS=-Dcxxflag", "CPPFLAGS=-Dcppflag", "CFLAGS=-Dcflag", "LDFLAGS=-Ldflag"});
  unsigned compilations = 0;
  unsigned links = 0;
  for (const auto& line : lines_of(commands)) {
    // What stands alone in a static program is compiled as that takes it.
    if (!has(line, " -o build/") || has(line, ".bin")) continue;
    INFO(line);
    if (has(line, " -c -o ")) {
      ++compilations;
      CHECK(has(line, " -Dcxxflag "));
      CHECK(has(line, " -Dcppflag "));
    } else {
      ++links;
      CHECK(has(line, has(line, "build/libnosigpipe") ? " -Dcflag " : " -Dcxxflag "));
      CHECK(has(line, " -Ldflag "));
    }
    CHECK(!has(line, "-O2"));
  }
  CHECK(compilations > 60);
  CHECK(links == 5);
}

TEST_CASE("two builds in two directories are the same byte for byte") {
  const SourceTree one;
  const SourceTree other;
  for (const auto* tree : {&one, &other})
    tree->made({"-j4", "CXXFLAGS=-O1 -g", "build/libnosigpipe.so", "build/nosigpipe", "completions"});
  for (const auto& entry : std::filesystem::recursive_directory_iterator(one / "build")) {
    const std::string name = std::filesystem::relative(entry.path(), one.path());
    if (!entry.is_regular_file() || name.ends_with(".d")) continue;
    INFO(name);
    CHECK(contents(one / name) == contents(other / name));
  }
}

TEST_CASE("the version is the same wherever it is written") {
  const auto made = matches(contents(source("Makefile")), "\nVERSION = (\\S+)\n");
  REQUIRE(made.size() == 1);
  CHECK(matches(contents(source("shim/package/nosigpipe.spec")), "\nVersion: (\\S+)\n") == made);
  CHECK(contents(source("shim/package/debian/changelog")).starts_with("nosigpipe (" + made[0] + "-"));
  CHECK(has(contents(source("shim/package/nosigpipe.spec")), " the nosigpipe authors - " + made[0] + "-1\n"));
}

TEST_CASE("every manual page is well-formed, and its pages are there") {
  const std::set<std::string> ours{"nosigpipe 1", "nosigpipe-report 1", "nosigpipe-doctor 1", "nosigpipe-attach 1",
                                   "nosigpipe.conf 5"};
  unsigned pages = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(source("shim"))) {
    const std::string name = entry.path().filename();
    if (name.size() < 3 || name[name.size() - 2] != '.' || name.back() < '1' || name.back() > '8') continue;
    INFO(entry.path());
    ++pages;
    CHECK(ours.count(name.substr(0, name.size() - 2) + " " + name.back()) == 1);
    const Ending ending = run({"mandoc", "-Tlint", "-Wwarning", entry.path()});
    INFO(ending.out);
    CHECK(ending.exited(0));
    CHECK(ending.out.empty());
    for (auto named : matches(contents(entry.path()), "\\b(nosigpipe(?:\\\\-[a-z]+|\\.conf)?\"? \\([1-8])")) {
      named = replaced(named, "[\\\\\"(]", "");
      INFO("names " << named);
      CHECK(ours.count(named) == 1);
    }
  }
  CHECK(pages == ours.size());
}
