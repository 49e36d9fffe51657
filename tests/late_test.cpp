// libnosigpipe-attach.so: loaded into a program that runs already, armed by a call and taken back by another. The
// program makes both calls itself: how they are made in the process of others is attach_test's.
#include <cerrno>
#include <ctime>

#include "support/cost.h"
#include "support/expect.h"
#include "support/log_lines.h"
#include "support/source_tree.h"
#include "support/tracer.h"

namespace {

// A victim compiled in one of the ways that programs are, and the library for it.
class Late {
 public:
  explicit Late(const Strings& how = {"gcc"}, const std::string& flavour = "") : library_(flavour) {
    output_of(joined(how, {"-O1", "-pthread", "-o", program(), source("tests/victims/late.c"), "-ldl"}));
  }

  std::string program() const { return directory_ / "late"; }
  std::string library() const { return built(library_ + "libnosigpipe-attach.so"); }
  std::string place(const std::string& name) const { return directory_ / name; }

  Strings words(const Strings& words) const { return joined({program(), "load=" + library()}, words); }
  Ending obeys(const Strings& some, const Start& start = {}) const { return run(words(some), start); }

  // What it prints, having lived.
  std::string says(const Strings& some, const Start& start = {}) const {
    const auto ending = obeys(some, start);
    INFO(ending.text() << "\n" << ending.out << ending.err);
    REQUIRE(ending.exited(0));
    REQUIRE(ending.out.ends_with("alive\n"));
    return ending.out;
  }

  bool dies(const Strings& some) const { return obeys(some).killed_by(SIGPIPE); }

 private:
  std::string library_;
  Directory directory_;
};

const Strings kVerbs{"write", "send", "writev", "sendfile", "splice", "stdio", "syscall"};

// Bare, armed, and taken back.
void is_armed_and_taken_back(const Late& late) {
  for (const auto& verb : kVerbs) {
    INFO(verb);
    CHECK(late.dies({verb}));
    CHECK(has(late.says({"attach=", verb}), "\n"));
    CHECK(late.dies({"attach=", "detach", verb}));
    late.says({"attach=", verb, "detach", "attach=", verb});
  }
  for (const std::string killer : {"pipe", "kill"}) {
    INFO(killer);
    CHECK(late.dies({killer}));
    CHECK(late.dies({"attach=", killer}));
  }
}

std::string answer(int result, const std::string& words) { return std::to_string(result) + " " + words + "\n"; }

// A line of what it prints that begins so.
std::string line_with(const std::string& text, const std::string& begin) {
  for (const auto& line : lines_of(text))
    if (line.starts_with(begin)) return line;
  return "";
}

// By the second look all is bound that is called on the way, and nothing has been armed.
void is_as_it_was(const Late& late, const std::string& options) {
  const Strings look{"sigpipe", "slots", "maps"};
  const auto attach = "attach=" + options;
  Strings words = look;
  for (const Strings& more :
       {Strings{"attach=NOSIGPIPE_MODE=off", "detach"}, look, Strings{attach}, look, Strings{"detach"}, look})
    words = joined(words, more);
  const auto said = late.says(words);
  for (const std::string expression : {"blocked [^\n]*", "slots [^\n]*", "maps\n([^]*?)end of maps"}) {
    const auto looks = matches(said, expression);
    REQUIRE(looks.size() == 4);
    CHECK(looks[1] == looks[3]);
    CHECK((looks[1] == looks[2]) == expression.starts_with("maps"));
  }
}

constexpr const char* kOptionsOff = "nothing is to be done, by --mode=off or /etc/nosigpipe.conf";

}  // namespace

TEST_CASE("a program that is armed late lives where it died and dies again when that is taken back") {
  is_armed_and_taken_back(Late());
}

TEST_CASE("armed late: a program at a fixed address that is bound lazily") {
  is_armed_and_taken_back(Late({"gcc", "-no-pie", "-Wl,-z,lazy", "-Wl,-z,norelro"}));
}

