// All schedules of a few logical threads: which of them goes next is asked before each step that another can see. By
// depth first search with sleep sets (Godefroid, "Partial-Order Methods"), which leaves out what differs only in the
// order of steps that do not depend on each other, and nothing else. What is explored is sequentially consistent.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace schedules {

// The thread that runs is about to read or write this object; nullptr is each. Nothing where no thread runs.
void before(const void* object, bool writes, const char* what);

// The same, where it goes on only once no other thread can: it sleeps until they have done what it waits for.
void sleep();

// These bytes are about to change: they are put back before the next schedule. Also outside of a thread.
void keep(void* object, std::size_t size);

// What has changed until here stays.
void keep_all();

// Which thread runs, from 0 on; -1: none.
int running();

// The whole process is over.
[[noreturn]] void end();

// What ought never to be. The schedule is shown, and no other is tried.
void wrong(const std::string& what);
inline void must(bool holds, const std::string& what) {
  if (!holds) wrong(what);
}

struct Scenario {
  std::string name;
  std::function<void()> begin;  // before each schedule
  std::vector<std::function<void()>> threads;
  std::function<void()> check;  // after each
};

// False if something was wrong. Prints how many schedules there were.
bool hold(const Scenario& scenario);

// How many there were, the last time.
unsigned long number();

}  // namespace schedules
