// nosigpipe-doctor on commands: whether LD_PRELOAD reaches them, and that what it says comes true.
#include "support/doctor.h"
#include "support/tracer.h"

#include <sys/stat.h>

#include <algorithm>

namespace {

constexpr int kReached = 0;
constexpr int kUnreachable = 2;
constexpr int kNotKnown = 3;

std::string said(const Strings& command, const std::string& path, const Start& start = {}) {
  return member(doctor(joined({"--json", "--"}, command), start).out, path);
}

const Strings as_nobody{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};

// Asked by a user without rights.
std::string said_to_nobody(const Strings& command, const std::string& path) {
  const auto answer = run(joined(as_nobody, joined({built("nosigpipe-doctor"), "--json", "--"}, command)));
  return member(answer.out, path);
}

// Whether the shim gets into what waits behind this command.
bool gets_in(const Strings& command, const Start& start = with_shim()) {
  const Waiting victim(command, start);
  return victim.says(".shim") != "null";
}

std::string script(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
  std::filesystem::permissions(path, static_cast<std::filesystem::perms>(0755));
  return path;
}

}  // namespace

TEST_CASE("a dynamic program of glibc is reached") {
  const States states;
  CHECK(doctor({states.file()}).exited(kReached));
  CHECK(said({states.file()}, ".verdict") == "reached");
  CHECK(said({states.file()}, ".linkage") == "dynamic");
  CHECK(said({states.file()}, ".libc") == "glibc");
  CHECK(said({states.file()}, ".bits") == "64");
  CHECK(said({states.file()}, ".library") == built("libnosigpipe.so"));
  CHECK(gets_in(states.in({})));
}

TEST_CASE("a program that is not position-independent is reached") {
  const States states({"-no-pie"});
  CHECK(said({states.file()}, ".verdict") == "reached");
  CHECK(gets_in(states.in({})));
}

TEST_CASE("a static program can be armed at its start, where nosigpipe-attach is beside us and no rights are gained") {
  if (!can_trace()) SKIP_TEST("nothing can be traced here");
  for (const std::string linkage : {"static", "static-pie"}) {
    const States states({"-" + linkage});
    INFO(linkage);
    CHECK(doctor({states.file()}).exited(kReached));
    CHECK(said({states.file()}, ".verdict") == "at-start");
    CHECK(said({"env", "X=1", states.file()}, ".verdict") == "at-start");
    CHECK(said({states.file()}, ".linkage") == linkage);
    CHECK(said({states.file()}, ".remedy") == "null");
    CHECK(!gets_in(states.in({})));
    const auto refuses = [&](const Ending& ending, const std::string& reason) {
      INFO(ending.out);
      CHECK(ending.exited(kUnreachable));
      std::string text = ending.out;
      std::ranges::replace(text, '\n', ' ');
      CHECK(has(text, reason));
    };
    Start observing;
    observing.env = {"NOSIGPIPE_MODE=observe"};
    refuses(doctor({states.file()}, observing), "with mode=observe");
    const Directory alone;
    std::filesystem::copy_file(built("nosigpipe-doctor"), alone / "nosigpipe-doctor");
    refuses(run({alone / "nosigpipe-doctor", states.file()}), "is not beside us");
    // Who is traced already is not traced a second time.
    refuses(run({"strace", "-o", "/dev/null", built("nosigpipe-doctor"), states.file()}), "may not trace");
  }
}

// Of a static program: it is armed by who may trace it.
static std::string static_verdict() { return can_trace() ? "at-start" : "unreachable"; }

TEST_CASE("a program of musl is reached and a static one of musl is not") {
  const States states({}, "musl-gcc");
  CHECK(said({states.file()}, ".libc") == "musl");
  CHECK(said({states.file()}, ".verdict") == "reached");
  CHECK(gets_in(states.in({})));
  const States fixed({"-static"}, "musl-gcc");
  CHECK(said({fixed.file()}, ".verdict") == static_verdict());
}

