// Headless Chromium with one page, driven by its own protocol (--remote-debugging-pipe): what it is asked, and what it
// has complained of.
#pragma once

#include <string>

#include "support/directory.h"
#include "support/process.h"

class Chromium {
 public:
  Chromium();
  Chromium(const Chromium&) = delete;
  Chromium& operator=(const Chromium&) = delete;
  ~Chromium();

  // Forgets what was before, and waits until the page is loaded and has been painted.
  void open(const std::string& file);
  // The value of an expression in the page, or of its promise, as text. What it throws is thrown.
  std::string ask(const std::string& expression);
  // As a hand does it: the first element that matches is scrolled to and clicked; a key of this name is pressed.
  void click(const std::string& selector);
  void press(const std::string& key);
  void show(unsigned width, bool dark);
  void save_screenshot(const std::string& file);

  // Of this page: errors, exceptions, what the policy has refused, what was written to the console.
  const Strings& complaints() const { return complaints_; }
  // What was asked of the network, the page itself first.
  const Strings& requests() const { return requests_; }

 private:
  std::string call(const std::string& method, const std::string& parameters = "");
  std::string message();
  void note(const std::string& event);

  Directory profile_;
  int to_[2], from_[2];
  Process process_;
  unsigned number_ = 0;
  std::string session_, read_;
  Strings complaints_, requests_;
  bool loaded_ = false;
};
