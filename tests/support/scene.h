// Runs the scenes of victims/scenes/: bare, with SIGPIPE ignored as the kernel's own oracle, and under the shim.
#pragma once

#include <signal.h>

#include <string>
#include <vector>

#include "support/catch.h"
#include "support/process.h"

// The settings under which what hooks see must be safe; what no hook sees needs the handler, so the first three.
inline const std::vector<Strings> kGuards = {
    {}, {"NOSIGPIPE_GUARD=mask"}, {"NOSIGPIPE_GUARD=catch"}, {"NOSIGPIPE_GUARD=hooks"}};
inline const std::vector<Strings> kGuardsWithHandler{kGuards.begin(), kGuards.begin() + 3};

inline std::string words(const Strings& list) {
  std::string text;
  for (const auto& word : list) text += word + " ";
  return text;
}

// Which build of the shim and of the scenes: "", "i386/", "aarch64/" …
inline std::string flavour;

// What it is run by, where the machine is another, and what that has to know.
inline Strings emulator;
inline Strings emulator_env;

inline Ending bare(const std::string& scene, Start start = {}) {
  start.flavour = flavour;
  start.env.insert(start.env.end(), emulator_env.begin(), emulator_env.end());
  return run(joined(emulator, {built(flavour + "tests/victims/scenes/scenes"), scene}), start);
}

inline Ending shimmed(const std::string& scene, const Strings& env = {}, const Start& start = {}) {
  return bare(scene, with_shim(env, start));
}

// Whatever the guard, the program ends and prints as here.
inline void all_as(const Ending& oracle, const std::string& scene, const std::vector<Strings>& guards) {
  for (const auto& guard : guards) {
    const auto ending = shimmed(scene, guard);
    INFO(scene << " with " << words(guard) << ending.err);
    CHECK(ending.text() == oracle.text());
    CHECK(ending.out == oracle.out);
  }
}

// Bare it dies of SIGPIPE; under the shim it prints what it prints with SIGPIPE ignored.
inline void survives(const std::string& scene, const std::vector<Strings>& guards = kGuards) {
  CHECK(bare(scene).killed_by(SIGPIPE));
  const auto oracle = bare(scene, ignoring_sigpipe());
  REQUIRE(oracle.exited(0));
  all_as(oracle, scene, guards);
}

// The shim changes nothing.
inline void same_as_bare(const std::string& scene, const std::vector<Strings>& guards = kGuards) {
  all_as(bare(scene), scene, guards);
}

// Bare it dies of SIGPIPE, and under the shim, too.
inline void still_dies(const std::string& scene, const std::vector<Strings>& guards = kGuards) {
  CHECK(bare(scene).killed_by(SIGPIPE));
  same_as_bare(scene, guards);
}