TEST_CASE("armed late: a program that is bound lazily") {
  is_armed_and_taken_back(Late({"gcc", "-fpie", "-pie", "-Wl,-z,lazy"}));
}

TEST_CASE("armed late: a program that is bound at its start and unwritable from then on") {
  is_armed_and_taken_back(Late({"gcc", "-fpie", "-pie", "-Wl,-z,now,-z,relro", "-fno-plt"}));
}

TEST_CASE("armed late: a 32-bit program") { is_armed_and_taken_back(Late({"gcc", "-m32"}, "i386/")); }

TEST_CASE("armed late: a 32-bit program at a fixed address that is bound lazily") {
  is_armed_and_taken_back(Late({"gcc", "-m32", "-no-pie", "-Wl,-z,lazy"}, "i386/"));
}

TEST_CASE("armed late: a program of musl") {
  if (!run({"which", "musl-gcc"}).exited(0)) SKIP_TEST("musl-gcc is not here");
  is_armed_and_taken_back(Late({"musl-gcc"}));
}

// Without a handler only what goes through a hook lives.
TEST_CASE("hooks are reached from the program and from the libraries that are there") {
  for (const std::string binding : {"-Wl,-z,lazy", "-Wl,-z,now"}) {
    INFO(binding);
    const Late late({"gcc", binding});
    const auto plugin = "plugin=" + built("tests/victims/libcaller.so");
    const Strings hooks_alone{"attach=NOSIGPIPE_GUARD=hooks"};
    for (const std::string verb : {"write", "send", "writev", "sendfile", "splice"}) {
      INFO(verb);
      late.says(joined(hooks_alone, {verb}));
    }
    CHECK(late.dies(joined(hooks_alone, {"stdio"})));
    late.says(joined({plugin}, joined(hooks_alone, {"calls_plugin"})));
    CHECK(late.dies(joined(hooks_alone, {plugin, "calls_plugin"})));
    late.says({"attach=", plugin, "calls_plugin"});
  }
}

// Linked where no program has memory, so that it lies below that: in words of its class its base is less than nothing.
TEST_CASE("hooks are reached from a library that lies below the address that it was linked at") {
  for (const auto& [flavour, flags] : {std::pair("", Strings{"-Wl,-Ttext-segment=0x800000000000"}),
                                       std::pair("i386/", Strings{"-m32", "-Wl,-Ttext-segment=0xfff00000"})}) {
    INFO(flavour);
    Strings compiler{"gcc"};
    if (flags.size() > 1) compiler.push_back(flags[0]);
    const Late late(compiler, flavour);
    const auto plugin = late.place("libcaller.so");
    output_of(joined({"g++", "-shared", "-fPIC", "-o", plugin, source("tests/victims/libcaller.cpp")}, flags));
    CHECK(late.dies({"plugin=" + plugin, "calls_plugin"}));
    late.says({"plugin=" + plugin, "attach=NOSIGPIPE_GUARD=hooks", "calls_plugin"});
  }
}

TEST_CASE("a library that is loaded late does nothing until it is called") {
  const Late late;
  const auto log = late.place("log");
  Start start;
  start.env = {"NOSIGPIPE_LOG=" + log, "NOSIGPIPE_MODE=protect"};
  const auto said = late.says({"sigpipe"}, start);
  CHECK(line_with(said, "blocked") == line_with(run({late.program(), "sigpipe"}).out, "blocked"));
  const auto ending = late.obeys({"write"}, start);
  CHECK(ending.killed_by(SIGPIPE));
  CHECK(!std::filesystem::exists(log));
}

TEST_CASE("what was armed late is as it was once it is taken back") {
  for (const std::string options : {"", "NOSIGPIPE_LOG=/dev/null", "NOSIGPIPE_GUARD=mask"}) {
    INFO(options);
    is_as_it_was(Late(), options);
    is_as_it_was(Late({"gcc", "-fno-plt", "-Wl,-z,now,-z,relro"}), options);
    is_as_it_was(Late({"gcc", "-m32", "-Wl,-z,lazy"}, "i386/"), options);
  }
}

