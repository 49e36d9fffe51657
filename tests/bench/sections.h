// The parts of the bench. Each measures in turns, for about the seconds it is given, and adds its figures.
#pragma once

#include "bench/figures.h"

void measure_calls(Figures& figures, double seconds);    // live sockets, files and pipes; one EPIPE
void measure_exact(Figures& figures);                    // system calls, instructions, size, memory
void measure_servers(Figures& figures, double seconds);  // whole servers under load
void measure_start(Figures& figures, double seconds);    // from execve to exit
void measure_ends(Figures& figures, double seconds);     // _exit, of a child of fork and of vfork
void measure_stops(Figures& figures, double seconds);    // by nosigpipe-attach
void measure_growth(Figures& figures, double seconds);   // many sockets, threads, high fds

// Writes report.md, report.json and the plot into a directory.
void write_report(const Figures& figures, const std::string& directory, const std::string& command);