TEST_CASE("a 32-bit program is reached by the library of its class and by no other") {
  const States states({"-m32"});
  CHECK(said({states.file()}, ".bits") == "32");
  CHECK(said({states.file()}, ".machine") == "i386");
  CHECK(said({states.file()}, ".library") == built("i386/libnosigpipe.so"));
  CHECK(doctor({states.file()}).exited(kReached));
  CHECK(!gets_in(states.in({})));
  Start start;
  start.env = {"LD_PRELOAD=" + built("i386/libnosigpipe.so")};
  CHECK(gets_in(states.in({}), start));

  const Directory directory;
  for (const std::string part : {"nosigpipe-doctor", "libnosigpipe.so"})
    std::filesystem::copy_file(built(part), directory / part);
  const auto alone = run({directory / "nosigpipe-doctor", "--json", states.file()});
  CHECK(alone.exited(kUnreachable));
  CHECK(has(member(alone.out, ".reason"), "32-bit i386"));
}

TEST_CASE("a program of another machine is not reached") {
  const Directory directory;
  auto program = contents(built("nosigpipe-doctor"));
  const auto file = script(directory / "other", "");
  for (const auto& [machine, number] : {std::pair<std::string, char>{"aarch64", '\xb7'}, {"riscv", '\xf3'}}) {
    program[18] = number;
    std::ofstream(file) << program;
    INFO(machine);
    CHECK(said({file}, ".machine") == machine);
    CHECK(doctor({file}).exited(kUnreachable));
  }
  program[5] = 2;  // its numbers have their highest byte first
  program[18] = 0;
  program[19] = 22;
  std::ofstream(file) << program;
  CHECK(said({file}, ".machine") == "s390");
  CHECK(doctor({file}).exited(kUnreachable));
}

TEST_CASE("a set-user-ID program is reached by who it gives nothing to and by no other") {
  if (geteuid() != 0) SKIP_TEST("only root can make a program that changes its user");
  const States states;
  for (const auto& [mode, rights] : {std::pair<unsigned, std::string>{04755, "set-uid"}, {02755, "set-gid"}}) {
    std::filesystem::permissions(states.file(), static_cast<std::filesystem::perms>(mode));
    INFO(rights);
    CHECK(said({states.file()}, ".verdict") == "reached");
    CHECK(gets_in(states.in({})));
    if (said_to_nobody({states.file()}, ".rights") == "same")
      SKIP_TEST("the temporary directory has no set-user-ID programs");
    CHECK(said_to_nobody({states.file()}, ".rights") == rights);
    CHECK(said_to_nobody({states.file()}, ".verdict") == "unreachable");
    CHECK(!gets_in(joined(as_nobody, states.in({}))));
  }
  std::filesystem::permissions(states.file(), static_cast<std::filesystem::perms>(0755));
  CHECK(said_to_nobody({states.file()}, ".verdict") == "reached");
  CHECK(gets_in(joined(as_nobody, states.in({}))));
  // Root, too, is given something by a program of another user's.
  std::filesystem::permissions(states.file(), static_cast<std::filesystem::perms>(04755));
  REQUIRE(chown(states.file().c_str(), 65534, 65534) == 0);
  std::filesystem::permissions(states.file(), static_cast<std::filesystem::perms>(04755));
  CHECK(said({states.file()}, ".verdict") == "unreachable");
  CHECK(!gets_in(states.in({})));
}

TEST_CASE("a set-user-ID program is reached where no program may gain rights") {
  if (geteuid() != 0) SKIP_TEST("only root can make a program that changes its user");
  const States states;
  std::filesystem::permissions(states.file(), static_cast<std::filesystem::perms>(04755));
  const auto without = joined(as_nobody, {"setpriv", "--no-new-privs"});
  const auto answer = run(joined(without, {built("nosigpipe-doctor"), "--json", states.file()}));
  CHECK(member(answer.out, ".verdict") == "reached");
  CHECK(gets_in(joined(without, states.in({}))));
}

