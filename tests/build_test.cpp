// What the build gives, and how: the shared object as the loader sees it, make, and other ABIs and libcs than ours.
#include <signal.h>

#include <algorithm>
#include <map>
#include <set>

#include "support/source_tree.h"

namespace {

using Names = std::set<std::string>;

// Each once.
Names all_matches(const std::string& text, const std::string& expression) {
  const auto found = matches(text, expression);
  return {found.begin(), found.end()};
}

std::string joined(const Names& names) {
  std::string text;
  for (const auto& name : names) text += name + " ";
  return text;
}

Names replaced_functions() {
  return {
#define FUNCTION(name, type, technique, by) #name,
#include "functions.def"
  };
}

// What would be made for the shim if a file were newer, as make's own messages name it.
Names would_make(const SourceTree& tree, const std::string& newer) {
  return all_matches(tree.made({"-n", "-W", newer, "build/libnosigpipe.so"}), "echo '  make  ([^']*)'");
}

// Every file with its mode and the time of its last change.
std::string files_in(const std::string& directory) {
  return joined(all_matches(output_of({"find", directory, "-type", "f", "-printf", "%P %m %T@\n"}), "[^\n]+"));
}

// The shim's files of these kinds, in all of its rooms, as an include names them.
Names files_of_shim(const Strings& kinds) {
  Names files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(source("shim"))) {
    const std::string name = std::filesystem::relative(entry.path(), source("shim"));
    const bool is_of_tool = name.starts_with("report/") || name.starts_with("doctor/") || name.starts_with("tools/") ||
                            name.starts_with("late/") || name.starts_with("attach/");
    if (std::count(kinds.begin(), kinds.end(), entry.path().extension()) > 0 && !is_of_tool) files.insert(name);
  }
  INFO(joined(files));
  REQUIRE(files.size() > 5);
  return files;
}

// The headers of machines that this is not: they are in the folder, and the compiler does not take them.
Names headers_of_other_machines() {
  const auto sources = output_of({"g++", "-std=c++20", "-iquote", "shim", "-MM", source("shim/hooks.cpp")});
  auto headers = files_of_shim({".h"});
  std::erase_if(headers, [](const auto& name) { return !name.starts_with("system/arch/"); });
  std::erase_if(headers, [&](const auto& name) { return has(sources, name); });
  return headers;
}

// The sources that include a file, directly or through others, but for some files that nobody includes here.
Names sources_that_include(const std::string& file, const Names& others) {
  std::map<std::string, Names> includes;
  for (const auto& name : files_of_shim({".cpp", ".h", ".def"}))
    if (others.count(name) == 0)
      includes[name] = all_matches(contents(source("shim/" + name)), "#include \"([^\"]*)\"");
  Names reached{file};
  for (bool grew = true; grew;) {
    grew = false;
    for (const auto& [name, included] : includes)
      if (std::any_of(included.begin(), included.end(), [&](const auto& other) { return reached.count(other) > 0; }))
        grew |= reached.insert(name).second;
  }
  Names sources;
  for (const auto& name : reached)
    if (name.ends_with(".cpp")) sources.insert(name);
  return sources;
}

// Bare, the small victim dies of each of these; with this library none does, whatever the guard.
void averts(const std::string& victim, const std::string& library) {
  for (const std::string verb : {"write", "writev", "stdio", "view"}) {
    INFO(verb);
    REQUIRE(run({victim, verb}).killed_by(SIGPIPE));
    for (const std::string guard : {"auto", "mask", "catch"}) {
      Start start;
      start.env = {"LD_PRELOAD=" + library, "NOSIGPIPE_GUARD=" + guard};
      const Ending ending = run({victim, verb}, start);
      INFO("guard=" << guard << ": " << ending.text() << "\n" << ending.err);
      CHECK(ending.exited(0));
      CHECK(ending.err.empty());
    }
  }
}

