// Programs made up of steps: put together from a seed, shrunk to those that matter, and printed as a program that can
// be compiled.
#pragma once

#include <functional>
#include <map>
#include <random>
#include <utility>

#include "support/strings.h"

struct Step {
  std::string name;
  std::vector<int> arguments;
  bool is_block = false;
  std::vector<Step> held{};  // by a block
};
using Steps = std::vector<Step>;

// What there is to choose from, as the victim lists it.
struct StepKind {
  int often = 0;
  std::string name;
  bool is_block = false;
  std::vector<std::pair<std::string, int>> limits;  // of its arguments
};

// A program knows a few kinds of steps and a few values of each argument only: so those it has meet more often.
class StepsMaker {
 public:
  StepsMaker(std::vector<StepKind> kinds, unsigned seed);
  Steps program();

 private:
  int below(int end) { return static_cast<int>(engine_() % static_cast<unsigned>(end)); }
  int one_of(const std::string& name, int limit);
  Step step(int depth);
  Steps several(int most, int depth);

  std::vector<StepKind> kinds_;
  std::mt19937 engine_;
  std::map<std::string, std::vector<int>> values_;  // by the limit's name
};

std::vector<StepKind> step_kinds(const std::string& listed);

// The victim's command line, and its source.
Strings words_of(const Steps& steps);
std::string source_of(const Steps& steps, int contract);

// The fewest of these steps that still fail, with the smallest arguments.
Steps shrunk(Steps steps, const std::function<bool(const Steps&)>& fails);
