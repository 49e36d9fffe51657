// The launcher: its options, its exit statuses, where it finds the shim, and what the shim says of its variables.
#include <signal.h>

#include <algorithm>

#include "support/log_socket.h"
#include "support/options_list.h"
#include "support/source_tree.h"
#include "support/victims.h"

namespace {

// One valid value of each kind that an option takes.
Strings valid_values(const Option& option) {
  Strings values;
  std::istringstream list(option.words());
  for (std::string value; std::getline(list, value, '|');)
    if (const auto dots = value.find(".."); dots != std::string::npos)
      values.insert(values.end(), {value.substr(0, dots), value.substr(dots + 2)});
    else if (value == "PATH")
      values.push_back("/dev/null");
    else if (value.find("PATH") == std::string::npos)
      values.push_back(value);
  return values;
}

std::string launcher() { return built("nosigpipe"); }

// The shells that /bin/sh may be.
const Strings shells[] = {{"dash"}, {"busybox", "sh"}, {"bash", "--posix"}};

Ending launch(const Strings& arguments, const Start& start = {}) { return run(joined({launcher()}, arguments), start); }

Start in_environment(const Strings& variables) {
  Start start;
  start.env = variables;
  return start;
}

Start in_directory(const std::string& path) {
  Start start;
  start.directory = path;
  return start;
}

std::string said_by(const Ending& ending) {
  return ending.text() + "\nstdout: " + ending.out + "\nstderr: " + ending.err;
}

bool says_one_line(const std::string& text) {
  return text.size() > 1 && text.back() == '\n' && std::count(text.begin(), text.end(), '\n') == 1;
}

// The launcher, so called, gives up: one line and this status.
void gives_up(const Strings& argv, int status, const std::string& words, const Start& start = {}) {
  std::string called;
  for (const auto& argument : argv) called += argument + " ";
  const Ending ending = run(argv, start);
  INFO(called << ": " << said_by(ending));
  CHECK(ending.exited(status));
  CHECK(ending.out.empty());
  CHECK(says_one_line(ending.err));
  CHECK(has(ending.err, words));
}

// A program that dies bare lives when this launcher starts it.
void averts(const Strings& launcher_argv, const Start& start = {}) {
  const Strings victim = log_victim({"send", "stdio"});
  REQUIRE(run(victim, start).killed_by(SIGPIPE));
  const Ending ending = run(joined(launcher_argv, victim), start);
  INFO(launcher_argv.back() << ": " << said_by(ending));
  CHECK(ending.exited(0));
  CHECK(ending.err.empty());
}

// The variables that a program started by this command finds.
Strings environment_of(const Strings& launcher_argv, const Start& start = {}) {
  const Ending ending = run(joined(launcher_argv, {"env", "-0"}), start);
  REQUIRE(ending.exited(0));
  Strings variables;
  std::istringstream list(ending.out);
  for (std::string variable; std::getline(list, variable, '\0');) {
    // What shells add by themselves.
    const auto name = variable.substr(0, variable.find('='));
    if (name != "_" && name != "PWD" && name != "OLDPWD" && name != "SHLVL") variables.push_back(variable);
  }
  std::sort(variables.begin(), variables.end());
  return variables;
}

std::string value_of(const Strings& variables, const std::string& name) {
  for (const auto& variable : variables)
    if (variable.starts_with(name + "=")) return variable.substr(name.size() + 1);
  return "";
}

Strings preloaded(const std::string& list) {
  Strings libraries;
  std::string library;
  for (const char c : list + ":") {
    if (c != ':' && c != ' ') {
      library += c;
    } else if (!library.empty()) {
      libraries.push_back(library);
      library.clear();
    }
  }
  return libraries;
}

}  // namespace

TEST_CASE("the launcher is at most a hundred lines long") {
  CHECK(lines_of(contents(source("shim/nosigpipe.sh"))).size() <= 100);
}

TEST_CASE("every shell takes the launcher for its own language") {
  for (const auto& shell : shells) {
    const Ending ending = run(joined(shell, {"-n", launcher()}));
    INFO(shell[0] << ": " << said_by(ending));
    CHECK(ending.exited(0));
    CHECK((ending.out + ending.err).empty());
  }
}

