// Whole servers under load: how much they answer, and how late, bare, under the shim and under strace. With "leaving" a
// third of the connections are of clients that leave in the middle.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>

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
  double requests = 0;
  double per_second = 0;
  double latency = 0;    // the 99th percentile, in microseconds
  double processor = 0;  // microseconds of the server's for a request
};

// One second of load; the server has it alone.
struct Workload {
  std::string name;
  std::function<Words(int port, const Directory&)> server;
  std::function<Result(int port)> load;
  bool kills = false;  // a bare server does not live: wrk, too, leaves in the middle at its end
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
  return {only_number(said, "([0-9]+) requests in"), only_number(said, "Requests/sec: +([0-9.]+)"),
          latency * microseconds.at(unit.at(0))};
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
  return {std::stod(requests), only_number(said, "\"[A-Z]+\",\"([0-9.]+)\""),
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
      {"demo server, write 1 KiB", demo_server, by_wrk("/write/small"), true},
      {"demo server, sendfile 256 KiB", demo_server, by_wrk("/sendfile/large"), true},
      {"demo server, write 256 KiB, leaving", demo_server, among_leavers("/write/large"), true},
  };
  return all;
}

// Of all programs that have ended and that somebody has waited for, in microseconds.
double processor_time() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

// What one would look for SIGPIPEs with.
Variant strace() {
  return {"strace", {"strace", "-f", "-o", "/dev/null", "-e", "trace=none", "--seccomp-bpf", "-e", "signal=PIPE"}, {}};
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
  Result result = workload.load(port);
  if (!server.running()) throw std::runtime_error(workload.name + " has ended: " + server.wait().text());
  if (variant.name == strace().name) return result;  // strace is deaf to SIGTERM, and waits for nobody
  const double before = processor_time();
  server.signal(SIGTERM);
  server.wait();
  result.processor = (processor_time() - before) / result.requests;
  return result;
}

void add(Figures& figures, const std::string& row, const std::string& column, const std::vector<Result>& results,
         const std::string& first, const std::vector<Result>& base) {
  const auto put = [&](const std::string& table, const std::string& unit, double Result::*field, bool at_least,
                       std::optional<double> bound) {
    std::vector<double> values;
    std::vector<double> bases;
    for (const auto& result : results) values.push_back(result.*field);
    for (const auto& result : base) bases.push_back(result.*field);
    Figure figure{table, row, column, unit, spread_of(values), {}, {}};
    if (&results != &base) figure.ratio = ratios(values, bases);
    if (column == "shim" && bound)
      figure.limit = Limit{table + ", " + row + ": shim / " + first, *figure.ratio, *bound, at_least};
    figures.push_back(figure);
  };
  put("Requests a second", "1/s", &Result::per_second, true, 0.99);
  // Less at the mercy of what else the machine does.
  if (column != "strace") put("Processor time of the server for a request", "us", &Result::processor, false, {});
  put("99th percentile of latency", "us", &Result::latency, false, 1.05);
}

}  // namespace

void measure_servers(Figures& figures, double seconds) {
  // A run is its second, and what it takes to start a server and to end it.
  const int turns = std::max(3, static_cast<int>(seconds / (static_cast<double>(workloads().size()) * 3.34 * 1.3)));
  const bool is_quick = turns < 5;
  for (const auto& workload : workloads()) {
    std::vector<Variant> variants{workload.kills ? ignored() : bare(), shim()};
    // env(1) makes no difference to these servers, so what it seems to make is the error of the others.
    if (!workload.kills && !is_quick) variants.push_back(ignored());
    std::vector<std::vector<Result>> results(variants.size());
    std::vector<Result> traced;
    std::vector<Result> beside_traced;
    for (int turn = 0; turn < turns; ++turn) {
      for (size_t i = 0; i < variants.size(); ++i) {
        const size_t variant = (i + static_cast<size_t>(turn)) % variants.size();
        results[variant].push_back(one_run(workload, variants[variant]));
      }
      // It is so far off that every third turn will do.
      if (turn % 3 != 0 || workload.kills || is_quick) continue;
      traced.push_back(one_run(workload, strace()));
      beside_traced.push_back(results[0].back());
    }
    for (size_t variant = 0; variant < variants.size(); ++variant)
      add(figures, workload.name, variants[variant].name, results[variant], variants[0].name, results[0]);
    if (!traced.empty()) add(figures, workload.name, "strace", traced, variants[0].name, beside_traced);
  }
}
