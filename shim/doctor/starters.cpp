#include "doctor/starters.h"

#include <algorithm>

#include "doctor/library.h"
#include "tools/display.h"

namespace doctor {
namespace {

Started not_understood(const std::string& name) {
  return {"", "", "the arguments of " + name + " are not understood", {}, "", {}};
}

// The manager, or who waits for a client, starts it with what -E names: with a value, or as it is here.
Started started_with_named(const std::string& name, const Arguments& read, const std::string& remedy) {
  if (read.has('?')) return not_understood(name);
  constexpr std::string_view kName = "LD_PRELOAD";
  const bool is_named = std::ranges::any_of(read.options, [&](const auto& option) {
    if (option.letter != 'E' || !option.value.starts_with(kName)) return false;
    const auto value = std::string_view(option.value).substr(kName.size());
    return value.empty() || (value[0] == '=' && names_ours(value.substr(1)));
  });
  if (!is_named && !read.has('c')) return {name, remedy, "", {}, "", {}};
  return {"", "", "", read.rest, "", {}};
}

}  // namespace

Started started_by(const Words& argv) {
  const auto name = tools::base_name(argv[0]);
  const auto lost = [&](const std::string& remedy) { return Started{name, remedy, "", {}, "", {}}; };
  if (name == "env") return started_by_env(argv);
  if (name == "sudo" || name == "doas" || name == "pkexec")
    return lost("start nosigpipe behind it: " + name + " nosigpipe COMMAND");
  if (name == "su" || name == "runuser") {
    const auto read =
        read_arguments(argv, "c:fg:G:lmpPTs:u:hVw:",
                       "command= session-command= fast group= supp-group= l:login preserve-environment pty "
                       "no-pty shell= user= whitelist-environment= help version");
    if (read.has('l') || (!read.rest.empty() && read.rest[0] == "-"))
      return lost("start nosigpipe behind it, or leave the environment: " + name + " without -");
    if (read.has('?')) return not_understood(name);
  }
  if (name == "bwrap" && std::ranges::find(argv, "--clearenv") != argv.end())
    return lost("hand it through: --setenv LD_PRELOAD, of a path that is there inside");
  if (name == "systemd-socket-activate")
    return started_with_named(
        name,
        read_arguments(argv, "+hl:aE:d", "E:setenv= listen= accept datagram seqpacket inetd fdname= now help version"),
        "hand it through: -E LD_PRELOAD, and -E for each NOSIGPIPE_ variable");
  if (name == "systemd-run")
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
  return {};
}

Started started_by_loader(const Words& argv) {
  const auto read =
      read_arguments(argv, "+",
                     "library-path= glibc-hwcaps-prepend= glibc-hwcaps-mask= inhibit-rpath= audit= preload= "
                     "argv0= inhibit-cache list verify list-tunables list-diagnostics help version");
  if (read.has('?')) return not_understood("the loader");
  return {"", "", "", read.rest, "", {}};
}

}  // namespace doctor
