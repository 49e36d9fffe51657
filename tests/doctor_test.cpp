// nosigpipe-doctor on processes of its own: what SIGPIPE would do to them, and what the shim in them does.
#include "support/doctor.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <set>

#include "support/kernel.h"
#include "support/tracer.h"

namespace {

constexpr int kSafe = 0;
constexpr int kDies = 1;
constexpr int kNotKnown = 3;

// What the doctor says of a process in these states; and it comes true.
void is_told(const Strings& words, const std::string& sigpipe, const std::string& blocking, int verdict) {
  const States states;
  Waiting victim(states.in(joined({"told"}, words)));
  INFO(doctor({victim.number()}).out);
  CHECK(victim.says(".sigpipe") == sigpipe);
  CHECK(victim.says(".blocking") == blocking);
  CHECK(victim.verdict() == verdict);
  CHECK(victim.dies() == (verdict == kDies));
}

std::string copy_of_library(const Directory& directory) {
  const auto copy = directory / "libnosigpipe.so";
  std::filesystem::copy_file(built("libnosigpipe.so"), copy);
  return copy;
}

Start preloading(const std::string& library, const Strings& variables = {}) {
  Start start;
  start.env = joined({"LD_PRELOAD=" + library}, variables);
  return start;
}

}  // namespace

TEST_CASE("a process with the default would die") { is_told({"tcp"}, "default", "0", kDies); }
TEST_CASE("a process that ignores SIGPIPE is safe") { is_told({"ignore", "tcp"}, "ignored", "0", kSafe); }
TEST_CASE("what the handler of a process does could not be told") {
  is_told({"handle", "tcp"}, "caught", "0", kNotKnown);
}
TEST_CASE("a process that blocks SIGPIPE in its only thread is safe") {
  is_told({"block", "tcp"}, "default", "1", kSafe);
}
TEST_CASE("a process that blocks SIGPIPE in one of two threads would die") {
  is_told({"thread-blocks", "tcp"}, "default", "1", kDies);
}
TEST_CASE("a process that blocks SIGPIPE in both threads is safe") {
  is_told({"block", "thread-blocks", "tcp"}, "default", "2", kSafe);
}

TEST_CASE("a process whose main thread has ended is read through another") {
  const States states;
  const auto has_lost_it = [](const Waiting& victim) {
    return eventually([&] { return has(contents("/proc/" + victim.number() + "/status"), "State:\tZ"); });
  };
  const Waiting bare(states.in({"tcp", "thread-alone"}));
  REQUIRE(has_lost_it(bare));
  CHECK(bare.says(".stream_sockets") == "1");
  CHECK(bare.says(".exe") == states.file());
  CHECK(bare.verdict() == kDies);
  const Waiting victim(states.in({"tcp", "thread-alone"}), with_shim());
  REQUIRE(has_lost_it(victim));
  CHECK(victim.says(".shim.options.mode") == "protect");
  CHECK(victim.verdict() == kSafe);
}

TEST_CASE("stream sockets are counted and no others") {
  const States states;
  const auto held = [&](const Strings& words) { return Waiting(states.in(words)).says(".stream_sockets"); };
  CHECK(held({}) == "0");
  CHECK(held({"datagrams", "seqpackets", "udp"}) == "0");  // which raise none
  CHECK(held({"tcp"}) == "1");
  CHECK(held({"socketpair"}) == "2");
  CHECK(held({"tcp", "socketpair", "udp", "datagrams"}) == "3");
  if (!has_ipv6()) SKIP_TEST("there is no IPv6 on the loopback interface");
  CHECK(held({"tcp6"}) == "1");
  CHECK(held({"tcp", "tcp6", "socketpair", "udp", "datagrams"}) == "4");
}

TEST_CASE("a process with thousands of sockets or mappings is told as one with few") {
  const States states;
  Waiting sockets(states.in({"told", "2000-tcp"}));
  CHECK(sockets.says(".stream_sockets") == "2000");
  CHECK(sockets.verdict() == kDies);
  const Waiting mappings(states.in({"3000-mappings"}), with_shim());
  CHECK(mappings.says(".shim.phase") == "armed");
  CHECK(mappings.verdict() == kSafe);
}

