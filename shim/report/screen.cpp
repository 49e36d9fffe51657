#include "report/screen.h"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <clocale>
#include <cstdlib>
#include <cstring>

#include "tools/display.h"

namespace report {
namespace {

constexpr const char* kAcross[] = {"", "\u258f", "\u258e", "\u258d", "\u258c", "\u258b", "\u258a", "\u2589", "\u2588"};
constexpr const char* kUp[] = {" ", "\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588"};
constexpr const char* kUpPlain[] = {" ", ".", ":", "-", "=", "+", "*", "#", "@"};

std::size_t terminal_width(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return std::max<std::size_t>(size.ws_col, 40);
}

bool set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

// How much of the width the part is, in eighths of a column; at least one where there is a part.
std::size_t eighths(std::uint64_t part, std::uint64_t whole, std::size_t width) {
  if (part == 0 || whole == 0) return 0;
  const double of = static_cast<double>(part) / static_cast<double>(whole) * static_cast<double>(width * 8);
  return std::clamp<std::size_t>(static_cast<std::size_t>(of), 1, width * 8);
}

}  // namespace

Screen screen_for(const Options& options, int fd) {
  std::setlocale(LC_CTYPE, "");
  const bool terminal = isatty(fd) == 1;
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::strcmp(term, "dumb") == 0;
  Screen screen;
  screen.width = options.width ? *options.width : terminal ? terminal_width(fd) : 0;
  screen.color =
      options.color == When::always || (options.color == When::automatic && terminal && !dumb && !set("NO_COLOR"));
  screen.blocks = std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
  return screen;
}

std::string bar(std::uint64_t part, std::uint64_t whole, std::size_t width, const Screen& screen) {
  const std::size_t length = eighths(part, whole, width);
  if (!screen.blocks) {
    const std::size_t cells = (length + 7) / 8;
    return std::string(cells, '#') + std::string(width - cells, ' ');
  }
  std::string text;
  for (std::size_t i = 0; i < length / 8; ++i) text += kAcross[8];
  text += kAcross[length % 8];
  return text + std::string(width - (length + 7) / 8, ' ');
}

std::string draw_timeline(const Timeline& timeline, const Screen& screen) {
  const std::size_t width = std::min<std::size_t>(screen.width == 0 ? 80 : screen.width, 160) - 2;
  const auto& bins = timeline.bins();
  const auto from = bins.begin()->first;
  const auto time = std::chrono::floor<std::chrono::seconds>(bins.rbegin()->first - from) + timeline.width();
  const auto number = std::min(width, static_cast<std::size_t>(time / timeline.width()));
  const auto columns = timeline.columns(number);
  const auto most = std::ranges::max(columns);
  std::string text = "  ";
  for (const auto count : columns) text += (screen.blocks ? kUp : kUpPlain)[eighths(count, most, 1)];
  text += "\n  " + for_people(from) + ", " + tools::duration(time) + ", at most " + tools::grouped(most) + " in " +
          tools::duration(std::max(std::chrono::seconds(1), time / static_cast<std::int64_t>(number))) + "\n";
  return text;
}

}  // namespace report
