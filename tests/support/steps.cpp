#include "support/steps.h"

#include <algorithm>

std::vector<StepKind> step_kinds(const std::string& listed) {
  std::vector<StepKind> kinds;
  for (const auto& line : lines_of(listed)) {
    std::istringstream words(line);
    StepKind kind;
    std::string what, name;
    words >> kind.often >> what >> kind.name;
    kind.is_block = what == "block";
    for (int limit; words >> name >> limit;) kind.limits.emplace_back(name, limit);
    kinds.push_back(kind);
  }
  return kinds;
}

StepsMaker::StepsMaker(std::vector<StepKind> kinds, unsigned seed) : kinds_(std::move(kinds)), engine_(seed) {
  constexpr int kFactors[] = {0, 1, 1, 3};
  for (auto& kind : kinds_)
    if (kind.name != "puts_by") kind.often *= kFactors[below(4)];
}

// Most writes are of one byte.
int StepsMaker::one_of(const std::string& name, int limit) {
  if (name == "kShapes") return below(2) == 0 ? 0 : below(limit);
  auto& values = values_[name];
  while (values.size() < static_cast<size_t>(std::max(2, limit / 3))) values.push_back(below(limit));
  return values[static_cast<size_t>(below(static_cast<int>(values.size())))];
}

Step StepsMaker::step(int depth) {
  const auto often = [&](const StepKind& kind) { return kind.is_block && depth > 2 ? 0 : kind.often; };
  int all = 0;
  for (const auto& kind : kinds_) all += often(kind);
  int chosen = below(all);
  for (const auto& kind : kinds_) {
    if ((chosen -= often(kind)) >= 0) continue;
    Step step{kind.name, {}, kind.is_block};
    for (const auto& [name, limit] : kind.limits) step.arguments.push_back(one_of(name, limit));
    if (kind.is_block) step.held = several(6, depth + 1);
    return step;
  }
  return {};
}

Steps StepsMaker::several(int most, int depth) {
  Steps steps;
  for (int left = 1 + below(most); left > 0; --left) steps.push_back(step(depth));
  return steps;
}

// It begins with its fds, and most of their peers have left.
Steps StepsMaker::program() {
  Steps steps;
  one_of("kFds", 12);
  for (const int fd : values_["kFds"]) {
    steps.push_back({"opens", {fd, below(2) == 0 ? below(3) : below(13)}});
    if (below(3) != 0) steps.push_back({"leaves", {fd}});
  }
  for (auto& step : several(30, 0)) steps.push_back(step);
  return steps;
}

Strings words_of(const Steps& steps) {
  Strings words;
  for (const auto& step : steps) {
    words.push_back(step.name);
    for (const int argument : step.arguments) words.push_back(std::to_string(argument));
    if (!step.is_block) continue;
    words.push_back(std::to_string(step.held.size()));
    words = joined(words, words_of(step.held));
  }
  return words;
}

namespace {

// Another program is told its steps in words.
bool executes(const Step& step) { return step.name == "in_exec" || step.name == "in_unseen_filter"; }

std::string lines_for(const Steps& steps, const std::string& indent) {
  std::string text;
  for (const auto& step : steps) {
    text += indent + (step.is_block ? "play_block" : "play") + "(\"" + step.name + "\", " + step.name;
    for (const int argument : step.arguments) text += ", " + std::to_string(argument);
    if (step.is_block) {
      text += ", {[] {\n" + lines_for(step.held, indent + "  ") + indent + "}, {";
      if (executes(step))
        for (const auto& word : words_of(step.held)) text += "\"" + word + "\", ";
      text += "}}";
    }
    text += ");\n";
  }
  return text;
}

// Every program that has one thing less.
void each_smaller(const Steps& steps, const std::function<void(const Steps&)>& look) {
  for (size_t i = steps.size(); i-- > 0;) {
    Steps without = steps;
    without.erase(without.begin() + static_cast<long>(i));
    look(without);
    if (!steps[i].is_block) continue;
    Steps flat = without;
    flat.insert(flat.begin() + static_cast<long>(i), steps[i].held.begin(), steps[i].held.end());
    look(flat);
    each_smaller(steps[i].held, [&](const Steps& held) {
      Steps inside = steps;
      inside[i].held = held;
      look(inside);
    });
  }
  for (size_t i = 0; i < steps.size(); ++i)
    for (size_t j = 0; j < steps[i].arguments.size(); ++j) {
      if (steps[i].arguments[j] == 0) continue;
      Steps simple = steps;
      simple[i].arguments[j] = 0;
      look(simple);
    }
}

}  // namespace

std::string source_of(const Steps& steps, int contract) {
  return "// c++ -std=c++20 -iquote tests -pthread THIS.cpp -lutil\n#include \"victims/steps/steps.h\"\n"
         "using namespace steps;\n\nint main() {\n  begin(" +
         std::to_string(contract) + ", 0);\n  interpreter = \"build/tests/victims/steps_victim\";\n" +
         lines_for(steps, "  ") + "}\n";
}

// Halves of the program first: most of it has nothing to do with it.
Steps shrunk(Steps steps, const std::function<bool(const Steps&)>& fails) {
  for (size_t piece = steps.size() / 2; piece > 1; piece /= 2)
    for (size_t begin = 0; begin + piece <= steps.size();) {
      Steps without = steps;
      without.erase(without.begin() + static_cast<long>(begin), without.begin() + static_cast<long>(begin + piece));
      if (fails(without))
        steps = without;
      else
        begin += piece;
    }
  for (bool goes_on = true; goes_on;) {
    goes_on = false;
    Steps found;
    each_smaller(steps, [&](const Steps& smaller) {
      if (goes_on || !fails(smaller)) return;
      goes_on = true;
      found = smaller;
    });
    if (goes_on) steps = found;
  }
  return steps;
}