void cancels(const std::string& victim, const std::string& library) {
  REQUIRE(run({victim, "cancel"}).exited(0));
  for (const std::string guard : {"mask", "catch"}) {
    Start start;
    start.env = {"LD_PRELOAD=" + library, "NOSIGPIPE_GUARD=" + guard};
    const Ending ending = run({victim, "cancel"}, start);
    INFO("guard=" << guard << ": " << ending.text() << "\n" << ending.err);
    CHECK(ending.exited(0));
  }
}

// The memory functions in this source, compiled so, at work.
Ending memory_functions(const Directory& directory, const std::string& code, const Strings& compiler) {
  std::ofstream(directory / "memory.cpp") << code;
  output_of(::joined(compiler, {"-std=c++20", "-fPIC", "-fvisibility=hidden", "-c", "-o", directory / "memory.o",
                                directory / "memory.cpp"}));
  output_of({"gcc", "-o", directory / "memory", source("tests/victims/memory.c"), directory / "memory.o"});
  return run({directory / "memory"}, {}, std::chrono::seconds(2));
}

// sanitizers_test holds that a sanitizer replaces none of these but dl_iterate_phdr.
void imports_few(const std::string& library) {
  const Names allowed{"__environ", "__errno_location", "environ",   "dl_iterate_phdr",
                      "getauxval", "secure_getenv",    "sigaddset", "sigismember"};
  const auto symbols = output_of({"nm", "-D", "--undefined-only", "--format=posix", library});
  CHECK(joined(all_matches(symbols, "(?:^|\n)([^\\s@]+)")) == joined(allowed));
}

bool is_x86() { return all_matches(output_of({"uname", "-m"}), "x86_64|i[3-6]86").size() == 1; }

}  // namespace

TEST_CASE("the shim exports the functions of functions.def and nothing else") {
  const auto symbols = output_of({"nm", "-D", "--defined-only", "--format=posix", built("libnosigpipe.so")});
  const auto exported = all_matches(symbols, "(?:^|\n)(\\S+) ");
  CHECK(joined(exported) == joined(replaced_functions()));
}

// A program may export one of them itself, and go on from there to another: for ever.
TEST_CASE("the shim calls no function of its own by a name that can be bound elsewhere") {
  const auto bound =
      all_matches(output_of({"readelf", "-rW", built("libnosigpipe.so")}), "R_\\w+ +[0-9a-f]+ +(\\w+)(?:@\\S+)? \\+");
  INFO(joined(bound));
  REQUIRE(bound.count("__errno_location") == 1);
  for (const auto& name : replaced_functions()) {
    INFO(name);
    CHECK(bound.count(name) == 0);
  }
}

TEST_CASE("the shim needs libc and nothing else") {
  const auto dynamic = output_of({"readelf", "-dW", built("libnosigpipe.so")});
  CHECK(joined(all_matches(dynamic, "\\(NEEDED\\)[^[]*\\[([^\\]]*)\\]")) == "libc.so.6 ");
}

TEST_CASE("the shim imports no function of memory or strings and few others") { imports_few(built("libnosigpipe.so")); }

TEST_CASE("the shim's own functions of memory work whatever the compiler makes of their loops") {
  const auto code = contents(source("shim/system/memory.cpp"));
  const Directory directory;
  for (const std::string compiler : {"g++", "clang++"})
    for (const std::string level : {"-O0", "-O1", "-O2", "-O3", "-Os"}) {
      INFO(compiler << " " << level);
      CHECK(memory_functions(directory, code, {compiler, level}).out == "right\n");
    }
}

TEST_CASE("the control: without their barrier gcc makes the shim's functions of memory call themselves") {
  const auto code = replaced(contents(source("shim/system/memory.cpp")), "asm\\(\"\" :.*\\);", "");
  const Directory directory;
  const auto ending = memory_functions(directory, code, {"g++", "-O2"});
  INFO(ending.text() << "\n" << ending.out);
  CHECK(ending.out != "right\n");
}

