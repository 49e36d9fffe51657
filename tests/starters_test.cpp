// nosigpipe-doctor on programs that start others: what LD_PRELOAD gets through, which comes true under the shim.
#include <signal.h>

#include "support/doctor.h"

namespace {

std::string said(const Strings& command, const std::string& path, const Start& start = {}) {
  return member(doctor(joined({"--json", "--"}, command), start).out, path);
}

// Victims that write to a dead socket, and what becomes of them behind a starter that the doctor is asked about, too.
class Victims {
 public:
  const std::string& file() const { return file_; }
  const std::string& fixed() const { return fixed_; }
  std::string operator/(const std::string& name) const { return directory_ / name; }

  bool lives(const Strings& starter, const std::string& victim, const Strings& variables = {}) const {
    return run(joined(starter, {victim, "write"}), with_shim(variables)).exited(0);
  }

  // Through this one a dynamic program is reached; a static one is not, and armed at its start where it can be.
  void gets_through(const Strings& starter) const {
    INFO(text(starter));
    CHECK(said(joined(starter, {file_, "write"}), ".verdict") == "reached");
    REQUIRE(!run({file_, "write"}).exited(0));
    CHECK(lives(starter, file_));
    const auto of_fixed = joined(starter, {fixed_, "write"});
    const auto verdict = said(of_fixed, ".verdict");
    CHECK((verdict == "at-start" || verdict == "unreachable"));
    CHECK(run(joined({built("nosigpipe")}, of_fixed)).exited(verdict == "at-start" ? 0 : 125));
    CHECK(!lives(starter, fixed_));
  }

  void gets_lost(const Strings& starter, const std::string& reason) const {
    INFO(text(starter));
    CHECK(said(joined(starter, {file_, "write"}), ".verdict") == "unreachable");
    CHECK(has(said(joined(starter, {file_, "write"}), ".reason"), reason));
    CHECK(!lives(starter, file_));
  }

 private:
  static std::string text(const Strings& words) {
    std::string line;
    for (const auto& word : words) line += word + " ";
    return line;
  }

  const Directory directory_;
  const Directory of_fixed_;
  const std::string file_ = small_victim(directory_, {});
  const std::string fixed_ = small_victim(of_fixed_, {"-static"});
};

const std::string ours = "LD_PRELOAD=" + built("libnosigpipe.so");

}  // namespace

TEST_CASE("who starts a command and leaves it the environment is looked through") {
  const Victims victims;
  for (const Strings& starter : {Strings{"nice"},
                                 {"nice", "-n", "1"},
                                 {"nice", "-1"},
                                 {"nohup"},
                                 {"timeout", "60"},
                                 {"timeout", "-s", "KILL", "--preserve-status", "60"},
                                 {"stdbuf", "-oL"},
                                 {"setsid", "-w"},
                                 {"ionice", "-c2", "-n", "7"},
                                 {"taskset", "-c", "0-63"},
                                 {"chrt", "--other", "0"},
                                 {"flock", "-n", victims / "lock"},
                                 {"setpriv", "--no-new-privs"},
                                 {"busybox", "timeout", "60"},
                                 {"busybox", "env", "X=1", "nice"},
                                 {"nice", "env", "X=1", "timeout", "60"}})
    victims.gets_through(starter);
  CHECK(said({"nice", "--no-such-option", "true"}, ".verdict") == "unknown");
  CHECK(said({"timeout", "60"}, ".file") == said({"timeout"}, ".file"));
}

TEST_CASE("who clears the environment is found behind others") {
  const Victims victims;
  victims.gets_lost({"busybox", "env", "-i"}, "env clears");
  victims.gets_lost({"busybox", "env", "-u", "LD_PRELOAD"}, "env clears");
  victims.gets_lost({"nice", "env", "-i"}, "env clears");
  victims.gets_lost({"env", "-i", "nice"}, "env clears");
  victims.gets_lost({"setpriv", "--reset-env"}, "setpriv clears");
}