TEST_CASE("a program with file capabilities is reached by root and by no other") {
  if (geteuid() != 0) SKIP_TEST("only root can give a file capabilities");
  const States states;
  if (!run({"setcap", "cap_net_raw+ep", states.file()}).exited(0)) SKIP_TEST("no file can be given capabilities here");
  CHECK(said({states.file()}, ".verdict") == "reached");
  CHECK(gets_in(states.in({})));
  CHECK(said_to_nobody({states.file()}, ".rights") == "capabilities");
  CHECK(said_to_nobody({states.file()}, ".verdict") == "unreachable");
  CHECK(!gets_in(joined(as_nobody, states.in({}))));
}

TEST_CASE("of a script its interpreter is judged") {
  const States states;
  const States fixed({"-static"});
  const auto with = [&](const std::string& name, const std::string& line) {
    return script(states / name, line + "\necho\n");
  };
  const auto plain = with("plain", "#!" + states.file());
  CHECK(said({plain}, ".verdict") == "reached");
  CHECK(said({plain}, ".file") == states.file());
  CHECK(said({plain}, ".through[0]") == plain);
  CHECK(said({with("static", "#! " + fixed.file() + " -x")}, ".verdict") == static_verdict());
  CHECK(said({with("twice", "#!" + plain)}, ".file") == states.file());
  CHECK(said({with("none", "echo")}, ".file") == "/bin/sh");
  CHECK(said({with("gone", "#!/nonexistent/shell")}, ".verdict") == "unknown");
  CHECK(said({with("itself", "#!" + (states / "itself"))}, ".verdict") == "unknown");
  CHECK(gets_in({plain}));
  CHECK(!gets_in({states / "static"}));

  Start start;
  start.env = {"PATH=" + std::filesystem::path(states.file()).parent_path().string() + ":" + std::getenv("PATH")};
  CHECK(said({with("by-env", "#!/usr/bin/env states")}, ".file", start) == states.file());
  CHECK(said({with("tabs", "#!\t/usr/bin/env\tstates")}, ".file", start) == states.file());
  CHECK(said({with("split", "#!/usr/bin/env -S states ready")}, ".file", start) == states.file());
  CHECK(said({with("cleared", "#!/usr/bin/env -iS states ready")}, ".verdict", start) == "unreachable");
  CHECK(said({with("cleared", "#!/usr/bin/env -S -i states ready")}, ".verdict", start) == "unreachable");
}

TEST_CASE("env is looked through and what it clears is told") {
  const States states;
  const auto through = [&](const Strings& options) {
    return said(joined(joined({"env"}, options), states.in({})), ".verdict");
  };
  const auto comes_true = [&](const Strings& options) {
    return gets_in(joined(joined({"env"}, options), states.in({})));
  };
  for (const Strings& options : {Strings{}, {"X=1"}, {"-u", "X"}, {"-C", "/"}, {"--unset=X", "Y=2"}, {"--", "X=1"}}) {
    INFO((options.empty() ? "" : options[0]));
    CHECK(through(options) == "reached");
    CHECK(comes_true(options));
  }
  for (const Strings& options : {Strings{"-i"},
                                 {"-"},
                                 {"--ignore-environment"},
                                 {"-u", "LD_PRELOAD"},
                                 {"-uLD_PRELOAD"},
                                 {"--unset=LD_PRELOAD"},
                                 {"LD_PRELOAD="},
                                 {"-i", "X=1"}}) {
    INFO(options[0]);
    CHECK(through(options) == "unreachable");
    CHECK(!comes_true(options));
  }
}

TEST_CASE("options of env are read as env reads them") {
  const States states;
  const auto verdict = [&](const Strings& options) {
    return said(joined(joined({"env"}, options), states.in({})), ".verdict");
  };
  const auto comes_true = [&](const Strings& options) {
    return gets_in(joined(joined({"env"}, options), states.in({})));
  };
  for (const Strings& clears : {Strings{"--ignore-env"}, {"--uns=LD_PRELOAD"}, {"--uns", "LD_PRELOAD"}, {"-vi"}}) {
    INFO(clears[0]);
    CHECK(verdict(clears) == "unreachable");
    CHECK(!comes_true(clears));
  }
  const auto ours = "LD_PRELOAD=" + built("libnosigpipe.so");
  for (const Strings& keeps : {Strings{ours}, {"-i", ours}, {"-u", "LD_PRELOAD", ours}, {"--default-signal=PIPE"}}) {
    INFO(keeps[0]);
    CHECK(verdict(keeps) == "reached");
    CHECK(comes_true(keeps));
  }
  CHECK(verdict({"LD_PRELOAD=/nonexistent.so"}) == "unreachable");
  CHECK(verdict({"--no-such-option"}) == "unknown");
  CHECK(verdict({"--ign"}) == "unknown");  // of two
}

