#include "doctor/clearing.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "doctor/library.h"
#include "doctor/proc_file.h"

namespace doctor {
namespace {

constexpr std::string_view kName = "LD_PRELOAD";

// Whether it is one of these names, with commas between them.
bool lists_it(std::string_view names) {
  while (!names.empty())
    if (take_until(names, ',') == kName) return true;
  return false;
}

// The manager, or who waits for a client, starts it with what -E names: with a value, or as it is here.
Started started_with_named(const std::string& name, const Arguments& read, const std::string& remedy) {
  if (read.has('?')) return not_understood(name);
  auto started = goes_on(read.rest);
  bool is_named = read.has('c');
  for (const auto& option : read.options) {
    std::string_view value(option.value);
    if (option.letter != 'E' || take_until(value, '=') != kName) continue;
    const bool as_here = option.value == kName;
    is_named = as_here || names_ours(value);
    if (!as_here) started.preload = value;
  }
  if (is_named) return started;
  auto lost = lost_in(name, remedy, started.argv);
  lost.preload = started.preload;
  lost.is_inside = read.has('M') || read.has('H');
  return lost;
}

}  // namespace

// Its own loader has taken LD_PRELOAD out of the environment, unless it was started by root.
Started by_sudo(const std::string& name, const Words& argv) {
  const auto read = read_arguments(argv, "+AbC:D:Eeg:Hh:iKklNnPp:R:r:SsT:t:U:u:Vv",
                                   "L:preserve-env? askpass background bell close-from= chdir= edit group= set-home "
                                   "help host= login remove-timestamp reset-timestamp list no-update non-interactive "
                                   "preserve-groups prompt= chroot= role= stdin shell type= command-timeout= "
                                   "other-user= user= version validate");
  bool keeps = false;
  for (const auto& option : read.options) keeps |= getuid() == 0 && option.letter == 'L' && lists_it(option.value);
  std::optional<std::string> preload;
  auto word = read.rest.begin();
  for (; word != read.rest.end() && word->find('=') != word->npos; ++word) {
    std::string_view value(*word);
    if (take_until(value, '=') != kName) continue;
    keeps = names_ours(value);
    preload = value;
  }
  const bool is_known = !read.has('?') && !read.has('i') && !read.has('s') && !read.has('R');
  auto started = goes_on(is_known ? Words(word, read.rest.end()) : Words());
  if (!keeps) started = lost_in(name, "start nosigpipe behind it: sudo nosigpipe COMMAND", started.argv);
  if (keeps && !is_known) return not_understood(name);
  started.preload = preload;
  return started;
}

Started by_su(const std::string& name, const Words& argv) {
  const auto read = read_arguments(argv, "c:fg:G:lmpPTs:u:hVw:",
                                   "command= session-command= fast group= supp-group= l:login preserve-environment "
                                   "pty no-pty shell= u:user= w:whitelist-environment= help version");
  const bool is_kept = std::ranges::any_of(
      read.options, [](const auto& option) { return option.letter == 'w' && lists_it(option.value); });
  const bool is_login = read.has('l') || (!read.rest.empty() && read.rest[0] == "-");
  if (is_login && !is_kept)
    return lost_in(name, "start nosigpipe behind it, or leave the environment: " + name + " without -");
  if (read.has('?')) return not_understood(name);
  auto started = name == "runuser" && read.has('u') ? goes_on(read.rest) : Started();
  started.executes = true;
  return started;
}

// It goes through its options in their order. The path is one of inside.
Started by_bwrap(const std::string& name, const Words& argv) {
  bool is_lost = false;
  Started started;
  started.executes = true;
  for (std::size_t at = 1; at < argv.size() && argv[at] != "--"; ++at) {
    const bool is_of_it = at + 1 < argv.size() && argv[at + 1] == kName;
    if (argv[at] == "--clearenv" || (argv[at] == "--unsetenv" && is_of_it)) is_lost = true;
    if (argv[at] != "--setenv" || !is_of_it || at + 2 >= argv.size()) continue;
    is_lost = !names_ours_inside(argv[at + 2]);
    started.preload = argv[at + 2];
  }
  if (!is_lost) return started;
  auto lost = lost_in(name, "hand it through: --setenv LD_PRELOAD, of a path that is there inside");
  lost.is_inside = true;
  return lost;
}

// Who asks a server of its own to run something in a container, where what they have in the environment is not known.
Started by_container(const std::string& name, const Words& argv) {
  struct Verb {
    std::string_view name, remedy;
  };
  constexpr Verb kVerbs[] = {
      {"run", "have the library in the container: -v LIBRARY:LIBRARY:ro -e LD_PRELOAD=LIBRARY"},
      {"create", "have the library in the container: -v LIBRARY:LIBRARY:ro -e LD_PRELOAD=LIBRARY"},
      {"exec",
       "have the library in the container (cp LIBRARY CONTAINER:LIBRARY), and hand it in: -e LD_PRELOAD=LIBRARY"},
      {"start", "create the container anew, with -v LIBRARY:LIBRARY:ro -e LD_PRELOAD=LIBRARY"},
      {"up", "name it in the compose file: volumes LIBRARY:LIBRARY:ro, environment LD_PRELOAD=LIBRARY"}};
  const auto hands_it_in = [](std::string_view word) {
    const auto at = word.find("LD_PRELOAD=");
    return at != word.npos && names_ours_inside(word.substr(at + kName.size() + 1));
  };
  if (std::ranges::any_of(argv, hands_it_in)) return {};
  for (const auto& word : argv)
    if (const auto* verb = std::ranges::find(kVerbs, word, &Verb::name); verb != std::end(kVerbs)) {
      auto lost = lost_in(name, std::string(verb->remedy));
      lost.is_inside = true;
      return lost;
    }
  return {};
}

Started by_doas(const std::string& name, const Words& argv) {
  const auto read = read_arguments(argv, "+C:Lnsu:", "user= disable-internal-agent keep-cwd help version");
  return lost_in(name, "start nosigpipe behind it: " + name + " nosigpipe COMMAND", read.rest);
}

Started by_socket_activate(const std::string& name, const Words& argv) {
  return started_with_named(
      name,
      read_arguments(argv, "+hl:aE:d", "E:setenv= listen= accept datagram seqpacket inetd fdname= now help version"),
      "hand it through: -E LD_PRELOAD, and -E for each NOSIGPIPE_ variable");
}

Started by_systemd_run(const std::string& name, const Words& argv) {
  return started_with_named(
      name,
      read_arguments(argv, "+hrH:M:E:p:tPqGdSu:C:vj",
                     "E:setenv= c:scope user system unit= description= slice= slice-inherit host= machine= "
                     "capsule= service-type= property= uid= gid= nice= same-dir pty pty-late pipe quiet "
                     "verbose shell wait collect no-block no-ask-password ignore-failure send-sighup "
                     "job-mode= expand-environment= background= json= root-directory= same-root-dir "
                     "working-directory= remain-after-exit on-active= on-boot= on-startup= on-unit-active= "
                     "on-unit-inactive= on-calendar= on-clock-change on-timezone-change path-property= "
                     "socket-property= timer-property= help version no-pager"),
      "the manager starts it: systemd-run -E LD_PRELOAD=... COMMAND");
}

Started by_setpriv(const std::string& name, const Words& argv) {
  const auto read =
      read_arguments(argv, "+dhV",
                     "R:reset-env dump nnp no-new-privs inh-caps= ambient-caps= bounding-set= ruid= euid= rgid= egid= "
                     "reuid= regid= clear-groups keep-groups init-groups groups= securebits= pdeathsig= "
                     "selinux-label= apparmor-profile= list-caps help version");
  if (read.has('R'))
    return lost_in(name, "start nosigpipe behind it, or leave the environment: without --reset-env", read.rest);
  return read.has('?') ? not_understood(name) : goes_on(read.rest);
}

}  // namespace doctor
