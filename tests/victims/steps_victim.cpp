// A program that is made of the steps of steps/list.def, in the order that it is told. It knows nothing of the shim.
//
// usage: steps_victim CONTRACT DEPTH [STEP ARGUMENT... | BLOCK HOW LENGTH]...
//        steps_victim    lists the steps: how often, "step" or "block", name, the limits of its arguments and their
//        names
#include <map>
#include <sstream>

#include "victims/steps/steps.h"

namespace {

using namespace steps;
using Words = std::vector<std::string>;

void play_all(const Words& words);

struct Step {
  size_t arguments;
  std::function<void(const std::vector<int>&)> play;
};

template <size_t... I, class... Arguments>
void spread(const char* name, void (*step)(Arguments...), const std::vector<int>& given, std::index_sequence<I...>) {
  play(name, step, given[I]...);
}

template <class... Arguments>
Step made_of(const char* name, void (*step)(Arguments...)) {
  return {sizeof...(Arguments),
          [=](const std::vector<int>& given) { spread(name, step, given, std::index_sequence_for<Arguments...>{}); }};
}

const std::map<std::string, Step> kSteps = {
#define STEP(name, ...) {#name, made_of(#name, steps::name)},
#define BLOCK(name, ...)
#include "victims/steps/list.def"
};

const std::map<std::string, void (*)(int, const Block&)> kBlocks = {
#define STEP(name, ...)
#define BLOCK(name, ...) {#name, steps::name},
#include "victims/steps/list.def"
};

// A block holds the LENGTH steps behind it, and where one of these is a block its steps, too.
size_t end_of(const Words& words, size_t at);

size_t end_of_block(const Words& words, size_t at) {
  size_t end = at + 3;
  for (int left = std::stoi(words.at(at + 2)); left > 0 && end < words.size(); --left) end = end_of(words, end);
  return end;
}

size_t end_of(const Words& words, size_t at) {
  return kBlocks.contains(words[at]) ? end_of_block(words, at) : at + 1 + kSteps.at(words[at]).arguments;
}

void play_all(const Words& words) {
  for (size_t at = 0; at < words.size();) {
    const size_t end = end_of(words, at);
    if (const auto block = kBlocks.find(words[at]); block != kBlocks.end()) {
      const Words held(words.begin() + static_cast<long>(at) + 3, words.begin() + static_cast<long>(end));
      play_block(block->first.c_str(), block->second, std::stoi(words[at + 1]), {[&] { play_all(held); }, held});
    } else {
      std::vector<int> arguments;
      for (size_t i = at + 1; i < end; ++i) arguments.push_back(std::stoi(words[i]));
      kSteps.at(words[at]).play(arguments);
    }
    at = end;
  }
}

void say_of(const char* kind, const char* name, int often, std::initializer_list<int> limits, std::string names) {
  printf("%d %s %s", often, kind, name);
  std::istringstream each(names);
  for (const int limit : limits) {
    std::string of_limit;
    std::getline(each >> std::ws, of_limit, ',');
    printf(" %s %d", of_limit.c_str(), limit);
  }
  puts("");
}

void list() {
#define STEP(name, often, ...) say_of("step", #name, often, {__VA_ARGS__}, "" #__VA_ARGS__);
#define BLOCK(name, often, limit) say_of("block", #name, often, {limit}, #name);
#include "victims/steps/list.def"
}

}  // namespace

int main(int argc, char* argv[]) {
  if (argc < 3) return list(), 0;
  begin(std::atoi(argv[1]), std::atoi(argv[2]));
  play_all({argv + 3, argv + argc});
}