TEST_CASE("what a program that is armed late is told of SIGPIPE is what it has set") {
  const Late late;
  for (const std::string set : {"default", "handle", "ignore"}) {
    INFO(set);
    const auto bare = line_with(late.says({set, "sigpipe"}), "blocked");
    const auto own = bare.substr(0, bare.find(':'));
    const auto before = late.says({set, "attach=", "sigpipe", "detach", "sigpipe"});
    const auto meanwhile = late.says({"attach=", set, "sigpipe", "detach", "sigpipe"});
    for (const auto& said : {before, meanwhile}) {
      INFO(said);
      const auto views = matches(said, "blocked [^:]*");
      REQUIRE(views.size() == 2);
      CHECK(views[0] == own);
      CHECK(views[1] == own);
    }
  }
}

TEST_CASE("a handler that stands when the program is armed is called as before unless it is bypassed") {
  const Late late;
  CHECK(has(late.says({"handle", "write"}), "handled\n"));
  const auto said = late.says({"handle", "attach=", "write", "writev"});
  CHECK(has(said, "its own handler is called as before\n"));
  CHECK(matches(said, "handled").size() == 2);
  CHECK(!has(late.says({"handle", "attach=NOSIGPIPE_HANDLERS=bypass", "write", "writev"}), "handled"));
  CHECK(matches(late.says({"handle", "attach=NOSIGPIPE_HANDLERS=bypass", "write", "detach", "write"}), "handled")
            .size() == 1);
}

TEST_CASE("a thread that blocks SIGPIPE when it is armed finds it pending as it would have") {
  const Late late;
  CHECK(late.dies({"block", "write", "unblock"}));
  CHECK(has(late.says({"block", "write", "pending"}), "pending 1\n"));
  CHECK(has(late.says({"block", "attach=", "write", "pending", "unblock", "pending"}), "pending 1\npending 0\n"));
  CHECK(late.dies({"block", "attach=", "pipe", "unblock"}));
}

TEST_CASE("why a program is not armed is said in a line") {
  const Late late;
  const auto said = [&](const Strings& words, const Start& start = {}) { return late.says(words, start); };
  CHECK(has(said({"attach=", "attach="}), answer(EALREADY, "already armed")));
  CHECK(has(said({"detach"}), answer(ENOENT, "it is not armed")));
  CHECK(has(said({"attach=", "detach", "detach"}), answer(ENOENT, "it is not armed")));
  CHECK(has(said({"attach="}, with_shim()), answer(EEXIST, "already preloaded")));
  CHECK(has(said({"ignore", "attach=", "write"}),
            answer(ECANCELED, "it ignores SIGPIPE, so that nothing is to be done")));
  CHECK(has(said({"keep_handlers", "attach="}),
            answer(EPERM, "it may not change its handlers: a filter refuses rt_sigaction")));
  CHECK(late.dies({"keep_handlers", "attach=", "write"}));
  CHECK(has(said({"attach=NOSIGPIPE_MODE=off"}), answer(EINVAL, kOptionsOff)));
  CHECK(has(said({"attach=NOSIGPIPE_STACK=33"}), answer(EINVAL, "NOSIGPIPE_STACK=\"33\" is not one of 0..32")));
  CHECK(
      has(said({"attach=NOSIGPIPE_COLOUR=grey"}), std::to_string(EINVAL) + " there is no \"NOSIGPIPE_COLOUR\", only "));
  CHECK(has(said({"attach=LD_PRELOAD=/x"}), std::to_string(EINVAL) + " there is no \"LD_PRELOAD\", only "));
  CHECK(has(said({"attach=" + std::string(9000, 'x')}), answer(EINVAL, "the options are too long")));
  for (const std::string wrong : {"NOSIGPIPE_MODE=off", "NOSIGPIPE_STACK=33", "LD_PRELOAD=/x"}) {
    CHECK(late.dies({"attach=" + wrong, "write"}));
    late.says({"attach=" + wrong, "attach=", "write"});
  }
}

