// Whole servers under load: how much they answer, and how late, bare, under the shim and under strace. With "leaving" a
// third of the connections are of clients that leave in the middle.
#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <thread>

#include "bench/sections.h"
#include "bench/variants.h"
#include "support/cost.h"

namespace {

struct Result {
  double requests = 0;
  double per_second = 0;
  double latency = 0;                // the 99th percentile, in microseconds
  double per_second_of_its_own = 0;  // requests in a second of the processor's that went to the server
};

// What a client is started with, and how what it says is read.
struct Client {
  std::string measured;  // a second of load
  std::string onwards;   // the same without end
  Result (*read)(const std::string& said);
  double requests = 0;       // where it does not say how many it made
  std::string leavers_path;  // what others, who leave in the middle, ask for meanwhile; empty: there are none
};

struct Workload {
  std::string name;
  std::function<Strings(int port, const Directory&)> server;
  std::function<Client(int port)> client;
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
Strings on_processor(int number, const Strings& argv) {
  if (std::thread::hardware_concurrency() < 2) return argv;
  return joined({"taskset", "-c", std::to_string(number)}, argv);
}

double only_number(const std::string& text, const std::string& expression) {
  const auto found = matches(text, expression);
  if (found.empty()) throw std::runtime_error("no figure in: " + text);
  return std::stod(found[0]);
}

Result read_wrk(const std::string& said) {
  const double latency = only_number(said, " 99% +([0-9.]+)");
  const auto unit = matches(said, " 99% +[0-9.]+(us|ms|s)");
  const std::map<std::string, double> microseconds{{"us", 1}, {"ms", 1e3}, {"s", 1e6}};
  return {only_number(said, "([0-9]+) requests in"), only_number(said, "Requests/sec: +([0-9.]+)"),
          latency * microseconds.at(unit.at(0)), 0};
}

// "test","rps","avg","min","p50","p95","p99","max", latencies in milliseconds; the heading has no digits there. How
// many requests they were it does not say: 0.
Result read_redis(const std::string& said) {
  const std::string skipped = "\"[0-9.]+\",";
  return {0, only_number(said, "\"[A-Z]+\",\"([0-9.]+)\""),
          only_number(said, "\"[A-Z]+\"," + skipped + skipped + skipped + skipped + skipped + "\"([0-9.]+)\"") * 1000,
          0};
}

void write_bodies(const Directory& directory) {
  std::filesystem::create_directory(directory / "files");
  std::ofstream(directory / "files/small") << std::string(1 << 10, 's');
  std::ofstream(directory / "files/large") << std::string(1 << 18, 'l');
}

Strings nginx(int port, const Directory& directory) {
  std::ofstream config(directory / "nginx.conf");
  config << "user root;\ndaemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr crit;\nevents {}\nhttp {\n"
         << "access_log off;\nsendfile on;\nkeepalive_requests 1000000000;\nserver {\nlisten 127.0.0.1:" << port
         << ";\nroot files;\n}\n";
  for (const auto* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    config << kind << "_temp_path " << kind << ";\n";
  config << "}\n";
  return {"/usr/sbin/nginx", "-p", directory.path(), "-c", "nginx.conf", "-e", "stderr"};
}

Strings lighttpd(int port, const Directory& directory) {
  std::ofstream(directory / "lighttpd.conf")
      << "server.document-root = \"" << directory / "files"
      << "\"\nserver.bind = \"127.0.0.1\"\nserver.port = " << port
      << "\nserver.network-backend = \"writev\"\nserver.max-keep-alive-requests = 0\n";
  return {"/usr/sbin/lighttpd", "-D", "-f", directory / "lighttpd.conf"};
}

Strings redis(int port, const Directory&) {
  return {"redis-server", "--port", std::to_string(port), "--save", "", "--appendonly", "no"};
}

Strings demo_server(int port, const Directory& directory) {
  return {built("demo/server"), std::to_string(port), directory / "files"};
}

std::function<Client(int)> by_wrk(const std::string& path, bool among_leavers = false) {
  return [=](int port) -> Client {
    const std::string url = " http://127.0.0.1:" + std::to_string(port) + path;
    return {"wrk -t1 -c32 -d1s --latency" + url, "wrk -t1 -c32 -d1000s" + url, read_wrk, 0, among_leavers ? path : ""};
  };
}

std::function<Client(int)> by_redis(const std::string& test, const std::string& bytes, const std::string& requests) {
  return [=](int port) -> Client {
    const std::string start =
        "redis-benchmark -P 16 -c 32 --csv -t " + test + " -d " + bytes + " -p " + std::to_string(port) + " -n ";
    return {start + requests, start + "1000000000", read_redis, std::stod(requests), ""};
  };
}

const std::vector<Workload>& workloads() {
  static const std::vector<Workload> all{
      {"nginx, 1 KiB", nginx, by_wrk("/small")},
      {"nginx, 256 KiB", nginx, by_wrk("/large")},
      {"nginx, 256 KiB, leaving", nginx, by_wrk("/large", true)},
      {"lighttpd, 1 KiB", lighttpd, by_wrk("/small")},
      {"lighttpd, 256 KiB", lighttpd, by_wrk("/large")},
      {"lighttpd, 256 KiB, leaving", lighttpd, by_wrk("/large", true)},
      {"redis, get 3 B, pipelined", redis, by_redis("get", "3", "500000")},
      {"redis, set 16 KiB, pipelined", redis, by_redis("set", "16384", "60000")},
      {"demo server, write 1 KiB", demo_server, by_wrk("/write/small"), true},
      {"demo server, sendfile 256 KiB", demo_server, by_wrk("/sendfile/large"), true},
      {"demo server, write 256 KiB, leaving", demo_server, by_wrk("/write/large", true), true},
  };
  return all;
}

// What one would look for SIGPIPEs with.
Variant strace() {
  return {"strace", {"strace", "-f", "-o", "/dev/null", "-e", "trace=none", "--seccomp-bpf", "-e", "signal=PIPE"}, {}};
}

// A server of its own, with a load of its own.
class Served {
 public:
  Served(const Workload& workload, const Variant& variant) : name_(workload.name + ", " + variant.name) {
    write_bodies(directory_);
    Start start = variant.start;
    start.directory = directory_.path();
    server_ = std::make_unique<Process>(variant.wrapped(on_processor(0, workload.server(port_, directory_))), start);
    client_ = workload.client(port_);
    if (!eventually([&] { return answers(port_) || !server_->running(); })) throw std::runtime_error(name_ + " hangs");
    demand_life();
  }

  void begin() {
    Start start;
    start.directory = directory_.path();
    if (!client_.leavers_path.empty())
      leavers_ = std::make_unique<Process>(
          on_processor(1, {built("demo/clients"), "--at-once", "16", "--abort", "100", "--no-expect", "--requests",
                           "100000000", "127.0.0.1:" + std::to_string(port_), client_.leavers_path}),
          start);
    const auto script = client_.measured + " >said.part && mv said.part said && exec " + client_.onwards + " >&2";
    before_ = processor_time();
    load_ = std::make_unique<Process>(on_processor(1, {"sh", "-c", script}), start);
  }

  // To be asked often: what the server has taken is looked at as soon as it is.
  bool is_measured() {
    if (!taken_ && std::filesystem::exists(directory_ / "said")) taken_ = processor_time() - before_;
    return taken_ || !load_->running();
  }

  // The load goes on until the destructor ends it.
  Result result() {
    demand_life();
    if (!taken_) throw std::runtime_error(name_ + ": no load");
    Result result = client_.read(contents(directory_ / "said"));
    result.per_second_of_its_own = (result.requests + client_.requests) / *taken_;
    return result;
  }

 private:
  void demand_life() {
    if (!server_->running()) throw std::runtime_error(name_ + " has ended: " + server_->wait().text());
  }

  // In seconds, of all its threads.
  double processor_time() const {
    clockid_t clock = 0;
    timespec time{};
    clock_getcpuclockid(server_->pid(), &clock);
    clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  }

  std::string name_;
  Directory directory_;
  int port_ = free_port();
  Client client_;
  std::unique_ptr<Process> server_;
  std::unique_ptr<Process> leavers_;
  std::unique_ptr<Process> load_;
  double before_ = 0;
  std::optional<double> taken_;
};

// Those whose results are to be compared are measured at once, on the same processor: what else the machine does falls
// on all of them alike. One after the other, a server that changes nothing seems to make 5 to 10 % of difference. Where
// the clients' processor is the narrow place they share that, too, whatever their servers take: what those take is
// looked at, besides.
std::vector<Result> at_once(const Workload& workload, const std::vector<Variant>& variants, int turn) {
  std::vector<size_t> order(variants.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = (i + static_cast<size_t>(turn)) % order.size();
  std::vector<std::unique_ptr<Served>> servers(variants.size());
  for (const size_t i : order) servers[i] = std::make_unique<Served>(workload, variants[i]);
  for (const size_t i : order) servers[i]->begin();
  const auto are_measured = [&] {
    return std::ranges::count_if(servers, [](const auto& server) { return server->is_measured(); }) ==
           std::ssize(servers);
  };
  if (!eventually(are_measured, std::chrono::seconds(60))) throw std::runtime_error(workload.name + ": no end");
  std::vector<Result> results;
  for (const auto& server : servers) results.push_back(server->result());
  return results;
}

// The results of one variant, turn by turn, and those of the bare server that belong to them.
struct Compared {
  std::vector<Result> base;
  std::vector<Result> results;

  void add(const Result& first, const Result& second) {
    base.push_back(first);
    results.push_back(second);
  }
};

void add(Figures& figures, const Workload& workload, const std::string& column, const Compared& compared) {
  if (compared.base.empty()) return;
  const auto put = [&](const std::string& table, const std::string& unit, double Result::*field, bool at_least,
                       double bound) {
    const auto values = [&](const std::vector<Result>& results) {
      std::vector<double> list;
      for (const auto& result : results) list.push_back(result.*field);
      return list;
    };
    const std::string first = workload.kills ? ignored().name : bare().name;
    const auto base = values(compared.base);
    if (column == "shim") figures.push_back({table, workload.name, first, unit, spread_of(base), {}, {}});
    const auto list = values(compared.results);
    Figure figure{table, workload.name, column, unit, spread_of(list), ratios(list, base), {}};
    if (column == "shim")
      figure.limit = Limit{table + ", " + workload.name + ": shim / " + first, *figure.ratio, bound, at_least};
    figures.push_back(figure);
  };
  put("Requests a second", "1/s", &Result::per_second, true, 0.99);
  // What strace itself takes is not its program's.
  if (column != "strace")
    put("Requests in a second of the server's own processor time", "1/s", &Result::per_second_of_its_own, true, 0.99);
  put("99th percentile of latency", "us", &Result::latency, false, 1.05);
}

}  // namespace

void measure_servers(Figures& figures, double seconds) {
  // A turn is its second, and what it takes to start the servers and to end them; every third has more for the others,
  // unless there are but the fewest.
  constexpr int kFewest = 3;
  const int turns = std::max(kFewest, static_cast<int>(seconds / (static_cast<double>(workloads().size()) * 1.25 * 2)));
  for (const auto& workload : workloads()) {
    const Variant first = workload.kills ? ignored() : bare();
    Compared with_shim;
    Compared with_itself;
    Compared with_strace;
    for (int turn = 0; turn < turns; ++turn) {
      const auto pair = at_once(workload, {first, shim()}, turn);
      with_shim.add(pair[0], pair[1]);
      if (turn % 3 != 0 || turns == kFewest) continue;
      // The same once more: what this seems to make is the error of the others.
      const auto same = at_once(workload, {first, first}, turn);
      with_itself.add(same[0], same[1]);
      // strace waits for its program as the program for it: beside it the bare server would have the processor alone.
      if (!workload.kills) with_strace.add(at_once(workload, {first}, turn)[0], at_once(workload, {strace()}, turn)[0]);
    }
    add(figures, workload, "shim", with_shim);
    add(figures, workload, "itself", with_itself);
    add(figures, workload, "strace", with_strace);
  }
}