TEST_CASE("sockets are counted in the process's own network namespace") {
  if (geteuid() != 0) SKIP_TEST("only root can make a network namespace");
  const States states;
  const Waiting victim(joined({"unshare", "--net"}, states.in({"tcp", "socketpair"})));
  CHECK(victim.says(".stream_sockets") == "3");
}

TEST_CASE("the first process of a PID namespace is safe") {
  if (geteuid() != 0) SKIP_TEST("only root can make a PID namespace");
  const States states;
  const Waiting victim(joined({"unshare", "--pid", "--fork", "--kill-child"}, states.in({"tcp"})));
  const auto children = contents("/proc/" + victim.number() + "/task/" + victim.number() + "/children");
  const auto first = doctor({"--json", children.substr(0, children.find(' '))});
  INFO(first.out);
  CHECK(first.exited(kSafe));
  CHECK(member(first.out, ".first_of_namespace") == "true");
  CHECK(member(first.out, ".sigpipe") == "default");
  CHECK(victim.says(".first_of_namespace") == "false");
}

TEST_CASE("a process that is traced names its tracer") {
  if (!can_trace()) SKIP_TEST("nothing can be traced here");
  const States states;
  const Waiting victim(states.in({"tcp"}));
  CHECK(victim.says(".tracer") == "null");
  const Tracer strace(victim.pid(), {});
  CHECK(victim.says(".tracer") != "null");
}

TEST_CASE("a process under the shim is safe and its shim names version and options and phase") {
  const States states;
  const Directory directory;
  const auto log = directory / "a log";
  const Waiting victim(states.in({"tcp", "write"}),
                       with_shim({"NOSIGPIPE_LOG=" + log, "NOSIGPIPE_SCOPE=all", "NOSIGPIPE_STACK=7"}));
  CHECK(victim.verdict() == kSafe);
  CHECK(victim.says(".sigpipe") == "caught");
  CHECK(victim.says(".shim.path") == built("libnosigpipe.so"));
  CHECK(has(contents(source("Makefile")), "\nVERSION = " + victim.says(".shim.version") + "\n"));
  CHECK(victim.says(".shim.change") == "unchanged");
  CHECK(victim.says(".shim.phase") == "in force");
  CHECK(victim.says(".shim.options.mode") == "protect");
  CHECK(victim.says(".shim.options.scope") == "all");
  CHECK(victim.says(".shim.options.stack") == "7");
  CHECK(victim.says(".shim.options.interval") == "1000");
  CHECK(victim.says(".shim.options.log") == log);
}

TEST_CASE("the options of the shim are those of the list in its order") {
  const States states;
  const Waiting victim(states.in({}), with_shim());
  std::string names;
#define VALUE(enumerator, word, help)
#define CHOICE(NAME, name, ...) names += #name "\n";
#define NUMBER CHOICE
#include "options.def"
  CHECK(victim.says(".shim.options | keys_unsorted[]") + "\n" == names);
}

TEST_CASE("a process under the shim that has called no replaced function is armed") {
  const States states;
  CHECK(Waiting(states.in({}), with_shim()).says(".shim.phase") == "armed");
}

TEST_CASE("a process that ignores SIGPIPE under the shim is both") {
  const States states;
  const Waiting victim(states.in({"ignore"}), with_shim());
  CHECK(victim.says(".sigpipe") == "ignored");
  CHECK(victim.says(".shim.path") == built("libnosigpipe.so"));
  CHECK(victim.verdict() == kSafe);
}

TEST_CASE("a process that the shim only observes would die and so would one with mode off") {
  const States states;
  for (const std::string mode : {"observe", "off"}) {
    Waiting victim(states.in({"told", "tcp"}), with_shim({"NOSIGPIPE_MODE=" + mode}));
    INFO(mode);
    CHECK(victim.verdict() == kDies);
    CHECK(has(victim.says(".advice"), "restart it without NOSIGPIPE_MODE=" + mode));
    CHECK(victim.dies());
  }
}