TEST_CASE("whoever has kept the address of a function while it was armed makes the call and no more") {
  const Late late({"gcc", "-fpie", "-pie"});
  late.says({"attach=NOSIGPIPE_GUARD=hooks", "keep", "kept"});
  CHECK(late.dies({"attach=", "keep", "detach", "kept"}));
  late.says({"ignore", "keep", "kept"});
  late.says({"attach=", "keep", "detach", "ignore", "kept"});
  late.says({"attach=", "keep", "detach", "attach=", "kept"});
}

TEST_CASE("a copy of the library knows that another has armed the program") {
  const Late late;
  std::filesystem::copy_file(late.library(), late.place("copy.so"));
  const auto copy = "load=" + late.place("copy.so");
  CHECK(has(late.says({"attach=", copy, "attach=", "write"}),
            answer(EALREADY, "already armed, by a copy of the library")));
  CHECK(has(late.says({"attach=", "detach", copy, "attach=", "write"}), "\n0 11 functions in "));
  CHECK(late.dies({"attach=", "detach", copy, "attach=", "detach", "write"}));
}

// A library with variables of threads that have to lie at a fixed place takes what is left of it.
TEST_CASE("a program whose libc has no room for variables of threads is left alone") {
  const Late late;
  Strings words;
  for (const std::string size : {"1024", "512", "256", "128", "64", "32", "16"}) {
    const auto library = late.place("tls" + size + ".so");
    std::ofstream(late.place("tls.c")) << "__thread char room[" + size + "]; char* get(void) { return room; }";
    output_of({"gcc", "-shared", "-fPIC", "-ftls-model=initial-exec", "-o", library, late.place("tls.c")});
    for (int i = 0; i < 4; ++i) {
      std::filesystem::copy_file(library, late.place(std::to_string(i) + size + ".so"));
      words.push_back("try=" + late.place(std::to_string(i) + size + ".so"));
    }
  }
  const auto load = "load=" + late.library();
  const auto ending = run(joined(joined({late.program()}, words), {load, "attach="}));
  INFO(ending.out << ending.err);
  CHECK(has(ending.out, answer(ENOMEM, "its libc has no room left for variables of threads")));
  CHECK(run(joined(joined({late.program()}, words), {load, "attach=", "write"})).killed_by(SIGPIPE));
}

TEST_CASE("observed late it is logged and kills as before") {
  const Late late;
  const auto log = late.place("log");
  const auto options = "attach=NOSIGPIPE_MODE=observe\nNOSIGPIPE_LOG=" + log;
  for (const auto& verb : kVerbs) {
    INFO(verb);
    std::filesystem::remove(log);
    CHECK(late.dies({options, verb}));
    const auto line = only_line(contents(log));
    CHECK(line["event"] == "observed");
    CHECK(line["would_kill"] == "yes");
  }
}

// As in the same program when the shim was preloaded.
TEST_CASE("a line of a program that is armed late has the place and the way to it") {
  for (const auto& verb : kVerbs) {
    INFO(verb);
    const Late late;
    const auto log = late.place("log");
    const auto preloaded = late.place("preloaded");
    late.says({"attach=NOSIGPIPE_LOG=" + log + "\nNOSIGPIPE_STACK=32", verb});
    late.says({verb}, with_shim({"NOSIGPIPE_LOG=" + preloaded, "NOSIGPIPE_STACK=32"}));
    const auto line = only_line(contents(log));
    const auto same = only_line(contents(preloaded));
    CHECK(line.text("module") == late.program());
    CHECK(!line.text("stack").empty());
    for (const auto* field :
         {"event", "module", "offset", "stack", "call", "technique", "would_kill", "count", "cause"}) {
      INFO(field);
      CHECK(line[field] == same[field]);
    }
  }
}

