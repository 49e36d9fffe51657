#include "support/chromium.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace {

// A text of ASCII.
std::string json_text(const std::string& text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') json += '\\';
    if (c == '\n')
      json += "\\n";
    else
      json += c;
  }
  return json + "\"";
}

// The first member of this name that is a text without escapes; empty where there is none.
std::string member(const std::string& json, const std::string& name) {
  const auto begin = json.find("\"" + name + "\":\"");
  if (begin == std::string::npos) return "";
  const auto from = begin + name.size() + 4;
  return json.substr(from, json.find('"', from) - from);
}

std::string percent_decoded(const std::string& text) {
  std::string decoded;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%') {
      decoded += static_cast<char>(std::stoi(text.substr(at + 1, 2), nullptr, 16));
      at += 2;
    } else {
      decoded += text[at];
    }
  }
  return decoded;
}

// Its end of both pipes becomes descriptors 3 and 4. No name is found, so that nothing leaves this machine.
Strings command(const std::string& profile) {
  return {"sh", "-c",
          "exec chromium --headless --no-sandbox --remote-debugging-pipe --user-data-dir=\"$0\" --no-first-run "
          "--disable-gpu --disable-dev-shm-usage --disable-background-networking --disable-component-update "
          "--disable-breakpad --disable-sync --host-resolver-rules='MAP * ~NOTFOUND' 3<&0 4>&1 </dev/null >/dev/null",
          profile};
}

Start between(int in, int out) {
  Start start;
  start.in = in;
  start.out = out;
  return start;
}

const int* made(int ends[2]) {
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  return ends;
}

const char kPainted[] = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))";

}  // namespace

Chromium::Chromium() : process_(command(profile_.path()), between(made(to_)[0], made(from_)[1])) {
  close(to_[0]);
  close(from_[1]);
  const auto target = member(call("Target.createTarget", R"("url":"about:blank")"), "targetId");
  session_ =
      member(call("Target.attachToTarget", "\"targetId\":" + json_text(target) + ",\"flatten\":true"), "sessionId");
  for (const std::string part : {"Page", "Runtime", "Log", "Network"}) call(part + ".enable");
}

Chromium::~Chromium() {
  try {
    session_.clear();
    call("Browser.close");
    process_.wait(std::chrono::seconds(10));
  } catch (const std::runtime_error&) {  // it has ended already; ~Process() kills what is left
  }
  close(to_[1]);
  close(from_[0]);
}

void Chromium::open(const std::string& file) {
  complaints_.clear();
  requests_.clear();
  loaded_ = false;
  call("Page.navigate", "\"url\":" + json_text("file://" + file));
  while (!loaded_) note(message());
  ask(kPainted);
}

std::string Chromium::ask(const std::string& expression) {
  const auto text = "(async () => encodeURIComponent(String(await (" + expression + "))))()";
  const auto answer =
      call("Runtime.evaluate", "\"expression\":" + json_text(text) + ",\"returnByValue\":true,\"awaitPromise\":true");
  if (has(answer, "\"exceptionDetails\":")) throw std::runtime_error(expression + ": " + answer);
  return percent_decoded(member(answer, "value"));
}

void Chromium::click(const std::string& selector) {
  const auto box = "(() => { const node = document.querySelector(" + json_text(selector) +
                   "); node.scrollIntoView({block: 'center'}); return node.getBoundingClientRect(); })()";
  const auto x = ask("(box => box.x + box.width / 2)(" + box + ")");
  const auto y = ask("(box => box.y + box.height / 2)(" + box + ")");
  for (const std::string type : {"mousePressed", "mouseReleased"})
    call("Input.dispatchMouseEvent",
         "\"type\":" + json_text(type) + ",\"x\":" + x + ",\"y\":" + y + R"(,"button":"left","clickCount":1)");
  ask(kPainted);
}

void Chromium::press(const std::string& key) {
  const std::vector<std::pair<std::string, int>> codes{{"Tab", 9},        {"Enter", 13},   {"Escape", 27},
                                                       {"ArrowLeft", 37}, {"ArrowUp", 38}, {"ArrowRight", 39},
                                                       {"ArrowDown", 40}};
  for (const auto& [name, code] : codes) {
    if (name != key) continue;
    const auto what = "\"key\":" + json_text(key) + ",\"code\":" + json_text(key) +
                      ",\"windowsVirtualKeyCode\":" + std::to_string(code);
    call("Input.dispatchKeyEvent", R"("type":"keyDown",)" + what + (key == "Enter" ? R"(,"text":"\r")" : ""));
    call("Input.dispatchKeyEvent", R"("type":"keyUp",)" + what);
    ask(kPainted);
    return;
  }
  throw std::runtime_error("no such key: " + key);
}

void Chromium::show(unsigned width, bool dark) {
  call("Emulation.setDeviceMetricsOverride", "\"width\":" + std::to_string(width) +
                                                 R"(,"height":900,"deviceScaleFactor":1,"mobile":)" +
                                                 (width < 600 ? "true" : "false"));
  call("Emulation.setEmulatedMedia",
       R"("features":[{"name":"prefers-color-scheme","value":)" + json_text(dark ? "dark" : "light") + "}]");
}

void Chromium::save_screenshot(const std::string& file) {
  std::ofstream(file + ".base64") << member(call("Page.captureScreenshot", R"("captureBeyondViewport":true)"), "data");
  output_of({"sh", "-c", "base64 -d \"$0.base64\" >\"$0\" && rm \"$0.base64\"", file});
}

std::string Chromium::call(const std::string& method, const std::string& parameters) {
  const auto id = "{\"id\":" + std::to_string(++number_) + ",";
  auto text = id + "\"method\":" + json_text(method) + ",\"params\":{" + parameters + "}";
  if (!session_.empty()) text += ",\"sessionId\":" + json_text(session_);
  text += "}";
  const auto size = text.size() + 1;  // with the NUL that ends it
  if (write(to_[1], text.c_str(), size) != static_cast<ssize_t>(size)) throw std::runtime_error("chromium is gone");
  for (;;) {
    const auto answer = message();
    if (answer.starts_with("{\"error\"") || has(answer.substr(0, 40), "\"error\":"))
      throw std::runtime_error(method + ": " + answer);
    if (answer.starts_with(id)) return answer;
    note(answer);
  }
}

std::string Chromium::message() {
  for (;;) {
    if (const auto end = read_.find('\0'); end != std::string::npos) {
      const auto text = read_.substr(0, end);
      read_.erase(0, end + 1);
      return text;
    }
    pollfd readable{from_[0], POLLIN, 0};
    char buffer[65536];
    const ssize_t size = poll(&readable, 1, 60'000) == 1 ? read(from_[0], buffer, sizeof buffer) : 0;
    if (size <= 0) throw std::runtime_error("chromium says nothing more: " + process_.wait({}).err);
    read_.append(buffer, static_cast<size_t>(size));
  }
}

void Chromium::note(const std::string& event) {
  const auto method = member(event, "method");
  if (method == "Page.loadEventFired") loaded_ = true;
  if (method == "Network.requestWillBeSent") requests_.push_back(member(event, "url"));
  if (method == "Runtime.exceptionThrown" || method == "Runtime.consoleAPICalled" || method == "Log.entryAdded" ||
      method == "Page.javascriptDialogOpening")
    complaints_.push_back(event);
}
