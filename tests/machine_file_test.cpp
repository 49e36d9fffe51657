// /etc/nosigpipe.conf, each time in a mount namespace in which an overlay puts it over the machine's /etc.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "support/expect.h"
#include "support/log_lines.h"
#include "support/source_tree.h"
#include "support/tracer.h"
#include "support/victims.h"

namespace {

const Strings writes{built("tests/victims/victim"), "write", "tcp_shut", "default", "good"};

// What lies over /etc.
class Etc {
 public:
  Etc() { std::filesystem::permissions(directory_.path(), std::filesystem::perms(0755)); }

  const Etc& conf(const std::string& text, unsigned mode = 0644) const {
    std::ofstream(path()) << text;
    std::filesystem::permissions(path(), static_cast<std::filesystem::perms>(mode));
    return *this;
  }

  Strings over(const Strings& argv) const {
    const auto mounts =
        "mount -t overlay overlay -o lowerdir=" + directory_.path() + ":/etc /etc && exec \"$0\" \"$@\"";
    return joined({"unshare", "-m", "sh", "-c", mounts}, argv);
  }

  Ending run_with(const Strings& variables = {}) const { return run(over(writes), with_shim(variables)); }
  bool can_be() const { return run(over({"true"})).exited(0); }
  std::string path() const { return directory_ / "nosigpipe.conf"; }

 private:
  const Directory directory_;
};

#define NEEDS_AN_OVERLAY(etc) \
  if (!(etc).can_be()) SKIP_TEST("no overlay over /etc is permitted here")

}  // namespace

TEST_CASE("the machine's file says what no variable says") {
  const Etc etc;
  NEEDS_AN_OVERLAY(etc);
  is_killed_bare(writes);
  CHECK(etc.run_with().exited(0));
  CHECK(etc.conf("NOSIGPIPE_LOG=stderr\n").run_with({"NOSIGPIPE_STACK=0"}).err.starts_with("nosigpipe: "));
  CHECK(etc.run_with({"NOSIGPIPE_LOG=none"}).err.empty());
  CHECK(etc.run_with({"NOSIGPIPE_MODE=off"}).killed_by(SIGPIPE));
}

TEST_CASE("the machine's file turns it off whatever a variable says") {
  const Etc etc;
  NEEDS_AN_OVERLAY(etc);
  etc.conf("NOSIGPIPE_MODE=off\nNOSIGPIPE_LOG=stderr\n");
  for (const std::string mode : {"", "NOSIGPIPE_MODE=protect", "NOSIGPIPE_MODE=observe", "NOSIGPIPE_MODE=nosuch"}) {
    INFO(mode);
    CHECK(etc.run_with(mode.empty() ? Strings{} : Strings{mode}).killed_by(SIGPIPE));
  }
  CHECK(etc.conf("NOSIGPIPE_MODE=observe\n").run_with({"NOSIGPIPE_MODE=protect"}).exited(0));
}

TEST_CASE("the machine's file is written as systemd's environment files are") {
  const Etc etc;
  NEEDS_AN_OVERLAY(etc);
  const Strings off{"NOSIGPIPE_MODE=off",
                    "NOSIGPIPE_MODE=off\r\n",
                    "  NOSIGPIPE_MODE=\"off\"  \n",
                    "NOSIGPIPE_MODE='off'\n",
                    "# for all\n; of them\n\nNOSIGPIPE_LOG=none\nNOSIGPIPE_MODE=off\n",
                    "NOSIGPIPE_MODE=protect\nNOSIGPIPE_MODE=off\n"};
  for (const auto& text : off) {
    INFO(text);
    CHECK(etc.conf(text).run_with().killed_by(SIGPIPE));
  }
  const Strings on{"",
                   "# NOSIGPIPE_MODE=off\n",
                   "NOSIGPIPE_MODE=off\nNOSIGPIPE_MODE=protect\n",
                   "[nosigpipe]\n",
                   "MODE=off\n",
                   "NOSIGPIPE_MODE\n=off\n",
                   "NOSIGPIPE_MODE=\"off'\n",
                   "NOSIGPIPE_MODE=of",
                   std::string("NOSIGPIPE_MODE=off\0", 19)};
  for (const auto& text : on) {
    INFO(text);
    const Ending ending = etc.conf(text).run_with();
    CHECK(ending.exited(0));
    CHECK(ending.err.empty());
  }
}

TEST_CASE("a file that is not root's alone is not the machine's and nothing is said of it") {
  const Etc etc;
  NEEDS_AN_OVERLAY(etc);
  const std::string off = "NOSIGPIPE_MODE=off\n";
  REQUIRE(etc.conf(off, 0444).run_with().killed_by(SIGPIPE));
  const auto is_not_read = [&](const std::string& why) {
    INFO(why);
    const Ending ending = etc.run_with();
    CHECK(ending.exited(0));
    CHECK(ending.err.empty());
  };
  for (const unsigned mode : {0666u, 0664u, 0646u}) {
    etc.conf(off, mode);
    is_not_read("a mode");
  }
  etc.conf(off, 0644);
  REQUIRE(chown(etc.path().c_str(), 12345, 0) == 0);
  is_not_read("an owner");
  REQUIRE(chown(etc.path().c_str(), 0, 0) == 0);
  etc.conf(off + std::string(4096 - off.size(), '#'));
  CHECK(etc.run_with().killed_by(SIGPIPE));
  etc.conf(off + std::string(4097 - off.size(), '#'));
  is_not_read("a length");
  std::filesystem::remove(etc.path());
  REQUIRE(mkfifo(etc.path().c_str(), 0644) == 0);
  is_not_read("a FIFO");
  std::filesystem::remove(etc.path());
  std::filesystem::create_directory(etc.path());
  is_not_read("a directory");
}