TEST_CASE("the shim asks for no version of libc above 2.17") {
  const auto versions =
      all_matches(output_of({"readelf", "-VW", built("libnosigpipe.so")}), "Name: (GLIBC_[A-Z0-9.]+)");
  REQUIRE(!versions.empty());
  for (const auto& version : versions) {
    INFO(version);
    int major = 0;
    int minor = 0;
    REQUIRE(std::sscanf(version.c_str(), "GLIBC_%d.%d", &major, &minor) == 2);
    CHECK((major < 2 || (major == 2 && minor <= 17)));
  }
}

namespace {

// What a linked file leaves to who has found a way to write into it: nothing that is executable, nor the loader's
// tables.
void is_hardened(const std::string& file) {
  const auto dynamic = output_of({"readelf", "-dW", file});
  const auto segments = output_of({"readelf", "-lW", file});
  INFO(file << "\n" << dynamic << segments);
  CHECK(dynamic.find("TEXTREL") == std::string::npos);
  CHECK(has_match(dynamic, "\\(FLAGS(_1)?\\)[^\n]*NOW"));
  CHECK(joined(all_matches(segments, "GNU_STACK[0-9a-fx ]*([RWE]+)")) == "RW ");
  CHECK(segments.find("GNU_RELRO") != std::string::npos);
  CHECK(!all_matches(segments, "LOAD [0-9a-fx ]*(R[WE ]+)").empty());
  CHECK(all_matches(segments, "LOAD [0-9a-fx ]*(RWE)").empty());
}

}  // namespace

TEST_CASE(
    "libraries and tools have no text relocation, executable stack, segment to write and execute, or lazy binding") {
  unsigned files = 0;
  for (const std::string name :
       {"libnosigpipe.so", "libnosigpipe-attach.so", "i386/libnosigpipe.so", "i386/libnosigpipe-attach.so",
        "nosigpipe-report", "nosigpipe-doctor", "nosigpipe-attach"}) {
    if (!is_x86() && !std::filesystem::exists(built(name))) continue;
    is_hardened(built(name));
    ++files;
  }
  CHECK(files >= 4);
}

TEST_CASE("every function of functions.def is defined in hooks.cpp and in no other file") {
  const auto of_all_machines = all_matches(contents(source("shim/functions.def")), "\nFUNCTION\\((\\w+),");
  REQUIRE(of_all_machines.size() >= replaced_functions().size());
  for (const auto& name : files_of_shim({".cpp"})) {
    const auto defined = all_matches(contents(source("shim/" + name)), "\nEXPORT [^(]*?(\\w+)\\(");
    INFO(name);
    CHECK(joined(defined) == joined(name == "hooks.cpp" ? of_all_machines : Names{}));
  }
}

TEST_CASE("a parallel make builds everything, in build/ alone, and the next only what has changed") {
  const SourceTree tree;
  const auto sources = files_in(tree.path());
  tree.made({"-j4", "CXXFLAGS=-O0"});  // which saves time
  CHECK(std::filesystem::exists(tree / "build/libnosigpipe.so"));
  CHECK(run({tree / "build/nosigpipe-report", "--version"}).exited(0));
  CHECK(run({tree / "build/nosigpipe", "true"}).exited(0));
  const auto before = files_in(tree / "build");
  tree.made();
  CHECK(files_in(tree / "build") == before);

  const auto others = headers_of_other_machines();
  for (const auto& name : files_of_shim({".h"})) {
    if (others.count(name) > 0) continue;
    Names expected{"build/libnosigpipe.so"};
    for (const auto& including : sources_that_include(name, others))
      expected.insert("build/shim/" + including.substr(0, including.size() - 4) + ".o");
    INFO("when " << name << " is touched");
    CHECK(joined(would_make(tree, "shim/" + name)) == joined(expected));
  }

  tree.made({"clean"});
  CHECK(!std::filesystem::exists(tree / "build"));
  CHECK(files_in(tree.path()) == sources);
}

