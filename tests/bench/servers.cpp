// Whole servers under load: how much they answer, and how late, bare, under the shim and under strace. With "leaving" a
// third of the connections are of clients that leave in the middle.
#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <functional>
#include <map>
#include <thread>

#include "../cost.h"
#include "sections.h"
#include "variants.h"

namespace {

using Words = std::vector<std::string>;

struct Result {
  double per_second = 0;
  double latency = 0;  // the 99th percentile, in microseconds
};

// One second of load; the server has it alone.
struct Workload {
  std::string name;
  std::function<Words(int port, const Directory&)> server;
  std::function<Result(int port)> load;
  bool kills = false;  // a bare server would not live
};

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0) throw std::runtime_error("bind");
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

bool answers(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return connected;
}

// Server and clients have a processor each, where there are two.
Words on_processor(int number, const Words& argv) {
  if (std::thread::hardware_concurrency() < 2) return argv;
  Words all{"taskset", "-c", std::to_string(number)};
  all.insert(all.end(), argv.begin(), argv.end());
  return all;
}

double only_number(const std::string& text, const std::string& expression) {
  const auto found = cost::matches(text, expression);
  if (found.empty()) throw std::runtime_error("no figure in: " + text);
  return std::stod(found[0]);
}

std::string url_of(int port, const std::string& path) { return "http://127.0.0.1:" + std::to_string(port) + path; }

Result wrk(int port, const std::string& path) {
  const auto said = cost::output_of(on_processor(1, {"wrk", "-t1", "-c32", "-d1s", "--latency", url_of(port, path)}));
  const double latency = only_number(said, " 99% +([0-9.]+)");
  const auto unit = cost::matches(said, " 99% +[0-9.]+(us|ms|s)");
  const std::map<std::string, double> microseconds{{"us", 1}, {"ms", 1e3}, {"s", 1e6}};
  return {only_number(said, "Requests/sec: +([0-9.]+)"), latency * microseconds.at(unit.at(0))};
}

Result wrk_among_leavers(int port, const std::string& path) {
  const Process leavers(on_processor(1, {built("demo/clients"), "--at-once", "16", "--abort", "100", "--no-expect",
                                         "--requests", "100000000", "127.0.0.1:" + std::to_string(port), path}));
  return wrk(port, path);
}

Result redis_benchmark(int port, const std::string& test, const std::string& bytes, const std::string& requests) {
  const auto said = cost::output_of(on_processor(1, {"redis-benchmark", "-p", std::to_string(port), "-P", "16", "-c",
                                                     "32", "-t", test, "-d", bytes, "-n", requests, "--csv"}));
  // "test","rps","avg","min","p50","p95","p99","max", latencies in milliseconds; the heading has no digits there.
  const std::string skipped = "\"[0-9.]+\",";
  return {only_number(said, "\"[A-Z]+\",\"([0-9.]+)\""),
          only_number(said, "\"[A-Z]+\"," + skipped + skipped + skipped + skipped + skipped + "\"([0-9.]+)\"") * 1000};
}

void write_bodies(const Directory& directory) {
  std::filesystem::create_directory(directory / "files");
  std::ofstream(directory / "files/small") << std::string(1 << 10, 's');
  std::ofstream(directory / "files/large") << std::string(1 << 18, 'l');
}

