// /etc/nosigpipe.conf: what the machine's administrator has set for all its programs. Lines NOSIGPIPE_NAME=value, as in
// the environment and in systemd's EnvironmentFile=.
#pragma once

#include <cstddef>
#include <string_view>

namespace machine_file {

constexpr const char* kPath = "/etc/nosigpipe.conf";
constexpr std::size_t kMost = 4096;

// Its text; empty where there is none that is valid: a regular file of at most kMost bytes, which belongs to root and
// which nobody else may write to, asked of the descriptor that it is read from. One system call where there is none,
// errno is left alone. Nothing is said of one that is not valid: it would be a line in every command of the machine.
std::string_view read(char (&room)[kMost]);

// What its last line for this variable says, without the quotation marks around it; nullptr where none does.
std::string_view value(std::string_view text, std::string_view variable);

}  // namespace machine_file