TEST_CASE("what the machine's file turns off is told to be taken out of it") {
  if (geteuid() != 0) SKIP_TEST("only root can have an /etc of its own");
  const States states;
  const auto advice_for = [](const Waiting& victim) {
    const auto said = run({"unshare", "--mount", "sh", "-ec",
                           "mount -t tmpfs -o mode=755 tmpfs /etc; echo NOSIGPIPE_MODE=off >/etc/nosigpipe.conf; "
                           "exec \"$0\" --json $1",
                           built("nosigpipe-doctor"), victim.number()});
    return member(said.out, ".advice");
  };
  const std::string out = "take NOSIGPIPE_MODE=off in /etc/nosigpipe.conf out";
  const Waiting off(states.in({"tcp"}), with_shim({"NOSIGPIPE_MODE=off"}));
  CHECK(has(advice_for(off), "with mode=off: " + out + ", and restart it."));
  CHECK(has(advice_for(Waiting(states.in({"tcp"}))), "First " + out));
}

TEST_CASE("a library that was replaced or removed since is told so") {
  const States states;
  const Directory directory;
  const auto library = copy_of_library(directory);
  const Waiting victim(states.in({"tcp"}), preloading(library));
  CHECK(victim.says(".shim.change") == "unchanged");
  std::filesystem::copy_file(library, directory / "new");
  std::filesystem::rename(directory / "new", library);
  CHECK(victim.says(".shim.change") == "replaced");
  CHECK(victim.says(".shim.version") != "null");
  CHECK(has(victim.says(".advice"), "restart"));
  std::filesystem::remove(library);
  CHECK(victim.says(".shim.change") == "removed");
  CHECK(victim.says(".shim.path") == library);
  CHECK(victim.says(".shim.phase") == "armed");
  CHECK(victim.verdict() == kSafe);
}

TEST_CASE("a library in memory is found") {
  const int memory = memfd_create("any name", 0);
  REQUIRE(memory >= 0);
  const auto path = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(memory);
  std::ofstream(path) << contents(built("libnosigpipe.so"));
  const States states;
  const Waiting victim(states.in({"tcp"}), preloading(path));
  close(memory);
  CHECK(victim.says(".shim.path") == "/memfd:any name");
  CHECK(victim.says(".shim.phase") == "armed");
  CHECK(victim.says(".shim.change") == "unchanged");
  CHECK(victim.verdict() == kSafe);
}

TEST_CASE("a library that is none of ours is not found by its name") {
  const Directory directory;
  const States states;
  std::ofstream(directory / "other.c") << "int other;\n";
  output_of({"gcc", "-shared", "-o", directory / "libnosigpipe.so", directory / "other.c"});
  const Waiting other(states.in({}), preloading(directory / "libnosigpipe.so"));
  CHECK(other.says(".shim") == "null");
  CHECK(other.verdict() == kDies);
}

TEST_CASE("a library that lies and is mapped a thousand times is no trouble") {
  const Directory directory;
  const States states;
  const auto file = directory / "nosigpipe";
  std::ofstream(file) << lying_program(PT_INTERP, 200, std::string(32 << 10, 'A'));
  const Waiting victim({"sh", "-c", "exec \"$1\" thousand-mappings-of-9 9<\"$2\"", "sh", states.file(), file});
  const auto said = soon({"--json", victim.number()});
  INFO(said.text() << said.err);
  CHECK(said.exited(kDies));
  CHECK(member(said.out, ".shim") == "null");
}

TEST_CASE("what may not be read of another user's process is not known") {
  if (geteuid() != 0) SKIP_TEST("only root can become another user");
  const States states;
  const Strings as_nobody{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};
  const Waiting roots(states.in({"tcp"}), with_shim());
  const Waiting nobodys(joined(as_nobody, states.in({"tcp"})), with_shim());
  const auto asked = [&](const Waiting& victim) {
    return run(joined(as_nobody, {built("nosigpipe-doctor"), "--json", victim.number()})).out;
  };
  CHECK(member(asked(nobodys), ".shim.phase") == "armed");
  CHECK(member(asked(nobodys), ".stream_sockets") == "1");
  CHECK(member(asked(roots), ".stream_sockets") == "null");
  CHECK(member(asked(roots), ".shim") == "null");
  CHECK(member(asked(roots), ".sigpipe") == "caught");
  CHECK(has(member(asked(roots), ".advice"), "Whose handler is called may not be known"));
}

