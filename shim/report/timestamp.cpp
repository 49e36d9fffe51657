#include "report/timestamp.h"

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <system_error>

#include "report/parse.h"

namespace report {
namespace {

using namespace std::chrono;

std::optional<sys_days> take_date(std::string_view& text) {
  const auto y = take_digits(text, 4);
  if (!y || !take(text, '-')) return {};
  const auto m = take_digits(text, 2);
  if (!m || !take(text, '-')) return {};
  const auto d = take_digits(text, 2);
  if (!d) return {};
  const year_month_day date{year{static_cast<int>(*y)}, month{*m}, day{*d}};
  if (!date.ok()) return {};
  return sys_days{date};
}

// Digits beyond the microsecond are dropped.
microseconds take_fraction(std::string_view& text) {
  microseconds fraction{0};
  microseconds unit{100'000};
  for (; !text.empty() && is_digit(text[0]); text.remove_prefix(1), unit /= 10) fraction += (text[0] - '0') * unit;
  return fraction;
}

// "Z", "+01:00", or nothing.
std::optional<minutes> take_zone(std::string_view& text) {
  if (take(text, 'Z') || take(text, 'z')) return minutes{0};
  const bool east = text.starts_with('+');
  if (!east && !text.starts_with('-')) return minutes{0};
  text.remove_prefix(1);
  const auto hour = take_digits(text, 2);
  if (!hour || *hour > 23) return {};
  take(text, ':');
  const auto minute = take_digits(text, 2);
  if (!minute || *minute > 59) return {};
  const minutes offset = hours{*hour} + minutes{*minute};
  return east ? offset : -offset;
}

std::optional<microseconds> take_time_of_day(std::string_view& text) {
  const auto hour = take_digits(text, 2);
  if (!hour || *hour > 23 || !take(text, ':')) return {};
  const auto minute = take_digits(text, 2);
  if (!minute || *minute > 59) return {};
  microseconds time = hours{*hour} + minutes{*minute};
  if (take(text, ':')) {
    const auto second = take_digits(text, 2);
    if (!second || *second > 60) return {};  // 60 is a leap second
    time += seconds{*second};
    if (take(text, '.')) time += take_fraction(text);
  }
  const auto zone = take_zone(text);
  if (!zone) return {};
  return time - *zone;
}

std::optional<seconds> parse_age(std::string_view text) {
  if (text.ends_with(" ago")) text.remove_suffix(4);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0 || number > 1'000'000'000 || end + 1 != text.data() + text.size()) return {};
  switch (*end) {
    case 's':
      return seconds{number};
    case 'm':
      return minutes{number};
    case 'h':
      return hours{number};
    case 'd':
      return number > 1'000'000 ? std::optional<seconds>{} : days{number};
    default:
      return {};
  }
}

std::string text_of(Timestamp time, const char* separator) {
  const auto midnight = floor<days>(time);
  const year_month_day date{midnight};
  const hh_mm_ss clock{floor<seconds>(time - midnight)};
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u%s%02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), separator,
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

}  // namespace

std::optional<Timestamp> take_timestamp(std::string_view& text, bool date_alone) {
  auto rest = text;
  const auto date = take_date(rest);
  if (!date) return {};
  microseconds time{0};
  if (take(rest, 'T') || take(rest, 't') || take(rest, ' ')) {
    const auto clock = take_time_of_day(rest);
    if (!clock) return {};
    time = *clock;
  } else if (!date_alone) {
    return {};
  }
  text = rest;
  return *date + time;
}

std::optional<Timestamp> parse_timestamp_or_age(std::string_view text, Timestamp now) {
  if (const auto age = parse_age(text)) return now - *age;
  const auto time = take_timestamp(text, true);
  return text.empty() ? time : std::nullopt;
}

std::string for_people(Timestamp time) { return text_of(time, " "); }

std::string for_programs(Timestamp time) {
  char fraction[16];
  std::snprintf(fraction, sizeof fraction, ".%06dZ", static_cast<int>((time - floor<seconds>(time)).count()));
  return text_of(time, "T") + fraction;
}

}  // namespace report
