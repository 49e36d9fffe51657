// Points in time: read from logs and from the command line, written for people and for programs. All are UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace report {

using Moment = std::int64_t;  // microseconds since 1970

constexpr Moment kSecond = 1'000'000;

// Reads "2026-11-22T18:10:39.540662Z" from the front of the text and takes it off. Seconds, their fraction and the zone
// may be missing, the T may be a space, and with `date_alone` so may the whole time of day.
std::optional<Moment> take_moment(std::string_view& text, bool date_alone = false);

// What --since and --until accept: the above, or an age such as "90s", "15m", "2h", "3d ago".
std::optional<Moment> asked_moment(std::string_view text, Moment now);

Moment now();
std::string for_people(Moment moment);    // 2026-11-22 18:10:39
std::string for_programs(Moment moment);  // 2026-11-22T18:10:39.540662Z

}  // namespace report