TEST_CASE("a 32-bit process is read as one of 64 bits") {
  const States states({"-m32"});
  Start start;
  start.env = {"LD_PRELOAD=" + built("i386/libnosigpipe.so"), "NOSIGPIPE_LOG=/dev/null"};
  const Waiting victim(states.in({"tcp", "write"}), start);
  CHECK(victim.says(".secure") == "false");
  CHECK(victim.says(".shim.phase") == "in force");
  CHECK(victim.says(".shim.options.log") == "/dev/null");
  CHECK(victim.verdict() == kSafe);
  CHECK(Waiting(states.in({"tcp"})).verdict() == kDies);
}

TEST_CASE("a static process would die and is told that it cannot be reached") {
  for (const Strings& flags : {Strings{"-static"}, Strings{"-static-pie"}}) {
    const States states(flags);
    const Waiting victim(states.in({"tcp"}), with_shim());
    INFO(flags[0]);
    CHECK(victim.verdict() == kDies);
    CHECK(victim.says(".shim") == "null");
    CHECK(has(victim.says(".advice"), "linked statically"));
  }
}

TEST_CASE("a process of musl is read as one of glibc") {
  const States states({}, "musl-gcc");
  CHECK(Waiting(states.in({"tcp"})).verdict() == kDies);
  const Waiting victim(states.in({"tcp"}), preloading(built("libnosigpipe.so")));
  CHECK(victim.says(".shim.phase") == "armed");
  CHECK(victim.verdict() == kSafe);
}

TEST_CASE("a library that LD_PRELOAD names and that has not got in is told with the reason") {
  const auto advice = [](const States& states, const std::string& library) {
    const Waiting victim(states.in({"tcp"}), preloading(library));
    CHECK(victim.says(".shim") == "null");
    CHECK(victim.verdict() == kDies);
    return victim.says(".advice");
  };
  const States of_glibc;
  const States of_musl({}, "musl-gcc");
  const States narrow({"-m32"});
  for (const auto* states : {&of_glibc, &of_musl})
    CHECK(has(advice(*states, "/nonexistent/libnosigpipe.so"), "no such file where it runs"));
  CHECK(has(advice(narrow, built("libnosigpipe.so")), "another class"));
  CHECK(!has(advice(of_glibc, "/nonexistent/nosigpipe/other.so"), "LD_PRELOAD names"));
}

TEST_CASE("a process in a container without the library is told to have it there") {
  if (geteuid() != 0) SKIP_TEST("only root can make a mount namespace");
  const States states;
  const auto in_container = [&](const std::string& over) {
    const Waiting victim(
        {"unshare", "--mount", "sh", "-ec", "mount -t tmpfs none \"$1\"; exec \"$2\" tcp", "sh", over, states.file()});
    return victim.says(".advice");
  };
  const auto without = in_container(built(""));
  INFO(without);
  CHECK(has(without, "in a container"));
  CHECK(has(without, "LD_PRELOAD=" + built("libnosigpipe.so")));
  CHECK(!has(in_container("/mnt"), "in a container"));
}

