// A point in time as the log writes it: RFC 3339, UTC, microseconds.
#pragma once

#include <time.h>

#include "system/text.h"

namespace timestamp {

// Appends 27 characters. Days to a date: years are counted from March, so that the leap day is the last of its year.
inline void add(text::Line& line, const timespec& time) {
  const auto seconds = static_cast<std::uint64_t>(time.tv_sec);
  const std::uint64_t days = seconds / 86400 + 719468;  // since 1 March of the year 0
  const std::uint64_t era = days / 146097;
  const std::uint64_t day_of_era = days % 146097;
  const std::uint64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::uint64_t month = (5 * day_of_year + 2) / 153;  // from March
  const std::uint64_t day = day_of_year - (153 * month + 2) / 5 + 1;
  line.padded(era * 400 + year_of_era + (month < 10 ? 0 : 1), 4) << "-";
  line.padded(month < 10 ? month + 3 : month - 9, 2) << "-";
  line.padded(day, 2) << "T";
  line.padded(seconds / 3600 % 24, 2) << ":";
  line.padded(seconds / 60 % 60, 2) << ":";
  line.padded(seconds % 60, 2) << ".";
  line.padded(static_cast<std::uint64_t>(time.tv_nsec) / 1000, 6) << "Z";
}

}  // namespace timestamp