TEST_CASE("a set-user-ID program takes the mode from the machine's file and no more") {
  const Etc etc;
  NEEDS_AN_OVERLAY(etc);
  const Directory directory;
  std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
  const auto library = directory / "libnosigpipe.so";
  std::filesystem::copy_file(built("libnosigpipe.so"), library);
  const auto victim = directory / "small_victim";
  output_of({"gcc", "-pthread", "-o", victim, source("tests/victims/small_victim.c"), "-Wl,--no-as-needed", library,
             "-Wl,-rpath," + directory.path()});
  std::filesystem::permissions(victim, std::filesystem::perms::set_uid, std::filesystem::perm_options::add);
  const auto as_nobody = [&](const std::string& word) {
    return run(etc.over({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", victim, word}));
  };
  if (as_nobody("secure").out != "1\n") SKIP_TEST("the temporary directory has no set-user-ID programs");
  etc.conf("NOSIGPIPE_LOG=" + directory / "log" + "\n");
  CHECK(as_nobody("write").exited(0));
  CHECK(!std::filesystem::exists(directory / "log"));
  etc.conf("NOSIGPIPE_MODE=off\n");
  CHECK(as_nobody("write").killed_by(SIGPIPE));
}

TEST_CASE("the doctor and the launcher say that the machine's file is ignored, or turns it off, and why") {
  const Etc etc;
  NEEDS_AN_OVERLAY(etc);
  const auto said = [&](const std::string& tool) { return run(etc.over({built(tool), "true"})).err; };
  const auto both_say = [&](const std::string& words) {
    for (const std::string tool : {"nosigpipe-doctor", "nosigpipe"}) {
      const auto line = words.empty() ? "" : "nosigpipe-doctor: /etc/nosigpipe.conf " + words + "\n";
      CHECK(said(tool) == line);
    }
  };
  both_say("");
  etc.conf("NOSIGPIPE_LOG=none\n");
  both_say("");
  etc.conf("NOSIGPIPE_MODE=off\n");
  both_say("turns nosigpipe off for all that is started on this machine (NOSIGPIPE_MODE=off)");
  etc.conf("# NOSIGPIPE_X\n\n; x\nLD_PRELOAD=/x.so\nNOSIGPIPE_STACK = \"7\"\r\n");
  both_say("has a line that counts for nothing: NOSIGPIPE_STACK = \"7\"");
  for (const std::string line : {"NOSIGPIPE_MODE=Off", "NOSIGPIPE_MODE=off # all", "export NOSIGPIPE_MODE=off", "[x]",
                                 "NOSIGPIPE_MOD=off", "NOSIGPIPE_STACK=99999"}) {
    etc.conf("NOSIGPIPE_STACK=\"7\"\nNOSIGPIPE_LOG=/x\n " + line + "\n");
    both_say("has a line that counts for nothing: " + line);
  }
  etc.conf("NOSIGPIPE_MODE=off\n", 0664);
  both_say("is ignored: others than root may write to it");
  etc.conf(std::string(4097, '#'));
  both_say("is ignored: it is longer than 4096 bytes");
  REQUIRE(chown(etc.path().c_str(), 12345, 0) == 0);
  both_say("is ignored: it does not belong to root");
  std::filesystem::remove(etc.path());
  std::filesystem::create_directory(etc.path());
  both_say("is ignored: it is no regular file");
}

TEST_CASE("the doctor knows that the machine's file strips children of the shim") {
  const Etc etc;
  NEEDS_AN_OVERLAY(etc);
  const auto asked = [&](const Strings& variables) {
    return run(etc.over({built("nosigpipe-doctor"), "env", "true"}), with_shim(variables));
  };
  etc.conf("NOSIGPIPE_CHILDREN=strip\n");
  CHECK(asked({}).exited(2));
  CHECK(asked({"NOSIGPIPE_CHILDREN=keep"}).exited(0));
  CHECK(etc.conf("NOSIGPIPE_CHILDREN=keep\n").run_with().exited(0));
  CHECK(asked({}).exited(0));
}

TEST_CASE("the start with the machine's file adds at most 18 system calls, the last of them to close it") {
  if (!can_trace()) SKIP_TEST("nothing can be traced here");
  const Etc etc;
  NEEDS_AN_OVERLAY(etc);
  etc.conf("NOSIGPIPE_INTERVAL=0\n");
  const Directory directory;
  const auto start = [&](const std::string& preloaded) {
    const auto trace = directory / "trace";
    output_of(etc.over({"strace", "-o", trace, "-E", "LD_PRELOAD=" + preloaded, "true"}));
    return lines_of(contents(trace));
  };
  const auto with = start(built("libnosigpipe.so"));
  const auto added = with.size() - start("").size();
  INFO("system calls added: " << added);
  CHECK(added <= 18);
  const auto opened = std::ranges::find_if(with, [](const auto& line) { return has(line, "\"/etc/nosigpipe.conf\""); });
  REQUIRE(opened != with.end());
  // Whose it is is asked of what was opened.
  const auto fd = opened->substr(opened->rfind(' ') + 1);
  CHECK(has(*(opened + 1), "(" + fd + ", \"\""));
  const auto close = "close(" + fd + ")";
  CHECK(std::any_of(opened, with.end(), [&](const auto& line) { return line.starts_with(close); }));
}
