#include "doctor/starters.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "doctor/clearing.h"
#include "doctor/env.h"
#include "tools/display.h"

namespace doctor {
namespace {

// Who runs the command behind its options and so many words, and leaves it the environment.
struct Plain {
  std::string_view name;
  std::size_t words;
  const char* letters;
  std::string_view longs;
};

constexpr Plain kPlain[] = {
    {"nohup", 0, "+", "help version"},
    {"nice", 0, "+n:0123456789", "adjustment= help version"},
    {"timeout", 1, "+k:s:v", "foreground kill-after= preserve-status signal= verbose help version"},
    {"setsid", 0, "+cfwhV", "ctty fork wait help version"},
    {"stdbuf", 0, "+i:o:e:", "input= output= error= help version"},
    {"time", 0, "+af:o:pqvV", "append format= output= portability quiet verbose help version"},
    {"ionice", 0, "+n:c:p:P:u:thV", "classdata= class= pid= pgid= uid= ignore help version"},
    {"taskset", 1, "+apchV", "all-tasks pid cpu-list help version"},
    {"chrt", 1, "+abdD:fiphmoP:T:rRvV",
     "all-tasks batch deadline fifo help idle max other rr reset-on-fork pid sched-runtime= sched-period= "
     "sched-deadline= verbose version"},
    {"flock", 1, "+sexnoFuE:w:c:hV",
     "shared exclusive nonblock nb no-fork unlock close verbose conflict-exit-code= timeout= wait= command= help "
     "version"},
    {"setuidgid", 1, "+", ""},
    {"softlimit", 0, "+a:c:d:f:l:m:o:p:r:s:t:", ""},
    {"chpst", 0, "+vP012u:U:b:n:l:L:m:d:o:p:f:c:r:t:", ""},
    {"tini", 0, "+hgsvwp:e:l:", "version"},
    {"gosu", 1, "+", ""},
    {"su-exec", 1, "+", ""},
};

Started by_chroot(const std::string& name, const Words& argv) {
  const auto read = read_arguments(argv, "+", "groups= userspec= skip-chdir help version");
  if (read.has('?')) return not_understood(name);
  auto started = goes_on(read.rest, 1);
  if (!read.rest.empty()) started.root = read.rest[0];
  return started;
}

struct Starter {
  std::string_view name;
  Started (*started)(const std::string& name, const Words& argv);
};

constexpr Starter kOthers[] = {
    {"env", by_env},
    {"sudo", by_sudo},
    {"doas", by_doas},
    {"pkexec", by_doas},
    {"su", by_su},
    {"runuser", by_su},
    {"setpriv", by_setpriv},
    {"chroot", by_chroot},
    {"bwrap", by_bwrap},
    {"docker", by_container},
    {"podman", by_container},
    {"nerdctl", by_container},
    {"systemd-run", by_systemd_run},
    {"systemd-socket-activate", by_socket_activate},
};

}  // namespace

Started lost_in(const std::string& name, const std::string& remedy, const Words& argv) {
  auto started = goes_on(argv);
  started.lost_in = name;
  started.remedy = remedy;
  return started;
}

Started not_understood(const std::string& name) {
  Started started;
  started.not_known = "the arguments of " + name + " are not understood";
  return started;
}

Started goes_on(const Words& words, std::size_t number) {
  Started started;
  started.argv.assign(words.begin() + static_cast<std::ptrdiff_t>(std::min(number, words.size())), words.end());
  return started;
}

Started started_by(const Words& given) {
  const auto first = std::ranges::find_if_not(given, [](const std::string& word) {
    const auto name = tools::base_name(word);
    return name == "busybox" || name == "toybox";
  });
  if (first == given.end()) return {};
  const Words argv(first, given.end());  // an applet does as the program of its name
  const auto name = tools::base_name(argv[0]);
  if (const auto* other = std::ranges::find(kOthers, name, &Starter::name); other != std::end(kOthers))
    return other->started(name, argv);
  const auto* plain = std::ranges::find(kPlain, name, &Plain::name);
  if (plain == std::end(kPlain)) return {};
  const auto read = read_arguments(argv, plain->letters, plain->longs);
  return read.has('?') ? not_understood(name) : goes_on(read.rest, plain->words);
}

Started started_by_loader(const Words& argv) {
  const auto read =
      read_arguments(argv, "+",
                     "library-path= glibc-hwcaps-prepend= glibc-hwcaps-mask= inhibit-rpath= audit= preload= "
                     "argv0= inhibit-cache list verify list-tunables list-diagnostics help version");
  return read.has('?') ? not_understood("the loader") : goes_on(read.rest);
}

}  // namespace doctor
