// Points in time: read from logs and from the command line, written for people and for programs. All are UTC.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace report {

// Since 1970, as the log has it. A log can name the years 0 to 9999.
using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;

// Reads "2026-11-22T18:10:39.540662Z" from the front of the text and takes it off. Seconds, their fraction and the zone
// may be missing, the T may be a space, and with `date_alone` so may the whole time of day. Where the text begins
// with anything else, or with a day that is not in the calendar, nothing comes back and the text stays as it is.
std::optional<Timestamp> take_timestamp(std::string_view& text, bool date_alone = false);

// What --since and --until accept: the above, or an age such as "90s", "15m", "2h", "3d ago". Nothing for other words.
std::optional<Timestamp> parse_timestamp_or_age(std::string_view text, Timestamp now);

std::string for_people(Timestamp time);    // 2026-11-22 18:10:39
std::string for_programs(Timestamp time);  // 2026-11-22T18:10:39.540662Z

}  // namespace report