Words nginx(int port, const Directory& directory) {
  std::ofstream config(directory / "nginx.conf");
  config << "user root;\ndaemon off;\nworker_processes 1;\npid nginx.pid;\nerror_log stderr crit;\nevents {}\nhttp {\n"
         << "access_log off;\nsendfile on;\nkeepalive_requests 1000000000;\nserver {\nlisten 127.0.0.1:" << port
         << ";\nroot files;\n}\n";
  for (const auto* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    config << kind << "_temp_path " << kind << ";\n";
  config << "}\n";
  return {"/usr/sbin/nginx", "-p", directory.path(), "-c", "nginx.conf", "-e", "stderr"};
}

Words lighttpd(int port, const Directory& directory) {
  std::ofstream(directory / "lighttpd.conf")
      << "server.document-root = \"" << directory / "files"
      << "\"\nserver.bind = \"127.0.0.1\"\nserver.port = " << port
      << "\nserver.network-backend = \"writev\"\nserver.max-keep-alive-requests = 0\n";
  return {"/usr/sbin/lighttpd", "-D", "-f", directory / "lighttpd.conf"};
}

Words redis(int port, const Directory&) {
  return {"redis-server", "--port", std::to_string(port), "--save", "", "--appendonly", "no"};
}

Words demo_server(int port, const Directory& directory) {
  return {built("demo/server"), std::to_string(port), directory / "files"};
}

std::function<Result(int)> by_wrk(const std::string& path) {
  return [=](int port) { return wrk(port, path); };
}

std::function<Result(int)> among_leavers(const std::string& path) {
  return [=](int port) { return wrk_among_leavers(port, path); };
}

std::function<Result(int)> by_redis(const std::string& test, const std::string& bytes, const std::string& requests) {
  return [=](int port) { return redis_benchmark(port, test, bytes, requests); };
}

const std::vector<Workload>& workloads() {
  static const std::vector<Workload> all{
      {"nginx, 1 KiB", nginx, by_wrk("/small")},
      {"nginx, 256 KiB", nginx, by_wrk("/large")},
      {"nginx, 256 KiB, leaving", nginx, among_leavers("/large")},
      {"lighttpd, 1 KiB", lighttpd, by_wrk("/small")},
      {"lighttpd, 256 KiB", lighttpd, by_wrk("/large")},
      {"lighttpd, 256 KiB, leaving", lighttpd, among_leavers("/large")},
      {"redis, get 3 B, pipelined", redis, by_redis("get", "3", "500000")},
      {"redis, set 16 KiB, pipelined", redis, by_redis("set", "16384", "60000")},
      {"demo server, write 1 KiB", demo_server, by_wrk("/write/small")},
      {"demo server, sendfile 256 KiB", demo_server, by_wrk("/sendfile/large")},
      {"demo server, write 256 KiB, leaving", demo_server, among_leavers("/write/large"), true},
  };
  return all;
}

Result one_run(const Workload& workload, const Variant& variant) {
  const Directory directory;
  write_bodies(directory);
  const int port = free_port();
  Start start = variant.start;
  start.directory = directory.path();
  Process server(variant.wrapped(on_processor(0, workload.server(port, directory))), start);
  if (!eventually([&] { return answers(port) || !server.running(); }) || !server.running())
    throw std::runtime_error(workload.name + " does not answer: " + server.wait().err);
  const Result result = workload.load(port);
  if (!server.running()) throw std::runtime_error(workload.name + " has ended: " + server.wait().text());
  return result;
}

// What one would look for SIGPIPEs with.
Variant strace() {
  return {"strace", {"strace", "-f", "-o", "/dev/null", "-e", "trace=none", "--seccomp-bpf", "-e", "signal=PIPE"}, {}};
}

void add(Figures& figures, const std::string& row, const std::string& column, const std::vector<Result>& results,
         const std::vector<Result>& base) {
  const auto put = [&](const std::string& table, const std::string& unit, double Result::*field, bool at_least,
                       double bound) {
    std::vector<double> values;
    std::vector<double> bases;
    for (const auto& result : results) values.push_back(result.*field);
    for (const auto& result : base) bases.push_back(result.*field);
    Figure figure{table, row, column, unit, spread_of(values), {}, {}};
    if (&results != &base) figure.ratio = ratios(values, bases);
    if (column == "shim") figure.limit = Limit{table + ", " + row + ": shim / bare", *figure.ratio, bound, at_least};
    figures.push_back(figure);
  };
  put("Requests a second", "1/s", &Result::per_second, true, 0.99);
  put("99th percentile of latency", "us", &Result::latency, false, 1.05);
}

}  // namespace

void measure_servers(Figures& figures, double seconds) {
  // A run is its second and what it takes to start a server. strace is so far off that every third
  // turn of a long run will do.
  const auto count = static_cast<double>(workloads().size());
  const int turns = std::max(3, static_cast<int>(seconds / (count * 2.34 * 1.2)));
  for (const auto& workload : workloads()) {
    const Variant first = workload.kills ? ignored() : bare();
    std::vector<Result> base;
    std::vector<Result> with;
    std::vector<Result> traced;
    std::vector<Result> base_of_traced;
    for (int turn = 0; turn < turns; ++turn) {
      const bool shim_first = turn % 2 == 1;
      if (shim_first) with.push_back(one_run(workload, shim()));
      base.push_back(one_run(workload, first));
      if (!shim_first) with.push_back(one_run(workload, shim()));
      if (turn % 3 != 0 || workload.kills || turns < 4) continue;
      traced.push_back(one_run(workload, strace()));
      base_of_traced.push_back(base.back());
    }
    add(figures, workload.name, first.name, base, base);
    add(figures, workload.name, "shim", with, base);
    if (!traced.empty()) add(figures, workload.name, "strace", traced, base_of_traced);
  }
}