TEST_CASE("the directory and the PATH that env gives are those that its command is looked for in") {
  const States states;
  const auto directory = std::filesystem::path(states.file()).parent_path().string();
  for (const Strings& command : {Strings{"env", "-C", directory, "./states"},
                                 {"env", "--chd=" + directory, "./states"},
                                 {"env", "PATH=" + directory, "states"},
                                 {"env", "-C", directory, "PATH=.", "states"},
                                 {"env", "-C/", "env", "-C", "." + directory, "./states"}}) {
    INFO(command[1]);
    CHECK(said(command, ".verdict") == "reached");
    CHECK(std::filesystem::equivalent(said(command, ".file"), states.file()));
    CHECK(gets_in(command));
  }
  CHECK(said({"env", "PATH=/nonexistent", "true"}, ".verdict") == "unknown");
  Start start;
  start.env = {"PATH=" + directory + ":/bin"};
  CHECK(said({"env", "states"}, ".verdict", start) == "reached");
  CHECK(said({"env", "-u", "PATH", "states"}, ".verdict", start) == "unknown");
}

TEST_CASE("quotes of env -S are followed and what else it knows could not be told") {
  const States states;
  std::filesystem::copy_file(states.file(), states / "a b");
  const auto split = [&](const std::string& text) { return Strings{"env", "-S", text}; };
  for (const auto& text :
       {"'" + (states / "a b") + "'", "\"" + (states / "a b") + "\" tcp", "X='a b' " + states.file()}) {
    INFO(text);
    CHECK(said(split(text), ".verdict") == "reached");
    CHECK(gets_in(split(text)));
  }
  CHECK(said(split("-u 'LD_PRELOAD' " + states.file()), ".verdict") == "unreachable");
  for (const std::string text : {"\\x", "${HOME}", "true # x", "'true"}) {
    INFO(text);
    CHECK(doctor(joined({"--"}, split(text))).exited(kNotKnown));
  }
}

TEST_CASE("who clears LD_PRELOAD is told with what to do instead") {
  const Directory directory;
  for (const std::string name : {"sudo", "su", "bwrap", "doas", "pkexec", "runuser", "systemd-run"})
    std::filesystem::copy_file("/bin/true", directory / name);
  const auto verdict = [&](Strings command) {
    command[0] = directory / command[0];
    return said(command, ".verdict");
  };
  for (const Strings& clears : {Strings{"sudo", "true"},
                                {"doas", "true"},
                                {"pkexec", "true"},
                                {"su", "-"},
                                {"su", "-l", "x"},
                                {"su", "--login"},
                                {"su", "-lc", "x"},
                                {"su", "--logi"},
                                {"su", "root", "-l"},
                                {"runuser", "-", "x"},
                                {"bwrap", "--clearenv", "true"},
                                {"systemd-run", "true"}}) {
    INFO(clears[0] << " " << clears[1]);
    CHECK(verdict(clears) == "unreachable");
  }
  for (const Strings& keeps :
       {Strings{"su", "root"}, {"su", "-c", "-l"}, {"bwrap", "true"}, {"runuser", "-u", "root"}}) {
    INFO(keeps[0]);
    CHECK(verdict(keeps) == "reached");
  }
}