TEST_CASE("the launcher works in every shell") {
  for (const auto& shell : shells) {
    const auto here = joined(shell, {launcher()});
    averts(here);
    CHECK(run(joined(here, {"--help"})).out == launch({"--help"}).out);
    CHECK(run(joined(here, {"--log=/tmp/a b", "printenv", "NOSIGPIPE_LOG"})).out == "/tmp/a b\n");
    CHECK(run(joined(here, {"--runaway-after=7", "printenv", "NOSIGPIPE_RUNAWAY_AFTER"})).out == "7\n");
    gives_up(joined(here, {"--nosuch=1", "true"}), 125, "--nosuch=1");
    gives_up(here, 125, "command");
    CHECK(run(joined(here, {"no-such-command"})).exited(127));
    CHECK(run(joined(here, {"/"})).exited(126));
    Process process(joined(here, {"sh", "-c", "echo $$"}));
    CHECK(process.wait().out == std::to_string(process.pid()) + "\n");
  }
}

TEST_CASE("the command keeps the pid of the launcher") {
  Process process({launcher(), "sh", "-c", "echo $$"});
  const Ending ending = process.wait();
  CHECK(ending.out == std::to_string(process.pid()) + "\n");
}

TEST_CASE("the launcher ends as its command does") {
  CHECK(launch({"sh", "-c", "exit 42"}).exited(42));
  CHECK(launch({"sh", "-c", "kill -TERM $$"}).killed_by(SIGTERM));
  CHECK(launch({"sh", "-c", "kill -PIPE $$"}).killed_by(SIGPIPE));
}

TEST_CASE("help lists every option with its values and its default") {
  const Ending ending = launch({"--help"});
  INFO(said_by(ending));
  CHECK(ending.exited(0));
  CHECK(ending.err.empty());
  const auto lines = lines_of(ending.out);
  const auto words = replaced(ending.out, "\\s+", " ");  // whatever line they stand in
  for (const auto& option : options) {
    INFO(option.name);
    const auto heading = "  --" + option.name + "=" + option.words();
    CHECK(std::count(lines.begin(), lines.end(), heading) == 1);
    CHECK(has(words, heading.substr(1) + " " + option.help + " (default: " + option.fallback() + ") "));
    for (const auto& value : option.values) {
      INFO(value.word);
      CHECK(has(words, " " + value.word + " " + value.help + " "));
    }
  }
  for (const auto& line : lines) CHECK(line.size() <= 80);
  const auto listed =
      std::count_if(lines.begin(), lines.end(), [](const auto& line) { return line.starts_with("  --"); });
  CHECK(static_cast<size_t>(listed) == options.size() + 2);
  CHECK(has(ending.out, "\n  --fallback="));
  CHECK(has(ending.out, "\n  -h, --help "));
  CHECK(launch({"-h"}).out == ending.out);
  CHECK(has(ending.out, "\n  --version "));
  for (const char* status : {"125", "126", "127"}) CHECK(has(ending.out, status));
  for (const auto& line : lines) CHECK(!has(line, "@"));
}

TEST_CASE("version is that of the Makefile") {
  const Ending ending = launch({"--version"});
  CHECK(ending.exited(0));
  CHECK(ending.err.empty());
  CHECK(says_one_line(ending.out));
  const auto version = ending.out.substr(ending.out.find(' ') + 1);
  CHECK(ending.out.starts_with("nosigpipe "));
  CHECK(has(contents(source("Makefile")), "\nVERSION = " + version));
}

TEST_CASE("every option sets its variable and beside LD_PRELOAD nothing else") {
  const std::string value = "a b'c\"d$HOME`id`\\n*=; --mode=off\n\n";
  const Strings bare = environment_of({"env"});
  for (const auto& option : options) {
    Strings expected = joined(bare, {"LD_PRELOAD=" + built("libnosigpipe.so"), option.variable + "=" + value});
    std::sort(expected.begin(), expected.end());
    INFO(option.name);
    CHECK(environment_of({launcher(), "--" + option.name + "=" + value}) == expected);
  }
}

TEST_CASE("log alone is to stderr") { CHECK(launch({"--log", "printenv", "NOSIGPIPE_LOG"}).out == "stderr\n"); }

