// How to get rid of it, as nosigpipe(1) says under that title: each sentence that no other suite shows (the rest is in
// machine_file_test and launcher_reach_test).
#include <unistd.h>

#include <algorithm>

#include "support/demo_server.h"
#include "support/expect.h"
#include "support/source_tree.h"
#include "support/tracer.h"
#include "support/victims.h"

namespace {

const Strings writes{built("tests/victims/victim"), "write", "tcp_shut", "default", "good"};

// In a mount namespace whose /etc is empty, and root's.
const Strings with_empty_etc{"unshare", "--mount", "sh", "-ec",
                             "mount -t tmpfs -o mode=755 tmpfs /etc; exec \"$0\" \"$@\""};

std::string manual_section() {
  const auto page = contents(source("shim/nosigpipe.1"));
  const auto begin = page.find("\n.SH HOW TO GET RID OF IT\n");
  return begin == std::string::npos ? "" : page.substr(begin, page.find("\n.SH ", begin + 1) - begin);
}

// The commands of the manual, as a reader would copy them.
std::string command_with(const std::string& words) {
  for (auto command : matches(manual_section(), "\n\\.EX\n([^\n]*)\n\\.EE")) {
    command = replaced(command, R"(\\e)", "\n");  // no text has one
    std::erase(command, '\\');
    std::ranges::replace(command, '\n', '\\');
    if (has(command, words)) return command;
  }
  FAIL("the manual has no command with " << words);
  return "";
}

bool survives_attack(const DemoServer& server) { return server.attack(1000, 60, {"/write/file"}).well_answered(); }

}  // namespace

TEST_CASE("the manual's line turns it off for what starts then, until it is taken out") {
  if (geteuid() != 0) SKIP_TEST("only root can have an /etc of its own");
  // The last line of what is there has no newline.
  const std::string script = "printf '# x' >/etc/nosigpipe.conf; \"$@\"; echo $?; " + command_with("nosigpipe.conf") +
                             "; \"$@\"; echo $?; sed -i '$d' /etc/nosigpipe.conf; \"$@\"; echo $?";
  const auto in_shell = joined({"sh", "-c", script, "sh"}, writes);
  const auto last_words = [](const Ending& ending) {
    std::string statuses;
    for (const auto& status : matches(ending.out, "(?:^|\n)(0|141)(?=\n)")) statuses += status + " ";
    return statuses;
  };
  CHECK(last_words(run(joined(with_empty_etc, in_shell))) == "141 141 141 ");
  CHECK(last_words(run(joined(with_empty_etc, in_shell), with_shim())) == "0 141 0 ");
}

TEST_CASE("what runs is kept safe until it ends when the machine turns it off, and is in the list of processes") {
  if (geteuid() != 0) SKIP_TEST("only root can have an /etc of its own");
  DemoServer server(joined(with_empty_etc, {built("demo/server")}), with_shim());
  const auto pid = std::to_string(server.process().pid());
  const auto in_its_etc = Strings{"nsenter", "--mount", "--target", pid, "sh", "-c"};
  output_of(joined(in_its_etc, {command_with("nosigpipe.conf")}));
  CHECK(run(joined({"nsenter", "--mount", "--target", pid}, writes), with_shim()).killed_by(SIGPIPE));
  CHECK(survives_attack(server));
  CHECK(has(run({"sh", "-c", command_with("/maps")}).out, "/proc/" + pid + "/maps\n"));
}

TEST_CASE("a library that is removed does no harm, neither to what runs nor to what starts") {
  const Directory directory;
  const auto library = directory / "libnosigpipe.so";
  std::filesystem::copy_file(built("libnosigpipe.so"), library);
  Start start;
  start.env = {"LD_PRELOAD=" + library};
  DemoServer server({built("demo/server")}, start);
  std::filesystem::remove(library);
  CHECK(survives_attack(server));
  start.env.push_back("LC_ALL=C");
  const Ending ending = run({"true"}, start);
  CHECK(ending.exited(0));
  CHECK(has(ending.err, library + "' from LD_PRELOAD cannot be preloaded"));
  CHECK(run(writes, start).killed_by(SIGPIPE));
}

TEST_CASE("nothing is left behind but the log") {
  if (!can_trace()) SKIP_TEST("nothing can be traced here");
  const Directory directory;
  const auto made_by = [&](const Start& start) {
    output_of({"rm", "-f", directory / "trace"});
    run(joined({"strace", "-f", "-o", directory / "trace", "-e",
                "trace=open,openat,creat,mkdir,mkdirat,mknod,mknodat,link,linkat,symlink,symlinkat,memfd_create,shmget,"
                "fork,vfork,clone,clone3"},
               writes),
        start);
    std::string made;
    for (const auto& line : lines_of(contents(directory / "trace")))
      if (has(line, "O_CREAT") || has_match(line, " (creat|mk|link|symlink|memfd|shm|v?fork|clone)"))
        made += line + "\n";
    return made;
  };
  const auto log = directory / "log";
  const auto made = made_by(with_shim({"NOSIGPIPE_LOG=" + log}));
  INFO(made);
  CHECK(lines_of(made).size() == lines_of(made_by({})).size() + 1);
  CHECK(has(made, "\"" + log + "\""));
  CHECK(std::filesystem::exists(log));
  CHECK(lines_of(made_by(with_shim())).size() == lines_of(made_by({})).size());
}

TEST_CASE("the manual says first how to turn it off for the whole machine") {
  const auto section = manual_section();
  CHECK(section.find("NOSIGPIPE_MODE=off\\en' >>/etc/nosigpipe.conf") < 200);
  CHECK(command_with("ld.so.preload") == ": >/etc/ld.so.preload");
}
