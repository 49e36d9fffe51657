// Programs that start others and may take LD_PRELOAD out of the environment, or hand one of their own on.
#pragma once

#include <string>

#include "doctor/starters.h"

namespace doctor {

Started by_sudo(const std::string& name, const Words& argv);
Started by_doas(const std::string& name, const Words& argv);
Started by_su(const std::string& name, const Words& argv);
Started by_bwrap(const std::string& name, const Words& argv);
Started by_container(const std::string& name, const Words& argv);
Started by_socket_activate(const std::string& name, const Words& argv);
Started by_systemd_run(const std::string& name, const Words& argv);
Started by_setpriv(const std::string& name, const Words& argv);

}  // namespace doctor