TEST_CASE("the totals are logged and the log is closed when it is taken back and the next is another one") {
  const Late late;
  const auto first = late.place("first");
  const auto second = late.place("second");
  const Strings words{"attach=NOSIGPIPE_LOG=" + first,  "write", "fds",   "detach", "fds",
                      "attach=NOSIGPIPE_LOG=" + second, "send",  "writev"};
  const auto said = late.says(words);
  const auto open = matches(said, "fds ([0-9]+)");
  REQUIRE(open.size() == 2);
  CHECK(std::stoi(open[0]) == std::stoi(open[1]) + 1);
  CHECK(count_of(parsed(contents(first), "averted")) == 1);
  CHECK(count_of(parsed(contents(second), "averted")) == 2);
  const auto held = late.place("held");
  late.says({"attach=NOSIGPIPE_LOG=" + held, "hundred", "detach"});
  CHECK(count_of(parsed(contents(held))) == 100);
  CHECK(parsed(contents(held), "total").size() == 1);
  const auto ended = late.place("ended");
  late.says({"attach=NOSIGPIPE_LOG=" + ended, "hundred"});
  CHECK(count_of(parsed(contents(ended))) == 100);
}

// By which the report knows whose a file in /tmp is that names what was compiled at run time.
TEST_CASE("a line says when the program began and not when it was armed") {
  const Late late;
  const auto log = late.place("log");
  const auto before = std::time(nullptr);
  late.says({"later", "attach=NOSIGPIPE_LOG=" + log, "made"});
  const auto line = only_line(contents(log));
  const auto started = line.number("started");
  CHECK(started >= before - 1);
  CHECK(started <= std::time(nullptr) - 2);
}

TEST_CASE("children of fork are armed as their parent is") {
  const Late late;
  CHECK(late.dies({"fork", "write"}));
  const auto log = late.place("log");
  late.says({"attach=NOSIGPIPE_LOG=" + log, "fork", "write", "writev", "stdio"});
  CHECK(count_of(parsed(contents(log), "averted")) == 3);
  CHECK(late.dies({"attach=", "fork", "detach", "write"}));
  CHECK(late.dies({"attach=", "fork", "pipe"}));
}

TEST_CASE("threads that write while it is armed and taken back two hundred times meet no error") {
  for (const std::string options : {"", "NOSIGPIPE_LOG=/dev/null", "NOSIGPIPE_GUARD=mask"}) {
    INFO(options);
    CHECK(has(Late().says({"storm=" + options}), "no error\n"));
  }
  CHECK(has(Late({"gcc", "-m32"}, "i386/").says({"storm="}), "no error\n"));
}

TEST_CASE("a child that is forked while its parent is armed and taken back is armed or not, and can be made either") {
  for (const std::string options : {"", "NOSIGPIPE_LOG=/dev/null"}) {
    INFO(options);
    CHECK(has(Late().says({"fork_storm=" + options}), "no error\n"));
  }
  CHECK(has(Late({"gcc", "-m32"}, "i386/").says({"fork_storm="}), "no error\n"));
}

TEST_CASE("a child that is forked past libc while its parent is armed says that nothing can be done in it") {
  CHECK(has(Late().says({"fork_storm_past_libc="}), "no error\n"));
}

// A thread is in the middle of its relocation most of the time: thousands of addresses, all of which are to be written
// before the loader makes them unwritable.
TEST_CASE("a library that comes and goes while the program is armed and taken back is left whole") {
  for (const std::string flavour : {"", "i386/"}) {
    const Strings how = flavour.empty() ? Strings{"gcc"} : Strings{"gcc", "-m32"};
    const Late late(how, flavour);
    std::ofstream(late.place("plugin.c")) << "#include <sys/socket.h>\n#include <unistd.h>\n"
                                             "long calls_from_a_library(int fd) { return send(fd, \"lost\", 4, 0); }\n"
                                             "#define FEW (void*)write, (void*)send, (void*)sendto, (void*)sendmsg,\n"
                                             "#define MANY FEW FEW FEW FEW FEW FEW FEW FEW\n"
                                             "#define MORE MANY MANY MANY MANY MANY MANY MANY MANY\n"
                                             "void* const table[] = {MORE MORE MORE MORE MORE MORE MORE MORE};\n";
    output_of(joined(
        how, {"-shared", "-fPIC", "-Wl,-z,now,-z,relro", "-o", late.place("plugin.so"), late.place("plugin.c")}));
    CHECK(has(late.says({"reload=" + late.place("plugin.so"), "storm="}), "no error\n"));
  }
}