TEST_CASE("the launcher follows the list of options") {
  const SourceTree tree;
  tree.made({"build/nosigpipe"});
  REQUIRE(output_of({tree / "build/nosigpipe", "--help"}).find("--colour") == std::string::npos);
  auto list = contents(tree / "shim/options.def");
  list.insert(list.find("\nNUMBER(STACK"),
              "\nCHOICE(COLOUR, colour, Colour, \"of no use\",\n"
              "       VALUE(grey, \"grey\", \"dull\")\n       VALUE(green, \"green\", \"bright\"))");
  std::ofstream(tree / "shim/options.def") << list;
  tree.made({"build/nosigpipe"});
  CHECK(output_of({tree / "build/nosigpipe", "--help"}).find("  --colour=grey|green\n") != std::string::npos);
}

TEST_CASE("a build writes nothing into the tree but its own directory") {
  const SourceTree tree;
  const auto before = files_in(tree.path());
  const Directory elsewhere;
  const auto out = elsewhere / "out";
  // What is compiled, and what is put together out of other files.
  tree.made({"-j4", "CXXFLAGS=-O0", "BUILD=" + out, out + "/libnosigpipe.so", out + "/nosigpipe",
             out + "/shim/report/page.o", out + "/shim/attach/handler_image.o", "completions"});
  CHECK(std::filesystem::exists(out + "/libnosigpipe.so"));
  CHECK(files_in(tree.path()) == before);
}

TEST_CASE("the shim can be built without the optimizer") {
  const SourceTree tree;
  tree.made({"-j4", "CXXFLAGS=-O0 -g", "build/libnosigpipe.so"});
  const auto victim = tree / "small_victim";
  output_of({"gcc", "-pthread", "-o", victim, source("tests/victims/small_victim.c")});
  averts(victim, tree / "build/libnosigpipe.so");
}

TEST_CASE("the shim can be built by clang") {
  const SourceTree tree;
  tree.made({"-j4", "CXX=clang++", "CC=clang", "build/libnosigpipe.so"});
  imports_few(tree / "build/libnosigpipe.so");
  const auto victim = tree / "small_victim";
  output_of({"clang", "-pthread", "-o", victim, source("tests/victims/small_victim.c")});
  averts(victim, tree / "build/libnosigpipe.so");
}

// Where the compiler says another version of itself than it is.
TEST_CASE("a compiler that is too old is told so in one line") {
  const SourceTree tree;
  const auto errors_of = [&](const std::string& compiler) {
    const auto ending = tree.make({"-j4", "CXX=" + compiler, "build/shim/start.o"});
    auto lines = lines_of(ending.err);
    std::erase_if(lines, [](const auto& line) { return line.starts_with("make"); });
    return lines;
  };
  for (const std::string older : {"g++ -U__GNUC__ -D__GNUC__=10", "clang++ -U__clang_major__ -D__clang_major__=13"})
    CHECK(errors_of(older) ==
          Strings{"nosigpipe: " + older + " is older than gcc 11 or clang 14; choose another: make CXX=... CC=..."});
  CHECK(errors_of("clang++").empty());
}

// Fedora's; some of them are not of this kind on another machine.
TEST_CASE("the shim can be built with the flags of a distribution") {
  std::string flags =
      "-O2 -flto=auto -fexceptions -g -pipe -Wall -Werror=format-security -Wp,-D_FORTIFY_SOURCE=3 "
      "-Wp,-D_GLIBCXX_ASSERTIONS -fstack-protector-strong -fstack-clash-protection";
  if (is_x86()) flags += " -fcf-protection=full";
  const SourceTree tree;
  tree.made({"-j4", "CXXFLAGS=" + flags, "CFLAGS=" + flags, "build/libnosigpipe.so", "build/libnosigpipe-attach.so",
             "build/nosigpipe-attach"});
  imports_few(tree / "build/libnosigpipe.so");
  for (const std::string name : {"libnosigpipe.so", "libnosigpipe-attach.so"}) {
    is_hardened(tree / ("build/" + name));
    const auto notes = output_of({"readelf", "-nW", tree / ("build/" + name)});
    INFO(notes);
    CHECK((!is_x86() || notes.find("x86 feature: IBT, SHSTK") != std::string::npos));
  }
  const auto victim = tree / "small_victim";
  output_of({"gcc", "-pthread", "-o", victim, source("tests/victims/small_victim.c")});
  averts(victim, tree / "build/libnosigpipe.so");
}