TEST_CASE("a value may be the next word but for log") {
  for (const auto& option : options)
    if (option.name != "log") {
      INFO(option.name);
      CHECK(launch({"--" + option.name, "--value", "printenv", option.variable}).out == "--value\n");
    }
  CHECK(launch({"--log", "--mode", "observe", "printenv", "NOSIGPIPE_LOG"}).out == "stderr\n");
}

TEST_CASE("a file behind log alone is no command and is answered with how to name it") {
  const Directory directory;
  gives_up({launcher(), "--log", "x.log", "true"}, 125, "--log=./x.log?");
  gives_up({launcher(), "--log", directory / "x.log", "true"}, 125, "--log=" + directory / "x.log" + "?");
  gives_up({launcher(), "--log", "x.log"}, 125, "--log=./x.log?");
  CHECK(launch({"--log", "--", "true", "x"}).exited(0));
}

TEST_CASE("of two values the last counts") {
  CHECK(launch({"--mode=off", "--scope=all", "--mode=observe", "printenv", "NOSIGPIPE_MODE"}).out == "observe\n");
  CHECK(launch({"--mode=off", "printenv", "NOSIGPIPE_MODE"}, in_environment({"NOSIGPIPE_MODE=observe"})).out ==
        "off\n");
}

TEST_CASE("arguments reach the command as they are") {
  const Strings arguments{"", "a b", "--help", "--mode=off", "it's \"so\"", "$HOME `id` *", "\\n", "--", "-"};
  std::string expected;
  for (const auto& argument : arguments) expected += argument + "|";
  const Strings command = joined({"printf", "%s|"}, arguments);
  CHECK(launch(command).out == expected);
  CHECK(launch(joined({"--"}, command)).out == expected);
  CHECK(launch(joined({"--mode=off", "--"}, command)).out == expected);
}

TEST_CASE("a bad option is refused with one line and 125") {
  for (const std::string bad : {"--nosuch", "--nosuch=1", "-l", "-", "---mode=off", "--=off", "-mode=off", "--Mode=off",
                                "--mode net=off", "--no\nsuch", "--\033[31m", "--MODE=off", "--runaway_after=1",
                                "--log-x=1", "--modes=off", "--,=1", "--*=off", "--m*=off", "--mod?=off"})
    gives_up({launcher(), bad, "true"}, 125, replaced(std::string(bad), "[\\x01-\\x1f]", "?"));
  for (const auto& option : options)
    if (option.name != "log") gives_up({launcher(), "--" + option.name}, 125, "--" + option.name);
  gives_up({launcher(), "--fallback"}, 125, "--fallback");
  gives_up({launcher(), "--fallback=nosuch", "true"}, 125, "nosuch");
}

TEST_CASE("a missing command is refused with one line and 125") {
  gives_up({launcher()}, 125, "command");
  gives_up({launcher(), "--"}, 125, "command");
  gives_up({launcher(), "--mode=off"}, 125, "command");
  gives_up({launcher(), "--mode=off", "--"}, 125, "command");
  gives_up({launcher(), ""}, 125, "command");
}

TEST_CASE("a command that cannot be run gives the status that env gives") {
  const Directory directory;
  std::ofstream(directory / "plain") << "#!/bin/sh\n";
  const std::pair<std::string, int> commands[] = {
      {"no-such-command", 127}, {directory / "missing", 127}, {directory / "plain", 126}, {directory.path(), 126}};
  for (const auto& [command, status] : commands) {
    REQUIRE(run({"env", command}).exited(status));
    gives_up({launcher(), command, "argument"}, status, command);
  }
}