TEST_CASE("an applet that names its program a hundred thousand times is no trouble") {
  Strings command(100'000, "busybox");
  command.push_back("true");
  CHECK(soon(joined({"--"}, command)).exited(0));
}

TEST_CASE("an LD_PRELOAD that is set again behind who has cleared it counts") {
  const Victims victims;
  victims.gets_through({"env", "-i", "env", ours});
  victims.gets_through({"setpriv", "--reset-env", "env", ours});
  victims.gets_lost({"env", ours, "env", "-i"}, "env clears");
}

TEST_CASE("the library that a command names is one of the program's class or does not reach it") {
  const Directory directory;
  const auto narrow = small_victim(directory, {"-m32"});
  const Victims victims;
  const auto of_32 = "LD_PRELOAD=" + built("i386/libnosigpipe.so");
  const auto judged = [&](const std::string& preload, const std::string& victim, bool lives) {
    const Strings command{"env", preload, victim, "write"};
    INFO(preload << " " << victim);
    CHECK(said(command, ".verdict") == (lives ? "reached" : "unreachable"));
    CHECK(run(command).exited(0) == lives);
  };
  judged(ours, victims.file(), true);
  judged(of_32, narrow, true);
  judged(ours, narrow, false);
  judged(of_32, victims.file(), false);
  judged(ours + ":" + built("i386/libnosigpipe.so"), narrow, true);
  CHECK(has(said({"env", ours, narrow}, ".remedy"), built("i386/libnosigpipe.so")));
  // One that is named counts where there is none of this class beside ours.
  const auto alone = directory / "alone";
  std::filesystem::create_directory(alone);
  for (const std::string part : {"nosigpipe-doctor", "libnosigpipe.so"})
    std::filesystem::copy_file(built(part), alone + "/" + part);
  CHECK(run({alone + "/nosigpipe-doctor", narrow}).exited(2));
  CHECK(run({alone + "/nosigpipe-doctor", "env", of_32, narrow}).exited(0));
}

TEST_CASE("what another program executes is not reached where children are stripped") {
  const Victims victims;
  const auto script = victims / "script";
  std::ofstream(script) << "#!/usr/bin/env " << victims.file() << "\n";
  std::filesystem::permissions(script, std::filesystem::perms(0755));
  const auto loader = said({victims.file()}, ".interpreter");
  const Strings strip{"NOSIGPIPE_CHILDREN=strip"};
  Start start;
  start.env = strip;
  for (const auto& [starter, file, lives] : {std::tuple<Strings, std::string, bool>{{}, victims.file(), true},
                                             {{loader}, victims.file(), true},
                                             {{"env", ours}, victims.file(), true},
                                             {{"env"}, victims.file(), false},
                                             {{"nice"}, victims.file(), false}}) {
    INFO((starter.empty() ? "" : starter[0]) << " " << file);
    CHECK(said(joined(starter, {file, "write"}), ".verdict", start) == (lives ? "reached" : "unreachable"));
    CHECK(victims.lives(starter, file, strip) == lives);
  }
  CHECK(said({script}, ".verdict") == "reached");
  CHECK(said({script}, ".verdict", start) == "unreachable");
  CHECK(said({"su", "root", "-c", victims.file()}, ".verdict", start) == "unreachable");
  const auto ending = run({built("nosigpipe"), "--children=strip", script});
  CHECK(ending.exited(125));
  CHECK(has(ending.err, "with --children=strip that is not kept safe"));
}

TEST_CASE("what is started in another root is looked for there and so is the library") {
  if (geteuid() != 0) SKIP_TEST("only root can change the root directory");
  const Victims victims;
  // The root is this one by another name, in which everything is.
  const auto root = victims / "root";
  std::filesystem::create_symlink("/", root);
  for (const auto& place : {root, std::string("/")}) {
    CHECK(said({"chroot", place, victims.file()}, ".verdict") == "reached");
    CHECK(victims.lives({"chroot", place}, victims.file()));
    CHECK(said({"chroot", place, "env", "-C", "/bin", "./true"}, ".verdict") == "reached");
  }
  const auto empty = victims / "empty";
  std::filesystem::create_directories(empty + "/bin");
  std::filesystem::copy_file(victims.file(), empty + "/bin/victim");
  CHECK(said({"chroot", empty, "/bin/nosuch"}, ".verdict") == "unknown");
  CHECK(has(said({"chroot", empty, "/bin/victim"}, ".reason"), "its loader is not there"));
  const auto loader = said({victims.file()}, ".interpreter");
  std::filesystem::create_directories(std::filesystem::path(empty + loader).parent_path());
  std::filesystem::copy_file(loader, empty + loader);
  const auto inside = [&](const std::string& path) { return said({"chroot", empty, "victim"}, path); };
  CHECK(inside(".file") == empty + "/bin/victim");
  CHECK(has(inside(".reason"), "in the root " + empty));
  std::filesystem::create_directories(std::filesystem::path(empty + built("")).string());
  std::filesystem::copy_file(built("libnosigpipe.so"), empty + built("libnosigpipe.so"));
  CHECK(inside(".verdict") == "reached");
}

TEST_CASE("su keeps LD_PRELOAD where it is told to") {
  const Victims victims;
  const auto name = victims / "su";
  std::filesystem::copy_file("/bin/true", name);
  for (const Strings& kept : {Strings{"-w", "LD_PRELOAD", "-l"},
                              {"-l", "-wHOME,LD_PRELOAD", "root"},
                              {"--whitelist-environment=LD_PRELOAD", "-"},
                              {"-", "root", "--white", "LD_PRELOAD"}})
    CHECK(said(joined({name}, kept), ".verdict") == "reached");
  for (const Strings& lost : {Strings{"-w", "HOME", "-l"}, {"-l", "-c", "LD_PRELOAD"}, {"-wLD_PRELOADED", "-"}})
    CHECK(said(joined({name}, lost), ".verdict") == "unreachable");
  if (geteuid() != 0) SKIP_TEST("only root becomes another user without a password");
  const Strings command{"-c", victims.file() + " write"};
  CHECK(run(joined({"su", "-w", "LD_PRELOAD", "-l"}, command), with_shim()).exited(0));
  CHECK(!run(joined({"su", "-l"}, command), with_shim()).exited(0));
  victims.gets_through({"runuser", "-u", "root", "--"});
}

TEST_CASE("bwrap goes by the last of its options that is about LD_PRELOAD") {
  const Victims victims;
  const Strings bwrap{"bwrap", "--dev-bind", "/", "/"};
  const Strings sets{"--setenv", "LD_PRELOAD", built("libnosigpipe.so")};
  const bool is_here = run(joined(bwrap, {"true"})).exited(0);
  const auto name = victims / "bwrap";
  std::filesystem::copy_file("/bin/true", name);
  for (const auto& [options, reached] : {std::pair<Strings, bool>{{}, true},
                                         {{"--clearenv"}, false},
                                         {{"--unsetenv", "LD_PRELOAD"}, false},
                                         {joined({"--clearenv"}, sets), true},
                                         {joined(sets, {"--clearenv"}), false},
                                         {joined(sets, {"--unsetenv", "LD_PRELOAD"}), false},
                                         {{"--setenv", "LD_PRELOAD", "/nonexistent.so"}, false}}) {
    INFO(options.size());
    CHECK(said(joined({name}, joined(options, {"true"})), ".verdict") == (reached ? "reached" : "unreachable"));
    if (is_here) CHECK(victims.lives(joined(bwrap, options), victims.file()) == reached);
  }
  CHECK(said({name, "--", "true", "--clearenv"}, ".verdict") == "reached");
  if (!is_here) SKIP_TEST("no bwrap can be run here");
}

TEST_CASE("sudo hands on what is set in its arguments") {
  const Victims victims;
  const auto name = victims / "sudo";
  std::filesystem::copy_file("/bin/true", name);
  const bool is_here = run({"sudo", "-n", "true"}).exited(0);
  for (const auto& [words, reached] : {std::pair<Strings, bool>{{"-E"}, false},
                                       {{ours}, true},
                                       {{"-u", "root", "X=1", ours}, true},
                                       {{"LD_PRELOAD=/nonexistent.so"}, false},
                                       {{"--preserve-env=LD_PRELOAD"}, geteuid() == 0},
                                       {{"--preserve-env=HOME"}, false},
                                       {{"env", ours}, true}}) {
    INFO(words.back());
    const auto command = joined(words, {victims.file(), "write"});
    CHECK(said(joined({name}, command), ".verdict") == (reached ? "reached" : "unreachable"));
    if (is_here) CHECK(victims.lives(joined({"sudo"}, words), victims.file()) == reached);
  }
  CHECK(has(said({name, "LD_PRELOAD=/not/there", "true"}, ".reason"), "no library of ours is at /not/there"));
  CHECK(has(said({name, "LD_PRELOAD=", "true"}, ".reason"), "sudo clears"));
  for (const Strings& shell : {Strings{"-s"}, {"-i", "true"}, {"--no-such-option", "true"}})
    CHECK(said(joined({name}, shell), ".verdict") == "unreachable");
  CHECK(said({name, "-s", ours}, ".verdict") == "unknown");
  CHECK(said({name, ours, victims.fixed()}, ".reason").starts_with("it is linked statically"));
  if (!is_here) SKIP_TEST("no sudo can be run here");
}

TEST_CASE("a container is not reached but by what is handed into it") {
  const Directory directory;
  for (const std::string name : {"docker", "podman"}) {
    std::filesystem::copy_file("/bin/true", directory / name);
    const auto verdict = [&](const Strings& words) { return said(joined({directory / name}, words), ".verdict"); };
    CHECK(verdict({"run", "image"}) == "unreachable");
    CHECK(verdict({"-H", "host", "exec", "x", "server"}) == "unreachable");
    CHECK(verdict({"run", "-e", "LD_PRELOAD=/usr/lib/libnosigpipe.so", "image"}) == "reached");
    CHECK(verdict({"run", "--env=LD_PRELOAD=/usr/lib/other.so", "image"}) == "unreachable");
    CHECK(verdict({"ps"}) == "reached");
    const auto remedy = [&](const std::string& verb) { return said({directory / name, verb, "x", "ls"}, ".remedy"); };
    CHECK(has(remedy("run"), " -v "));
    CHECK(!has(remedy("exec"), " -v "));
    CHECK(has(remedy("exec"), "-e LD_PRELOAD=LIBRARY"));
    CHECK(has(remedy("start"), "anew"));
  }
}