TEST_CASE("the advice ends with the command as a shell reads it, unless nosigpipe is turned off") {
  const std::string can = "It can be reached: nosigpipe ";
  CHECK(said({"env", "X=1 2", "true", "it's"}, ".advice") == can + "env 'X=1 2' true 'it'\\''s'");
  const auto words = std::string(50, 'x') + " " + std::string(50, 'y');
  CHECK(doctor({"true", words}).out.ends_with("\nnosigpipe true '" + words + "'\n"));
  const States fixed({"-static"});
  if (can_trace())  // who may not is told of another cure
    CHECK(said(fixed.in({"a b"}), ".advice").ends_with(": nosigpipe " + fixed.file() + " 'a b'"));
  Start off;
  off.env = {"NOSIGPIPE_MODE=off"};
  CHECK(said({"true"}, ".verdict", off) == "reached");
  CHECK(has(said({"true"}, ".remark", off), "NOSIGPIPE_MODE=off turns nosigpipe off"));
  CHECK(has(said({"true"}, ".advice", off), "NOSIGPIPE_MODE=off turns nosigpipe off"));
  for (const Strings& command : {fixed.in({}), {"env", "-i", "true"}}) {
    CHECK(said(command, ".verdict", off) == "unneeded");
    CHECK(doctor(joined({"--"}, command), off).exited(kReached));
  }
}

TEST_CASE("a library that is not there for a program is to be built by make i386 only where it is of that") {
  CHECK(has(doctor({"--for-launcher=nosuch", "--", "true"}).out, "our_remedy="));
  CHECK(!has(doctor({"--for-launcher=nosuch", "--", "true"}).out, "make i386"));
  const States narrow({"-m32"});
  CHECK(has(doctor({"--for-launcher=nosuch", "--", narrow.file()}).out, "make i386"));
}

TEST_CASE("what systemd is told to hand through is reached") {
  const Directory directory;
  const auto ours = "LD_PRELOAD=" + built("libnosigpipe.so");
  for (const std::string name : {"systemd-run", "systemd-socket-activate"}) {
    std::filesystem::copy_file("/bin/true", directory / name);
    const auto verdict = [&](const Strings& words) { return said(joined({directory / name}, words), ".verdict"); };
    INFO(name);
    for (const Strings& handed : {Strings{"-E", "LD_PRELOAD"},
                                  {"-ELD_PRELOAD"},
                                  {"--setenv=LD_PRELOAD"},
                                  {"-E", ours},
                                  {"-E" + ours},
                                  {"--setenv=" + ours},
                                  {"--setenv", ours},
                                  {"-E", "LD_PRELOAD=/usr/$LIB/libnosigpipe.so"}}) {
      INFO(handed.back());
      CHECK(verdict(joined(handed, {"true"})) == "reached");
      CHECK(verdict(joined({"true"}, handed)) == "unreachable");
    }
    CHECK(verdict({"-E", "LD_PRELOAD=/nonexistent.so", "true"}) == "unreachable");
    CHECK(verdict({"-E", "LD_PRELOADED", "true"}) == "unreachable");
    CHECK(verdict({"--no-such-option", "true"}) == "unknown");
  }
  CHECK(said({directory / "systemd-run", "--scope", "true"}, ".verdict") == "reached");
}

TEST_CASE("a program that is started by its loader is judged itself") {
  const States states;
  const States fixed({"-static"});
  const auto loader = said({states.file()}, ".interpreter");
  CHECK(said({loader, states.file()}, ".file") == states.file());
  for (const Strings& options : {Strings{"--library-path", "/lib"},
                                 {"--argv0", fixed.file()},
                                 {"--preload", built("libnosigpipe.so")},
                                 {"--inhibit-rpath", ""},
                                 {"--inhibit-cache"}}) {
    const auto command = joined(joined({loader}, options), states.in({}));
    INFO(options[0]);
    CHECK(said(command, ".file") == states.file());
    CHECK(gets_in(command));
  }
  CHECK(said({loader, "--library-path", "/lib", fixed.file()}, ".verdict") == "unreachable");
  CHECK(gets_in(joined({loader}, states.in({}))));
}

TEST_CASE("a program with gcc's AddressSanitizer is told so") {
  const States states({"-fsanitize=address"});
  CHECK(said({states.file()}, ".address_sanitizer") == "true");
  CHECK(said({"true"}, ".address_sanitizer") == "false");
}