TEST_CASE("what LD_PRELOAD has is kept and the shim is added once") {
  const auto library = built("libnosigpipe.so");
  const auto preload = [&](const Strings& command, const std::string& before) {
    return preloaded(value_of(environment_of(command, in_environment({"LD_PRELOAD=" + before})), "LD_PRELOAD"));
  };
  CHECK(preload({launcher()}, "") == Strings{library});
  CHECK(preload({launcher(), launcher(), launcher()}, "") == Strings{library});
  // Another one of ours is of another class: the one that fits takes its place.
  CHECK(preload({launcher()}, built("i386/libnosigpipe.so")) == Strings{library});
  CHECK(preload({launcher()}, "libm.so.6 " + built("i386/libnosigpipe.so") + ":libdl.so.2") ==
        Strings{"libm.so.6", library, "libdl.so.2"});
  for (const std::string separator : {":", " "}) {
    CHECK(preload({launcher()}, "libm.so.6" + separator + "libdl.so.2") == Strings{library, "libm.so.6", "libdl.so.2"});
    for (const Strings& list :
         {Strings{library, "libm.so.6"}, {"libm.so.6", library}, {"libm.so.6", library, "libdl.so.2"}}) {
      std::string before;
      for (const auto& entry : list) before += (before.empty() ? "" : separator) + entry;
      INFO(before);
      CHECK(preload({launcher()}, before) == list);
    }
  }
}

TEST_CASE("the launcher works from the build directory wherever it is called") {
  averts({launcher()});
  averts({launcher()}, in_directory("/"));
  averts({"./nosigpipe"}, in_directory(built("")));
  averts({"../nosigpipe"}, in_directory(built("tests")));
}

TEST_CASE("the launcher works where PATH finds it") {
  const std::string path = std::getenv("PATH");
  averts({"env", "nosigpipe"}, in_environment({"PATH=" + built("") + ":" + path}));
  Start start = in_environment({"PATH=.:" + path});
  start.directory = built("");
  averts({"env", "nosigpipe"}, start);
}

TEST_CASE("the launcher works through symbolic links") {
  const Directory directory;
  std::filesystem::create_directory(directory / "bin");
  std::filesystem::create_symlink(launcher(), directory / "absolute");
  std::filesystem::create_symlink(std::filesystem::relative(launcher(), directory / "bin"), directory / "bin/relative");
  std::filesystem::create_symlink("../absolute", directory / "bin/link-to-link");
  std::filesystem::create_symlink(built(""), directory / "build");
  for (const std::string name : {"absolute", "bin/relative", "bin/link-to-link", "build/nosigpipe"}) {
    averts({directory / name});
    averts({"./" + name}, in_directory(directory.path()));
  }
  averts({"./relative"}, in_directory(directory / "bin"));
  std::string path = std::getenv("PATH");
  averts({"env", "absolute"}, in_environment({"PATH=" + directory.path() + ":" + path}));
}

// Built for the default place, it is installed into others.
TEST_CASE("the launcher works where it was installed") {
  const SourceTree tree;
  tree.bring_what_is_built();
  const Directory prefix;
  for (const std::string library_directory : {"lib", "lib/x86_64-linux-gnu"}) {
    tree.made({"install", "PREFIX=" + prefix.path(), "LIBDIR=" + prefix / library_directory});
    averts({prefix / "bin/nosigpipe"}, in_directory("/"));
    CHECK(value_of(environment_of({prefix / "bin/nosigpipe"}), "LD_PRELOAD") ==
          prefix / library_directory + "/libnosigpipe.so");
    // Set-user-ID, any user could put the library into a program with more rights.
    for (const auto& file : std::filesystem::recursive_directory_iterator(prefix.path()))
      CHECK((file.status().permissions() & (std::filesystem::perms::set_uid | std::filesystem::perms::set_gid)) ==
            std::filesystem::perms::none);
    std::filesystem::create_symlink("bin/nosigpipe", prefix / "link");
    averts({prefix / "link"});
    tree.made({"uninstall", "PREFIX=" + prefix.path(), "LIBDIR=" + prefix / library_directory});
    std::filesystem::remove(prefix / "link");
  }
}

TEST_CASE("what is installed does not name the directory that it was staged in") {
  const SourceTree tree;
  tree.bring_what_is_built();
  const Directory staging;
  tree.made({"install", "DESTDIR=" + staging.path(), "PREFIX=/opt/of-its-own"});
  const auto script = contents(staging / "opt/of-its-own/bin/nosigpipe");
  CHECK(has(script, "/opt/of-its-own/lib"));
  CHECK(!has(script, staging.path()));
  CHECK(!has(script, tree.path()));
}

