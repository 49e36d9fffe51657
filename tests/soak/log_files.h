// The logs of one server: one file or one for each process, rotated while they are written, and what they add up to.
#pragma once

#include <map>
#include <string>

#include "support/strings.h"

enum class Rotation { none, by_rename, by_copy };

class LogFiles {
 public:
  LogFiles(const std::string& directory, Rotation rotation) : directory_(directory), rotation_(rotation) {}

  // As logrotate does it, without and with copytruncate: with it, what is written between the copy and the truncate is
  // lost. A file that was moved is read and removed with the next rotation, when nobody has it open any more.
  void rotate();
  long rotations() const { return rotations_; }

  // Reads what is left. To be called once, at the end.
  void read_all();

  // What the lines account for.
  long count() const { return count_; }
  // By what each call site is said to have had in all, in the last line that says so. Lines that are lost do not
  // matter.
  long by_totals() const;
  // SIGPIPEs that killed.
  long deadly() const { return deadly_; }

 private:
  void read(const std::string& file);
  void take(const std::string& line);
  Strings files() const;

  std::string directory_;
  Rotation rotation_;
  long rotations_ = 0;
  long count_ = 0;
  long deadly_ = 0;
  struct Site {
    long total = 0;    // as it was said last
    long counted = 0;  // by its lines
  };
  std::map<std::string, Site> sites_;
};
