#include "report/timestamp.h"

#include <charconv>
#include <chrono>
#include <cstdio>

namespace report {
namespace {

using namespace std::chrono;

// A number of exactly this many digits.
std::optional<int> take_digits(std::string_view& text, std::size_t width) {
  if (text.size() < width) return {};
  int number = 0;
  for (const char c : text.substr(0, width)) {
    if (c < '0' || c > '9') return {};
    number = number * 10 + (c - '0');
  }
  text.remove_prefix(width);
  return number;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<Moment> take_date(std::string_view& text) {
  const auto y = take_digits(text, 4);
  if (!y || !take(text, '-')) return {};
  const auto m = take_digits(text, 2);
  if (!m || !take(text, '-')) return {};
  const auto d = take_digits(text, 2);
  if (!d) return {};
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*m)}, day{static_cast<unsigned>(*d)}};
  if (!date.ok()) return {};
  return sys_days{date}.time_since_epoch().count() * Moment{86400} * kSecond;
}

Moment take_fraction(std::string_view& text) {
  Moment fraction = 0;
  Moment unit = kSecond / 10;
  for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1), unit /= 10)
    fraction += (text[0] - '0') * unit;
  return fraction;
}

// "Z", "+01:00", or nothing.
std::optional<Moment> take_zone(std::string_view& text) {
  if (take(text, 'Z') || take(text, 'z')) return 0;
  if (!text.starts_with('+') && !text.starts_with('-')) return 0;
  const Moment sign = text[0] == '+' ? 1 : -1;
  text.remove_prefix(1);
  const auto hours = take_digits(text, 2);
  if (!hours || *hours > 23) return {};
  take(text, ':');
  const auto minutes = take_digits(text, 2);
  if (!minutes || *minutes > 59) return {};
  return sign * (*hours * 60 + *minutes) * 60 * kSecond;
}

std::optional<Moment> take_time_of_day(std::string_view& text) {
  const auto hour = take_digits(text, 2);
  if (!hour || *hour > 23 || !take(text, ':')) return {};
  const auto minute = take_digits(text, 2);
  if (!minute || *minute > 59) return {};
  Moment time = (*hour * 60 + *minute) * 60 * kSecond;
  if (take(text, ':')) {
    const auto second = take_digits(text, 2);
    if (!second || *second > 60) return {};  // 60 is a leap second
    time += *second * kSecond;
    if (take(text, '.')) time += take_fraction(text);
  }
  const auto zone = take_zone(text);
  if (!zone) return {};
  return time - *zone;
}

std::optional<Moment> age(std::string_view text) {
  if (text.ends_with(" ago")) text.remove_suffix(4);
  Moment number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0 || number > 1'000'000'000 || end + 1 != text.data() + text.size()) return {};
  switch (*end) {
    case 's':
      return number * kSecond;
    case 'm':
      return number * 60 * kSecond;
    case 'h':
      return number * 3600 * kSecond;
    case 'd':
      return number > 1'000'000 ? std::optional<Moment>{} : number * 86400 * kSecond;
    default:
      return {};
  }
}

std::string written(Moment moment, const char* between) {
  const auto time = sys_time<microseconds>{microseconds{moment}};
  const auto midnight = floor<days>(time);
  const year_month_day date{midnight};
  const hh_mm_ss clock{floor<seconds>(time - midnight)};
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u%s%02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), between,
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

}  // namespace

std::optional<Moment> take_moment(std::string_view& text, bool date_alone) {
  auto rest = text;
  const auto date = take_date(rest);
  if (!date) return {};
  Moment time = 0;
  if (take(rest, 'T') || take(rest, 't') || (!rest.empty() && take(rest, ' '))) {
    const auto clock = take_time_of_day(rest);
    if (!clock) return {};
    time = *clock;
  } else if (!date_alone) {
    return {};
  }
  text = rest;
  return *date + time;
}

std::optional<Moment> asked_moment(std::string_view text, Moment now) {
  if (const auto before = age(text)) return now - *before;
  const auto moment = take_moment(text, true);
  return text.empty() ? moment : std::nullopt;
}

Moment now() { return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count(); }

std::string for_people(Moment moment) { return written(moment, " "); }

std::string for_programs(Moment moment) {
  char fraction[16];
  std::snprintf(fraction, sizeof fraction, ".%06dZ", static_cast<int>(((moment % kSecond) + kSecond) % kSecond));
  return written(moment, "T") + fraction;
}

}  // namespace report