TEST_CASE("a shim that is not there is told with one line and 125") {
  const SourceTree tree;
  tree.bring_what_is_built();
  const Directory prefix;
  tree.made({"install", "PREFIX=" + prefix.path()});
  std::filesystem::remove(prefix / "lib/libnosigpipe.so");
  gives_up({prefix / "bin/nosigpipe", "true"}, 125, prefix / "lib/libnosigpipe.so");
}

TEST_CASE("a library path that LD_PRELOAD cannot carry is refused with one line and 125") {
  const Directory directory;
  for (const std::string name : {"a b", "a:b", " "}) {
    const auto place = directory / name;
    std::filesystem::create_directory(place);
    for (const std::string part : {"nosigpipe", "libnosigpipe.so"})
      std::filesystem::copy_file(built(part), place + "/" + part);
    gives_up({place + "/nosigpipe", "true"}, 125, place);
    gives_up({"./nosigpipe", "true"}, 125, place, in_directory(place));
  }
}

TEST_CASE("a place with other odd characters is no hindrance") {
  const Directory directory;
  for (const std::string name : {"it's", "a*b", "a$b", "a;b", "-n", "a\\b", "a[b]", "%s", "a\tb"}) {
    const auto place = directory / name;
    std::filesystem::create_directory(place);
    for (const std::string part : {"nosigpipe", "libnosigpipe.so"})
      std::filesystem::copy_file(built(part), place + "/" + part);
    averts({place + "/nosigpipe"});
    CHECK(environment_of({place + "/nosigpipe", place + "/nosigpipe"}) == environment_of({place + "/nosigpipe"}));
  }
}

TEST_CASE("nothing is printed where all is right") {
  const Directory directory;
  const auto socket = directory / "socket";
  const LogSocket receiver(socket);
  for (const auto& option : options)
    for (auto value : valid_values(option)) {
      if (value == "/dev/null") value = directory / "log";
      if (value == "syslog" || value == "journal") value += ":" + socket;
      const auto variable = option.variable + "=" + value;
      const Ending ending = run({"true"}, with_shim({variable}));
      INFO(variable << ": " << said_by(ending));
      CHECK(ending.exited(0));
      CHECK((ending.out + ending.err).empty());
    }
  CHECK(contents(directory / "log").empty());
  const Ending launched = launch({"--log", "true"});
  CHECK((launched.out + launched.err).empty());
}

TEST_CASE("a bad value is told with one line that names the valid ones") {
  for (const auto& option : options) {
    Strings bad{"nosuch", "",   " ",       "ON",        "-1",   "1x", "4294967296", "99999999999999999999",
                "on\non", "1 ", "syslog:", "journal:x", "x:/y", "..", "\033[31m"};
    if (!option.words().starts_with("0..")) bad.push_back("0");
    if (option.name == "log") std::erase(bad, "x:/y");  // a path
    for (const auto& value : bad) {
      const auto variable = option.variable + "=" + value;
      const Ending ending = run({"echo", "ran"}, with_shim({variable}));
      INFO(variable << ": " << said_by(ending));
      CHECK(ending.exited(0));
      CHECK(ending.out == "ran\n");
      CHECK(says_one_line(ending.err));
      CHECK(has(ending.err, option.variable + "="));
      CHECK(has(ending.err, option.words()));
      CHECK(has(ending.err, option.fallback()));
      CHECK(!has(ending.err, "\033"));
    }
  }
}

TEST_CASE("a bad value counts as the default") {
  Start start = in_environment({"NOSIGPIPE_MODE=Off", "NOSIGPIPE_GUARD=none", "NOSIGPIPE_RUNAWAY_AFTER=0"});
  const Strings victim = log_victim({"send", "stdio"});
  REQUIRE(run(victim, start).killed_by(SIGPIPE));
  const Ending ending = run(victim, with_shim({}, start));
  INFO(said_by(ending));
  CHECK(ending.exited(0));
  CHECK(lines_of(ending.err).size() == 3);
}