TEST_CASE("make help names every target for users") {
  const auto named = all_matches(SourceTree().made({"help"}), "(?:^|\n)  make (\\S+) +\\S");
  CHECK(joined(named) == joined(all_matches(contents(source("Makefile")), "\n([a-z0-9-]+):[^\n#]*## \\S")));
  for (const std::string target :
       {"all", "demo", "test", "test-foreign", "test-cross", "test-roots", "test-compilers", "test-packages", "fuzz",
        "bench", "install", "uninstall", "deb", "rpm", "clean", "format", "lint", "help"}) {
    INFO(target);
    CHECK(named.count(target) == 1);
  }
}

TEST_CASE("a 32-bit build keeps a 32-bit program alive") {
  if (!is_x86()) SKIP_TEST("32-bit programs are built on x86 only");
  const SourceTree tree;
  // 64-bit offsets and times give half of the replaced functions another name.
  tree.made({"-j4", "BUILD=build32", "CXXFLAGS=-O2 -m32 -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64", "CFLAGS=-m32",
             "build32/libnosigpipe.so"});
  const auto victim = tree / "small_victim";
  output_of({"gcc", "-m32", "-O2", "-pthread", "-o", victim, source("tests/victims/small_victim.c")});
  averts(victim, tree / "build32/libnosigpipe.so");
  cancels(victim, tree / "build32/libnosigpipe.so");
  CHECK(output_of({"readelf", "-h", victim}).find("ELF32") != std::string::npos);
}

TEST_CASE("the same shared object keeps a program of musl alive") {
  const Directory directory;
  const auto victim = directory / "small_victim";
  output_of({"musl-gcc", "-O2", "-pthread", "-o", victim, source("tests/victims/small_victim.c")});
  REQUIRE(output_of({"readelf", "-lW", victim}).find("ld-musl") != std::string::npos);
  averts(victim, built("libnosigpipe.so"));
  cancels(victim, built("libnosigpipe.so"));
}

// musl has no tables for its own frames. What its loader is started as is what it calls itself.
TEST_CASE("a write in musl's stdio is told as where the program called it") {
  const Directory directory;
  const auto victim = directory / "small_victim";
  output_of({"musl-gcc", "-O2", "-g", "-pthread", "-o", victim, source("tests/victims/small_victim.c")});
  const auto interpreter = all_matches(output_of({"readelf", "-lW", victim}), "interpreter: ([^\\]]*)\\]");
  REQUIRE(interpreter.size() == 1);
  const std::string libc = std::filesystem::canonical(*interpreter.begin());
  for (const auto& argv : {Strings{victim, "stdio"}, Strings{libc, victim, "stdio"}}) {
    Start start;
    start.env = {"LD_PRELOAD=" + built("libnosigpipe.so"), "NOSIGPIPE_LOG=stderr", "NOSIGPIPE_STACK=8"};
    const Ending ending = run(argv, start);
    INFO(argv.front() << ": " << ending.err);
    CHECK(ending.exited(0));
    const auto places = matches(ending.err, " module=\"" + victim + "\" offset=0x([0-9a-f]+) ");
    REQUIRE(!places.empty());
    char before[32];
    std::snprintf(before, sizeof before, "%#lx", std::stoul(places[0], nullptr, 16) - 1);
    CHECK(has(output_of({"addr2line", "-f", "-i", "-e", victim, before}), "prints\n"));
  }
}
