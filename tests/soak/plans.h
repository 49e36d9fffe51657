// Which servers the soak has, and what each goes through.
#pragma once

#include <vector>

#include "soak/server.h"

struct Place {
  std::string directory;   // of all
  std::string small_disk;  // empty: there is none
};

Plan nginx(const std::string& directory);
Plan lighttpd(const Place& place);
Plan yubiserver(const std::string& directory);
Plan churn(const std::string& directory, const std::string& word, Exact exact);

std::vector<Plan> plans(const Place& place);