TEST_CASE("a variable that is none of ours is told with one line that names them all") {
  for (const std::string name : {"NOSIGPIPE_MODUS", "NOSIGPIPE_mode", "NOSIGPIPE_", "NOSIGPIPE_LOGS", "NOSIGPIPE_LO",
                                 "NOSIGPIPE_A\nB", "NOSIGPIPE_\033[31m"}) {
    const Ending ending = run({"echo", "ran"}, with_shim({name + "=off"}));
    INFO(name << ": " << said_by(ending));
    CHECK(ending.exited(0));
    CHECK(ending.out == "ran\n");
    CHECK(says_one_line(ending.err));
    CHECK(!has(ending.err, "\033"));
    for (const auto& option : options) CHECK(has(ending.err, option.variable));
  }
}

TEST_CASE("a variable that only looks like ours is nobody to warn of") {
  const Ending ending = run({"true"}, with_shim({"NOSIGPIPE=1", "MY_NOSIGPIPE_MODE=x", "nosigpipe_mode=x"}));
  CHECK((ending.out + ending.err).empty());
}

TEST_CASE("a set-user-ID program takes no orders from the environment") {
  if (geteuid() != 0) SKIP_TEST("only root can make a program that changes its user");
  const Directory directory;
  const auto library = directory / "libnosigpipe.so";
  std::filesystem::copy_file(built("libnosigpipe.so"), library);
  // Linked with the shim, since the loader would not preload it there either.
  const auto victim = directory / "small_victim";
  REQUIRE(run({"gcc", "-pthread", "-o", victim, source("tests/victims/small_victim.c"), "-Wl,--no-as-needed", library,
               "-Wl,-rpath," + directory.path()})
              .exited(0));
  const Strings as_nobody{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};
  const Start ordered = in_environment({"NOSIGPIPE_LOG=" + directory / "log", "NOSIGPIPE_HANDLERS=nosuch"});

  const Ending plain = run(joined(as_nobody, {victim, "write"}), ordered);
  INFO(said_by(plain));
  REQUIRE(plain.exited(0));
  REQUIRE(says_one_line(plain.err));
  REQUIRE(lines_of(contents(directory / "log")).size() == 1);
  REQUIRE(run(joined(as_nobody, {victim, "write"}), in_environment({"NOSIGPIPE_MODE=off"})).killed_by(SIGPIPE));
  std::filesystem::remove(directory / "log");

  std::filesystem::permissions(victim, std::filesystem::perms::set_uid, std::filesystem::perm_options::add);
  if (run(joined(as_nobody, {victim, "secure"})).out != "1\n")
    SKIP_TEST("the temporary directory has no set-user-ID programs");
  const Ending privileged = run(joined(as_nobody, {victim, "write"}), ordered);
  INFO(said_by(privileged));
  CHECK(privileged.exited(0));
  CHECK((privileged.out + privileged.err).empty());
  CHECK(!std::filesystem::exists(directory / "log"));
  CHECK(run(joined(as_nobody, {victim, "write"}), in_environment({"NOSIGPIPE_MODE=off"})).exited(0));
}

TEST_CASE("the manual has every option with its values and its default, and every variable") {
  const Ending rendered = run({"mandoc", "-Tascii", "-Owidth=1000", source("shim/nosigpipe.1")});
  REQUIRE(rendered.exited(0));
  std::string text;  // without the overstriking of bold letters
  for (size_t i = 0; i < rendered.out.size(); ++i)
    if (i + 1 < rendered.out.size() && rendered.out[i + 1] == '\b')
      ++i;
    else
      text += rendered.out[i];
  const auto environment = text.find("\nENVIRONMENT\n");
  REQUIRE(environment != std::string::npos);
  const auto variables = text.substr(environment, text.find("\nLOG LINES\n") - environment);
  for (const auto& option : options) {
    const auto values = option.values.empty() ? option.range : "{" + option.words() + "}";
    INFO(option.name);
    CHECK(has(text,
              " --" + option.name + "=" + values + "  (" + option.variable + ", default " + option.fallback() + ")\n"));
    CHECK(has_match(variables, "\\b" + option.variable + "\\b"));
  }
  CHECK(has(text, "--help"));
  CHECK(has(text, "--version"));
}

TEST_CASE("the manual is well-formed") {
  const Ending ending = run({"mandoc", "-Tlint", "-Wwarning", source("shim/nosigpipe.1")});
  INFO(said_by(ending));
  CHECK(ending.exited(0));
  CHECK(ending.out.empty());
}
