// The report: every table as Markdown and as JSON, the limits first, and a plot.
#include <sys/utsname.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <map>
#include <sstream>

#include "bench/sections.h"
#include "support/cost.h"

namespace {

std::string number(double value) {
  char text[32];
  const double size = std::fabs(value);
  const int decimals = value == std::floor(value) || size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3;
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string ratio(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", value);
  return text;
}

Strings distinct(const Figures& figures, std::string Figure::*field, const std::string& table = "") {
  Strings list;
  for (const auto& figure : figures)
    if ((table.empty() || figure.table == table) && std::ranges::find(list, figure.*field) == list.end())
      list.push_back(figure.*field);
  return list;
}

const Figure* find(const Figures& figures, const std::string& table, const std::string& row,
                   const std::string& column) {
  for (const auto& figure : figures)
    if (figure.table == table && figure.row == row && figure.column == column) return &figure;
  return nullptr;
}

std::string cell(const Figure* figure) {
  if (figure == nullptr) return "";
  const auto unit = figure->unit.empty() ? "" : " " + figure->unit;
  if (!figure->ratio) return number(figure->value.middle) + unit;
  return ratio(figure->ratio->middle) + " (" + ratio(figure->ratio->low) + "–" + ratio(figure->ratio->high) + ")";
}

void write_limits(std::ostream& out, const Figures& figures) {
  out << "## Limits\n\n| what | measured | quartiles | wanted | |\n| --- | --- | --- | --- | --- |\n";
  for (const auto& figure : figures) {
    if (!figure.limit) continue;
    const Limit& limit = *figure.limit;
    out << "| " << limit.what << " | " << number(limit.measured.middle) << " | ";
    if (limit.exact)
      out << "exact";
    else
      out << number(limit.measured.low) << " – " << number(limit.measured.high);
    out << " | " << (limit.at_least ? ">= " : "<= ") << number(limit.bound) << " | "
        << (limit.holds() ? "" : "**missed**") << " |\n";
  }
  out << "\n";
}

void write_table(std::ostream& out, const Figures& figures, const std::string& table) {
  const auto columns = distinct(figures, &Figure::column, table);
  out << "## " << table << "\n\n|";
  for (const auto& column : columns) out << " | " << column;
  out << " |\n|";
  for (size_t i = 0; i <= columns.size(); ++i) out << " --- |";
  out << "\n";
  for (const auto& row : distinct(figures, &Figure::row, table)) {
    out << "| " << row << " |";
    for (const auto& column : columns) out << " " << cell(find(figures, table, row, column)) << " |";
    out << "\n";
  }
  out << "\n";
}

std::string machine() {
  utsname name{};
  uname(&name);
  const auto models = matches(contents("/proc/cpuinfo"), "model name\\s*: ([^\n]*)");
  std::ostringstream text;
  text << sysconf(_SC_NPROCESSORS_ONLN) << " x " << (models.empty() ? name.machine : models[0]) << ", Linux "
       << name.release << ", " << name.machine;
  return text.str();
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

std::string list_of(const Spread& spread) {
  std::ostringstream text;
  text << "[" << spread.low << ", " << spread.middle << ", " << spread.high << "]";
  return text.str();
}

void write_json(std::ostream& out, const Figures& figures, const std::string& command) {
  out.precision(10);
  out << "{\"command\": " << quoted(command) << ", \"machine\": " << quoted(machine()) << ",\n \"figures\": [";
  const char* separator = "\n";
  for (const auto& figure : figures) {
    out << separator << "  {\"table\": " << quoted(figure.table) << ", \"row\": " << quoted(figure.row)
        << ", \"column\": " << quoted(figure.column) << ", \"unit\": " << quoted(figure.unit)
        << ", \"value\": " << list_of(figure.value);
    if (figure.ratio) out << ", \"ratio\": " << list_of(*figure.ratio);
    if (figure.limit)
      out << ", \"limit\": {\"what\": " << quoted(figure.limit->what) << ", \"bound\": " << figure.limit->bound
          << ", \"at_least\": " << (figure.limit->at_least ? "true" : "false")
          << ", \"exact\": " << (figure.limit->exact ? "true" : "false")
          << ", \"holds\": " << (figure.limit->holds() ? "true" : "false") << "}";
    out << "}";
    separator = ",\n";
  }
  out << "\n ]}\n";
}

// The ratio to bare of each function at 64 bytes on TCP, and of each server.
void plot(const Figures& figures, const std::string& directory) {
  const Strings columns{"shim", "guard=mask", "textbook", "env(1)"};
  std::ofstream data(directory + "/plot.data");
  int rows = 0;
  for (const auto& row : distinct(figures, &Figure::row, "Live sockets")) {
    const auto end = row.find(" tcp 64 B");
    if (end == std::string::npos) continue;
    data << row.substr(0, end);
    for (const auto& column : columns) {
      const Figure* figure = find(figures, "Live sockets", row, column);
      if (figure == nullptr || !figure->ratio) return;
      data << " " << figure->ratio->middle << " " << figure->ratio->low << " " << figure->ratio->high;
    }
    data << "\n";
    ++rows;
  }
  data.close();
  if (rows == 0) return;
  std::ofstream script(directory + "/plot.gnuplot");
  script << "set terminal svg size 1000,420 font 'sans-serif,13' background 'white'\n"
         << "set output '" << directory << "/report.svg'\n"
         << "set title 'One call of 64 bytes on a live TCP connection: time, bare = 1 (median and quartiles)'\n"
         << "set style data histograms\nset style histogram errorbars gap 2 lw 1\nset style fill solid 0.8 noborder\n"
         << "set ylabel 'time / bare'\nset yrange [0.8:*]\nset grid ytics\nset key top left horizontal\nset arrow from "
            "graph 0, first 1 to "
            "graph 1, first 1 nohead lt -1\nplot ";
  for (size_t i = 0; i < columns.size(); ++i)
    script << (i > 0 ? ", '' " : "'" + directory + "/plot.data' ") << "using " << 2 + 3 * i << ":" << 3 + 3 * i << ":"
           << 4 + 3 * i << (i == 0 ? ":xtic(1)" : "") << " title '" << columns[i] << "'";
  script << "\n";
  script.close();
  output_of({"gnuplot", directory + "/plot.gnuplot"});
}

}  // namespace

void write_report(const Figures& figures, const std::string& directory, const std::string& command) {
  std::ofstream report(directory + "/report.md");
  report << "# What nosigpipe costs\n\nMade by `" << command << "` on " << machine()
         << ".\n\nA cell with a unit, or the first of its row, is the median of all turns. The others are ratios to "
            "it, taken "
            "turn by turn: median (quartiles). \"itself\" is the same once more: the error of the others.\n\n";
  write_limits(report, figures);
  for (const auto& table : distinct(figures, &Figure::table)) write_table(report, figures, table);
  std::ofstream json(directory + "/report.json");
  write_json(json, figures, command);
  plot(figures, directory);
}
