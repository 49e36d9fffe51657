// What a round of clients is, and what plans share.
#pragma once

#include <signal.h>

#include <fstream>

#include "soak/server.h"

inline std::string put(const std::string& file, const std::string& text) {
  std::ofstream(file) << text;
  return file;
}

inline Strings clients(const Server& server, long round, const Strings& words) {
  return joined({built("demo/clients"), "--at-once", "8", "--seconds", "20", "--seed", std::to_string(round + 1),
                 "127.0.0.1:" + std::to_string(server.port())},
                words);
}

// Nine of ten leave; who stays compares each byte.
inline Strings most_leave(const std::string& expected, const Strings& words = {"/file"}, int requests = 1000) {
  return joined({"--abort", "90", "--requests", std::to_string(requests), "--expect", expected}, words);
}

inline void stop(Server& server, int signal) { kill(server.pid(), signal); }