TEST_CASE("what is no program could not be told") {
  const Directory directory;
  std::ofstream(directory / "plain") << "text";
  for (const std::string& name :
       {std::string("no-such-command"), directory / "plain", directory.path(), std::string("/dev/null")}) {
    INFO(name);
    CHECK(doctor({"--", name}).exited(kNotKnown));
  }
  CHECK(mkfifo((directory / "fifo").c_str(), 0755) == 0);
  CHECK(doctor({directory / "fifo"}).exited(kNotKnown));
}

TEST_CASE("headers that lie are no trouble") {
  const Directory directory;
  const auto file = script(directory / "damaged", "");
  const auto program = contents(built("nosigpipe-doctor")).substr(0, 4096);
  for (size_t at = 16; at < 1024; at += 3) {
    auto damaged = program;
    for (size_t i = at; i < at + 4; ++i) damaged[i] = '\xff';
    std::ofstream(file) << damaged;
    const auto ending = doctor({"--json", file});
    INFO(at << " " << ending.text() << ending.err);
    CHECK((ending.exited(kReached) || ending.exited(kUnreachable) || ending.exited(kNotKnown)));
  }
  for (const size_t length : {4U, 16U, 20U, 64U, 100U}) {
    std::ofstream(file) << program.substr(0, length);
    CHECK(!doctor({file}).killed_by(11));
  }
}

TEST_CASE("a program of many segments is judged and one that is not understood is no script") {
  const Directory directory;
  const auto judged = [&](uint16_t segments) {
    return doctor({"--json", script(directory / "program", lying_program(PT_LOAD, segments, ""))});
  };
  CHECK(member(judged(1000).out, ".linkage") == "dynamic");  // ET_DYN of no interpreter: a library
  const auto more = judged(1171);                            // than the kernel takes
  CHECK(more.exited(kNotKnown));
  CHECK(member(more.out, ".file") == directory / "program");
  CHECK(has(member(more.out, ".reason"), "not understood"));
}

TEST_CASE("headers that say the same a thousand times are read once") {
  const Directory directory;
  std::string names;
  const auto add = [&](Elf64_Sxword tag, Elf64_Xword value) {
    Elf64_Dyn entry{};
    entry.d_tag = tag;
    entry.d_un.d_val = value;
    names.append(reinterpret_cast<const char*>(&entry), sizeof entry);
  };
  // No segment holds the texts, so that they begin one byte before the first.
  add(DT_STRTAB, 0);
  constexpr auto kTexts = sizeof(Elf64_Ehdr) + 250 * sizeof(Elf64_Phdr) + 4001 * sizeof(Elf64_Dyn);
  for (int i = 0; i < 4000; ++i) add(DT_NEEDED, kTexts + 1);
  for (const auto kind : {PT_DYNAMIC, PT_INTERP, PT_NOTE}) {
    const auto file = script(directory / "lying", lying_program(static_cast<uint32_t>(kind), 250, names));
    const auto ending = soon({file});
    INFO(kind << " " << ending.text() << ending.err);
    CHECK((ending.exited(kReached) || ending.exited(kUnreachable) || ending.exited(kNotKnown)));
  }
}

TEST_CASE("of a program no more is read than its headers") {
  if (!can_trace()) SKIP_TEST("nothing can be traced here");
  const States states;
  std::filesystem::resize_file(states.file(), size_t{1} << 30);
  const auto trace = states / "trace";
  output_of({"strace", "-qq", "-P", states.file(), "-e", "trace=read,pread64,mmap", "-o", trace,
             built("nosigpipe-doctor"), states.file()});
  size_t read = 0;
  for (const auto& line : lines_of(contents(trace))) {
    INFO(line);
    CHECK(line.starts_with("pread64("));
    read += std::stoul(line.substr(line.rfind(' ')));
  }
  CHECK(read > 0);
  CHECK(read < 16384);
}

TEST_CASE("an empty PATH entry is the directory itself and a number behind -- is a command") {
  const States states;
  std::filesystem::copy_file(states.file(), states / "12345");
  Start start;
  start.directory = std::filesystem::path(states.file()).parent_path();
  start.env = {"PATH=:/bin"};
  CHECK(said({"12345"}, ".verdict", start) == "reached");
}