TEST_CASE("a program of Go with a socket for its output could not be told") {
  const Directory directory;
  std::ofstream(directory / "note.c") << "__asm__(\".section .note.go.buildid,\\\"a\\\",@note\\n.long 4, 4, 4\\n\"\n"
                                         "        \".asciz \\\"Go\\\\0\\\"\\n.long 0\\n.previous\");\n";
  const States states({directory / "note.c"});
  CHECK(Waiting(states.in({"handle"})).verdict() == kSafe);
  int pair[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
  Start start;
  start.err = pair[0];
  const Waiting victim(states.in({"handle"}), start);
  CHECK(victim.verdict() == kNotKnown);
  CHECK(has(victim.says(".advice"), "descriptors 1 and 2, of which one is a socket here"));
  for (const int fd : pair) close(fd);
}

TEST_CASE("how to restart a process is told in words that a shell reads as its arguments") {
  const States states;
  const Waiting victim(states.in({"tcp", "a b", "it's", "", "*"}));
  if (victim.says(".unit") != "null") SKIP_TEST("what is started here belongs to a service");
  const auto advice = victim.says(".advice");
  INFO(advice);
  CHECK(has(advice, " Without a restart: nosigpipe-attach " + victim.number() + ". Restart it so: "));
  const auto begin = advice.find("nosigpipe --log=PATH ");
  REQUIRE(begin != advice.npos);
  const auto words = advice.substr(begin);
  CHECK(output_of({"sh", "-c", "nosigpipe() { shift; printf '<%s>' \"$@\"; }; " + words}) ==
        "<" + states.file() + "><tcp><a b><it's><><*>");
  // A title that a program has written over its arguments is none.
  for (const auto& title : Strings{"server: worker", "-sh", states / "gone"}) {
    const Waiting titled({"bash", "-c", "exec -a \"$1\" \"$0\" tcp", states.file(), title});
    INFO(title);
    CHECK(has(titled.says(".advice"), "nosigpipe --log=PATH " + states.file() + ", with its arguments."));
  }
}

TEST_CASE("several processes are told one behind the other and the status is the worst") {
  const States states;
  const Waiting safe(states.in({"ignore"}));
  const Waiting dying(states.in({"tcp"}));
  const Waiting handling(states.in({"handle"}));
  const std::string none = std::to_string(1 << 30);
  const auto both = doctor({"--json", safe.number(), dying.number()});
  CHECK(both.exited(kDies));
  CHECK(lines_of(both.out).size() == 2);
  CHECK(member(both.out, ".pid") == safe.number() + "\n" + dying.number());
  CHECK(lines_of(doctor({safe.number(), dying.number()}).out).size() ==
        lines_of(doctor({safe.number()}).out + doctor({dying.number()}).out).size());
  CHECK(doctor({safe.number(), safe.number()}).exited(kSafe));
  CHECK(doctor({handling.number(), safe.number()}).exited(kNotKnown));
  CHECK(doctor({dying.number(), handling.number()}).exited(kDies));
  const auto gone = doctor({none, dying.number()});
  CHECK(gone.exited(kDies));
  CHECK(has(gone.err, none));
  CHECK(has(gone.out, dying.number()));
  CHECK(doctor({none, safe.number()}).exited(kNotKnown));
  const auto json = doctor({"--json", none, safe.number()});
  CHECK(json.exited(kNotKnown));
  CHECK(json.err.empty());
  CHECK(member(json.out, ".pid") == none + "\n" + safe.number());
  CHECK(member(json.out, ".verdict") == "unknown\nsafe");
  CHECK(doctor({"--", "1", "2"}).exited(kNotKnown));  // a command
  CHECK(doctor({dying.number(), "x"}).exited(kNotKnown));
}

TEST_CASE("a process that was started set-user-ID is told that LD_PRELOAD does not reach it") {
  if (geteuid() != 0) SKIP_TEST("only root can make a program that changes its user");
  const States states;
  std::filesystem::permissions(states.file(), static_cast<std::filesystem::perms>(04755));
  const Waiting victim(joined({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}, states.in({"tcp"})),
                       with_shim());
  if (victim.says(".secure") != "true") SKIP_TEST("the temporary directory has no set-user-ID programs");
  CHECK(victim.says(".shim") == "null");
  CHECK(victim.verdict() == kDies);
  CHECK(has(victim.says(".advice"), "/etc/ld.so.preload"));
}

// Where no systemd runs the doctor sees one, which is no more than a directory and a command, in a namespace of its
// own.
TEST_CASE("of a service the doctor says what its unit does about SIGPIPE and how to arm it there") {
  if (geteuid() != 0) SKIP_TEST("only root can make a mount namespace");
  const States states;
  const Waiting victim(states.in({"tcp"}));
  const Directory directory;
  std::ofstream(directory / "systemctl")
      << "#!/bin/sh\ncase \"$*,${XDG_RUNTIME_DIR-}\" in 'show -p IgnoreSIGPIPE -p Restart -- odd-server.service,' | "
         "'--user show -p IgnoreSIGPIPE -p Restart -- odd-server.service,/run/user/12345') "
         "echo IgnoreSIGPIPE=yes && echo Restart=on-failure ;; esac\n";
  std::filesystem::permissions(directory / "systemctl", std::filesystem::perms::all);
  const auto asked = [&](const std::string& running, const std::string& group = "/system.slice") {
    std::ofstream(directory / "cgroup") << "0::" << group << "/odd-server.service/worker\n";
    return run({"unshare", "--mount", "sh", "-ec",
                "mount -t tmpfs none /run; " + running +
                    "mount --bind \"$1/cgroup\" /proc/$2/cgroup; PATH=$1:$PATH; "
                    "exec \"$3\" --json $2",
                "sh", directory.path(), victim.number(), built("nosigpipe-doctor")});
  };
  CHECK(member(asked("").out, ".unit") == "null");
  const auto said = asked("mkdir -p /run/systemd/system; ");
  INFO(said.out << said.err);
  CHECK(said.exited(kDies));
  CHECK(member(said.out, ".unit.unit") == "odd-server.service");
  CHECK(member(said.out, ".unit.ignore_sigpipe") == "yes");
  CHECK(member(said.out, ".unit.restart") == "on-failure");
  const auto advice = member(said.out, ".advice");
  CHECK(has(advice, "systemctl edit odd-server.service"));
  CHECK(has(advice, "LD_PRELOAD=" + built("libnosigpipe.so")));
  CHECK(has(advice, "Restart=on-failure takes a death by SIGPIPE for a clean end"));
  CHECK(has(advice, "the program sets SIGPIPE back"));
  const auto of_user =
      asked("mkdir -p /run/systemd/system; ", "/user.slice/user-12345.slice/user@12345.service/app.slice");
  CHECK(member(of_user.out, ".unit.restart") == "on-failure");
  CHECK(has(member(of_user.out, ".advice"), "systemctl --user edit odd-server.service"));
  CHECK(has(member(of_user.out, ".advice"), "systemctl --user restart odd-server.service"));
}

TEST_CASE("a program of Rust ignores SIGPIPE and is told that it needs nothing") {
  const Directory directory;
  std::ofstream(directory / "main.rs")
      << "use std::io::Write;\nfn main() { println!(\"ready\"); std::io::stdout().flush()"
         ".unwrap(); loop { std::thread::park(); } }\n";
  if (!run({"rustc", "-o", directory / "main", directory / "main.rs"}).exited(0))
    SKIP_TEST("no compiler of Rust is here");
  const Waiting victim({directory / "main"});
  CHECK(victim.says(".sigpipe") == "ignored");
  CHECK(victim.verdict() == kSafe);
  CHECK(has(victim.says(".advice"), "You do not need nosigpipe here"));
}

TEST_CASE("a zombie and a thread of the kernel and a process that is none are told as such") {
  const States states;
  const Waiting parent(states.in({"zombie"}));
  const auto children = contents("/proc/" + parent.number() + "/task/" + parent.number() + "/children");
  const auto zombie = children.substr(0, children.find(' '));
  REQUIRE(eventually([&] { return has(contents("/proc/" + zombie + "/status"), "State:\tZ"); }));
  CHECK(doctor({zombie}).exited(kNotKnown));
  CHECK(doctor({"2147483647"}).exited(kNotKnown));
  CHECK(doctor({std::to_string(1 << 30)}).exited(kNotKnown));
  if (contents("/proc/2/comm") != "kthreadd\n") SKIP_TEST("no thread of the kernel can be seen here");
  CHECK(doctor({"2"}).exited(kSafe));
  CHECK(member(doctor({"--json", "2"}).out, ".kernel_thread") == "true");
}

TEST_CASE("names are escaped and no byte of a process reaches the terminal as it is") {
  const States states;
  const auto odd = states / "a\033[31m\nb";
  std::filesystem::copy_file(states.file(), odd);
  const Waiting victim({odd, "odd-name", "tcp", "\033[31m\n"});
  for (const Strings& arguments : {Strings{victim.number()}, {"--json", victim.number()}, {"--all"}, {"--", odd}}) {
    const auto said = doctor(arguments);
    INFO(said.out);
    CHECK(has(said.out, "31m"));
    CHECK(!has(said.out + said.err, "\033"));
  }
  CHECK(has(doctor({victim.number()}).out, "a\\x1b[31m"));
}

// Alone with its processes, since of others on this machine it may not be known.
TEST_CASE("a process that ends while it is looked at is no trouble") {
  const States states;
  const Strings by_user = geteuid() == 0 ? Strings{} : Strings{"--user", "--map-root-user"};
  const auto alone = joined(joined({"unshare"}, by_user), {"--pid", "--fork", "--kill-child", "--mount-proc"});
  if (!run(joined(alone, {"true"})).exited(0)) SKIP_TEST("unshare is not allowed");
  const auto endings =
      run(joined(alone, {"sh", "-c",
                         "while :; do \"$0\" exit & kill -9 $!; done >/dev/null 2>&1 &"
                         "for i in $(seq 50); do \"$1\" --all >&2 && echo safe || echo \"exit $?\"; done",
                         states.file(), built("nosigpipe-doctor")}));
  INFO(endings.err);
  CHECK(matches(endings.out, "(safe)\n").size() == 50);
  CHECK(matches(endings.err, "would die of SIGPIPE on a socket").size() == 50);
}

TEST_CASE("all is a table of those that would die with the most sockets first and at most 80 columns wide") {
  const States states;
  const Waiting few(states.in({"tcp"}));
  const Waiting many(states.in({"hundred", std::string(200, 'x')}));
  const Waiting none(states.in({}));
  const Waiting ignoring(states.in({"ignore", "tcp"}));
  const Waiting shimmed(states.in({"tcp"}), with_shim());
  const Waiting observed(states.in({"tcp"}), with_shim({"NOSIGPIPE_MODE=observe"}));
  const auto all = doctor({"--all"});
  INFO(all.out);
  CHECK(all.exited(kDies));
  const auto pids = matches(all.out, "(?:^|\n) *([0-9]+) ");
  const auto place = [&](const Waiting& victim) {
    const auto found = std::find(pids.begin(), pids.end(), victim.number());
    return found == pids.end() ? -1 : found - pids.begin();
  };
  CHECK(place(many) >= 0);
  CHECK(place(many) < place(few));
  CHECK(place(observed) > 0);
  for (const auto* victim : {&none, &ignoring, &shimmed}) CHECK(place(*victim) == -1);
  for (const auto& line : lines_of(all.out)) CHECK(line.size() <= 80);
  const auto json = doctor({"--all", "--json"}).out;
  CHECK(member(json, ".processes[] | select(.pid == " + many.number() + ") | .stream_sockets") == "100");
  CHECK(std::stoi(member(json, ".without_sockets")) >= 1);
}

TEST_CASE("all is 3 where none would die of those that are known and others are not known") {
  if (geteuid() != 0) SKIP_TEST("only root can become another user");
  const States states;
  const Waiting roots(states.in({"tcp"}));
  const auto all = run(
      {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", built("nosigpipe-doctor"), "--all", "--json"});
  INFO(all.out);
  CHECK(member(all.out, ".not_known") != "0");
  CHECK(all.exited(member(all.out, ".processes | length") == "0" ? kNotKnown : kDies));
}

TEST_CASE("an answer that cannot be written is told") {
  const auto ending = run({"sh", "-c", "exec \"$0\" $$ >/dev/full", built("nosigpipe-doctor")});
  CHECK(ending.exited(kNotKnown));
  CHECK(has(ending.err, "cannot write: No space left on device"));
}

// So many that 200 processes are done in a part of 0.2 s. The tables of sockets grow with the machine's connections.
TEST_CASE("all takes a few system calls for each process") {
  if (!can_trace()) SKIP_TEST("nothing can be traced here");
  const Directory directory;
  const States states;
  std::vector<std::unique_ptr<Waiting>> victims;
  for (int i = 0; i < 20; ++i) victims.push_back(std::make_unique<Waiting>(states.in({"tcp", "socketpair"})));
  const auto trace = directory / "trace";
  run({"strace", "-qq", "-y", "-o", trace, built("nosigpipe-doctor"), "--all"});
  const auto told = contents(trace);
  for (const auto& victim : victims) {
    const auto process = "/proc/" + std::to_string(victim->pid()) + "(?!/net/)[/\"]";
    const auto calls = matches(told, "\n((?!readlink)[^\n]*" + process + ")").size();
    INFO(calls << " calls, besides one for each of its descriptors");
    CHECK(calls > 5);
    CHECK(calls < 40);
  }
}
TEST_CASE("all reads a network namespace's sockets once") {
  if (!can_trace()) SKIP_TEST("nothing can be traced here");
  const Directory directory;
  const States states;
  std::vector<std::unique_ptr<Waiting>> victims;
  for (int i = 0; i < 3; ++i) victims.push_back(std::make_unique<Waiting>(states.in({"tcp"})));
  const auto trace = directory / "trace";
  run({"strace", "-qq", "-o", trace, built("nosigpipe-doctor"), "--all"});
  const auto told = contents(trace);
  const auto links = matches(told, "readlink\\(\"/proc/[0-9]+/ns/net\", \"(net:[^\"]+)");
  CHECK(matches(told, "\nopenat\\(AT_FDCWD, \"/proc/[0-9]+/net/unix\"[^\n]* = [0-9]").size() <=
        std::set<std::string>(links.begin(), links.end()).size());
  // In ours just once: who is in another may end between these two calls.
  const auto ours = matches(std::filesystem::read_symlink("/proc/self/ns/net"), "[0-9]+").front();
  const auto in_it = matches(told, "readlink\\(\"/proc/([0-9]+)/ns/net\", \"net:." + ours + ".\"");
  CHECK(in_it.size() >= victims.size());
  const auto opened = matches(told, "\nopenat\\(AT_FDCWD, \"/proc/([0-9]+)/net/tcp\"");
  CHECK(std::ranges::count_if(opened, [&](const auto& pid) { return std::ranges::count(in_it, pid) > 0; }) == 1);
}
TEST_CASE("all reads them once more where a process ends as they are read through it") {
  if (!can_trace()) SKIP_TEST("nothing can be traced here");
  const Directory directory;
  const States states;
  const Waiting first(states.in({"tcp"}));
  const Waiting second(states.in({"tcp"}));
  const auto trace = directory / "trace";
  const auto sockets_of_second = [&](const Strings& injected) {
    const auto all =
        run(joined(joined({"strace", "-qq", "-o", trace}, injected), {built("nosigpipe-doctor"), "--all", "--json"}));
    INFO(all.out << all.err);
    return member(all.out, ".processes[] | select(.pid == " + second.number() + ") | .stream_sockets");
  };
  CHECK(sockets_of_second({}) == "1");
  Strings of_others;
  for (const auto& pid : matches(contents(trace), "readlink\\(\"/proc/([0-9]+)/ns/net\""))
    if (pid != second.number())
      for (const std::string table : {"tcp", "unix"})
        of_others = joined(of_others, {"-P", "/proc/" + pid + "/net/" + table});
  for (const std::string failing : {"openat", "read"}) {
    INFO(failing);
    CHECK(sockets_of_second(joined(of_others, {"--inject=" + failing + ":error=ESRCH"})) == "1");
    CHECK(has_match(contents(trace), "\"/proc/" + first.number() + "/net/tcp\""));
    CHECK(has(contents(trace), "(INJECTED)"));
  }
}

TEST_CASE("a wrong command line is 125 and one line") {
  for (const Strings& wrong : {Strings{},
                               {"--nosuch", "1"},
                               {"--all", "1"},
                               {"--json=x", "1"},
                               {"-x"},
                               {""},
                               {"--"},
                               {"0"},
                               {"1", "99999999999999999999"}}) {
    const auto ending = doctor(wrong);
    INFO((wrong.empty() ? "" : wrong[0]));
    CHECK(ending.exited(125));
    CHECK(ending.out.empty());
    CHECK(lines_of(ending.err).size() == 1);
  }
  CHECK(doctor({"--help"}).exited(0));
  CHECK(doctor({"-h"}).out == doctor({"--help"}).out);
}