// It is what has attached us. Where a debugger comes later the next SIGPIPE shows it.
TEST_CASE("who traces the program while it is armed is not taken for a debugger") {
  if (!can_trace()) SKIP_TEST("nothing can be traced here");
  const Late late;
  const auto technique = [&](const Strings& words, const Start& start, const std::string& log) {
    const auto ending = run(joined({"strace", "-f", "-o", "/dev/null"}, late.words(words)), start);
    INFO(ending.text() << ending.out << ending.err);
    REQUIRE(ending.exited(0));
    return only_line(contents(log))["technique"];
  };
  const auto log = late.place("log");
  CHECK(technique({"attach=NOSIGPIPE_LOG=" + log, "writev"}, {}, log) == "catch");
  const auto preloaded = late.place("preloaded");
  CHECK(technique({"writev"}, with_shim({"NOSIGPIPE_LOG=" + preloaded}), preloaded) == "mask");
}

TEST_CASE("the doctor tells who was attached and since when and who is not any more") {
  const Late late;
  const auto said = [&](const Strings& words, const Strings& options = {}) {
    Process process(late.words(joined(words, {"wait"})));
    const auto proc = "/proc/" + std::to_string(process.pid()) + "/";
    REQUIRE(eventually([&] { return contents(proc + "syscall").starts_with("34 "); }));  // pause
    return run(joined(joined({built("nosigpipe-doctor")}, options), {std::to_string(process.pid())})).out;
  };
  const Strings armed{"attach=NOSIGPIPE_STACK=7"};
  const auto rows = said(armed);
  INFO(rows);
  // A row wraps where its path is long.
  CHECK(has_match(rows, "libnosigpipe-attach\\.so,\\s+version\\s"));
  CHECK(has_match(rows, "in force, attached since 20\\d\\d-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ\n"));
  CHECK(has(rows, "stack=7"));
  CHECK(has(rows, "nosigpipe keeps it safe."));
  const auto json = said(armed, {"--json"});
  const auto since = matches(json, "\"phase\": ?\"in force\", ?\"attached\": ?([0-9]+)");
  INFO(json);
  REQUIRE(since.size() == 1);
  CHECK(std::stol(since[0]) <= std::time(nullptr));
  CHECK(std::stol(since[0]) > std::time(nullptr) - 600);
  const auto back = said({"attach=", "detach"});
  INFO(back);
  CHECK(has(back, "taken back\n"));
  CHECK(has(back, "A write to a socket whose peer is gone kills it."));
  CHECK(has(said({}), "loading\n"));
}

// Else it would stand in for libc in what is loaded later.
TEST_CASE("the library that is loaded late exports its two entries and needs libc alone, none above 2.17") {
  for (const std::string flavour : {"", "i386/"}) {
    const auto library = built(flavour + "libnosigpipe-attach.so");
    CHECK(cost::shape_of(library).exports == std::set<std::string>{"nosigpipe_attach", "nosigpipe_detach"});
    const auto dynamic = output_of({"readelf", "-dW", library});
    CHECK(matches(dynamic, "\\(NEEDED\\)[^\\[]*\\[([^\\]]*)\\]") == Strings{"libc.so.6"});
    CHECK(!has(dynamic, "STATIC_TLS"));
    CHECK(!has(dynamic, "(INIT"));
    const auto versions = matches(output_of({"readelf", "-VW", library}), "Name: GLIBC_2\\.([0-9]+)");
    CHECK(!versions.empty());
    for (const auto& version : versions) CHECK(std::stoi(version) <= 17);
  }
}
