// Clients for a server under test: many at once, some of which leave in the middle, while the others read to the end
// and compare every byte. `clients --help` lists the options.
#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr char help[] =
    R"(usage: clients [OPTION]... HOST:PORT [URL]...
Makes many connections to a server of this machine (HOST is in 127.0.0.0/8), asks in each for one of the URLs, and
leaves some of the connections in the middle. A URL goes into the request as it is given (default: /).

  --requests N     connections to make (default: 1000)
  --seconds N      stop after that time in any case (default: 60)
  --at-once N      connections open at the same time (default: 64)
  --abort PERCENT  how many of the connections leave in the middle (default: 50)
  --manner NAME    how they leave: reset, reset-1k, unread, pipelined, stalled or shutdown (default: all of these)
  --seed N         choose another order of events (default: 1)
  --send TEXT      send this instead of an HTTP request; \r \n \\ \xHH are understood
  --expect FILE    what answers must be: the body of a 200, or all that is received where --send is used
  --no-expect      any answer will do; otherwise it must be a 200 as long as it says, or anything where --send is used

Shows the progress on standard error, if that is no terminal every five seconds, and prints one line at the end:
requests=N complete=N aborted=N wrong=N seconds=S rate=N server=alive|gone
Exit status: 0 all is well, 1 an answer was wrong, 2 bad usage, 3 the server is gone.
)";

enum class Leaving { close, reset, fin, shutdown };

struct Manner {
  std::string_view name;
  Leaving leaving;
  std::optional<std::uint64_t> after;  // bytes of the answer it reads before; empty: any part of it
  bool stalls = false;                 // has next to no receive buffer, and lets the server wait
  int requests = 1;                    // sent in one go
};

// What the server's next write meets is for the kernel to say: data left unread and data for a closed socket cause a
// reset, which gives ECONNRESET once, or EPIPE at once where a FIN came first. Whatever is written later gets EPIPE.
constexpr Manner manners[] = {
    {"reset", Leaving::reset, 0},       {"reset-1k", Leaving::reset, 1024},
    {"unread", Leaving::fin, {}},       {"pipelined", Leaving::close, {}, false, 4},
    {"stalled", Leaving::fin, 0, true}, {"shutdown", Leaving::shutdown, {}},
};

constexpr std::chrono::seconds patience{10};   // of a client that reads to the end
constexpr std::chrono::seconds impatience{1};  // of one that would have left after more than what has come
constexpr milliseconds longest_stall{50};
constexpr milliseconds longest_parting{5};       // between a FIN and the end of the socket
constexpr std::uint64_t answer_guess = 1 << 16;  // where its size is not known

struct Options {
  std::uint64_t requests = 1000;
  std::uint64_t seconds = 60;
  std::uint64_t at_once = 64;
  std::uint64_t abort_percent = 50;
  std::uint64_t seed = 1;
  std::vector<Manner> manners{std::begin(::manners), std::end(::manners)};
  std::vector<std::string> texts;  // what a request may be
  bool http = true;
  bool any_answer = false;
  std::optional<std::string> expected;
  sockaddr_in server{};
};

// What one client has been told so far.
class Answer {
 public:
  explicit Answer(const Options& options) : options_(&options), in_body_(!options.http) {
    if (in_body_ && options.expected) promised_ = options.expected->size();
  }

  void take(std::string_view bytes) {
    if (in_body_) return take_body(bytes);
    head_ += bytes;
    const auto end = head_.find("\r\n\r\n");
    if (end == std::string::npos) return;
    in_body_ = true;
    const std::string body = head_.substr(end + 4);
    head_.resize(end);
    if (const char* length = strcasestr(head_.c_str(), "\r\nContent-Length:"))
      promised_ = std::strtoull(length + std::strlen("\r\nContent-Length:"), nullptr, 10);
    take_body(body);
  }

  bool complete() const {
    if (promised_) return in_body_ && received_ >= *promised_;
    return !options_->http && received_ > 0;
  }

  // What is wrong with it now that nothing else comes; null: nothing.
  const char* fault() const {
    if (options_->any_answer) return nullptr;
    if (!in_body_) return "no answer, or not the whole head of one";
    if (options_->http && (!head_.starts_with("HTTP/1.") || head_.find(" 200 ") != 8)) return "not a 200";
    if (promised_ && received_ < *promised_) return "shorter than promised";
    if (promised_ && received_ > *promised_) return "longer than promised";
    if (differs_ || (options_->expected && received_ != options_->expected->size())) return "not what was expected";
    return nullptr;
  }

 private:
  void take_body(std::string_view bytes) {
    if (options_->expected &&
        options_->expected->compare(std::min(received_, options_->expected->size()), bytes.size(), bytes) != 0)
      differs_ = true;
    received_ += bytes.size();
  }

  const Options* options_;
  std::string head_;
  bool in_body_;
  std::optional<std::uint64_t> promised_;
  std::uint64_t received_ = 0;  // of the body
  bool differs_ = false;
};

struct Client {
  int fd = -1;
  const Manner* manner = nullptr;  // null: it reads to the end
  std::string unsent;              // of the request
  bool asked = false;
  std::uint64_t to_read = 0;  // before it leaves
  bool parting = false;       // its FIN is out
  Clock::time_point due;      // to leave, to close, or to give up
  std::optional<Answer> answer;
};

class Load {
 public:
  explicit Load(const Options& options) : options_(options), random_(options.seed), clients_(options.at_once) {}

  int run();

 private:
  milliseconds up_to(milliseconds longest) { return milliseconds(below(static_cast<std::uint64_t>(longest.count()))); }
  std::uint64_t below(std::uint64_t limit) { return limit == 0 ? 0 : random_() % limit; }

  void start(Client& client);
  void ask(Client& client);
  void hear(Client& client);
  void leave(Client& client);
  void expire(Client& client);
  void finish(Client& client, const char* fault);
  void close_socket(Client& client);
  void failed(Client& client);
  bool still_listening() const;
  void show_progress();
  std::uint64_t finished() const { return complete_ + aborted_ + wrong_; }
  double seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

  const Options& options_;
  std::mt19937_64 random_;
  std::vector<Client> clients_;
  const bool terminal_ = isatty(STDERR_FILENO) != 0;
  const int poll_ = epoll_create1(EPOLL_CLOEXEC);
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point shown_ = begin_;
  std::uint64_t started_ = 0, complete_ = 0, aborted_ = 0, wrong_ = 0;
  bool gone_ = false;
  const char* first_fault_ = nullptr;
};

int Load::run() {
  const auto end = begin_ + std::chrono::seconds(options_.seconds);
  while (!gone_ && finished() < options_.requests && Clock::now() < end) {
    const auto now = Clock::now();
    auto next = now + milliseconds(100);
    for (Client& client : clients_) {
      if (client.fd < 0 && started_ < options_.requests && !gone_) start(client);
      if (client.fd >= 0 && client.due <= now) expire(client);
      if (client.fd >= 0) next = std::min(next, client.due);
    }
    epoll_event events[64];
    const auto wait = std::chrono::ceil<milliseconds>(next - now);
    const int ready = epoll_wait(poll_, events, 64, static_cast<int>(std::max<std::int64_t>(wait.count(), 0)));
    for (int i = 0; i < ready; ++i) {
      Client& client = *static_cast<Client*>(events[i].data.ptr);
      client.asked ? hear(client) : ask(client);
    }
    show_progress();
  }
  if (terminal_) std::fputs("\r\033[K", stderr);
  if (!still_listening()) gone_ = true;
  if (!gone_ && wrong_ > 0)
    std::fprintf(stderr, "clients: %ju wrong answers, the first: %s\n", std::uintmax_t{wrong_}, first_fault_);
  const double took = seconds();
  std::printf("requests=%ju complete=%ju aborted=%ju wrong=%ju seconds=%.1f rate=%.0f server=%s\n",
              std::uintmax_t{finished()}, std::uintmax_t{complete_}, std::uintmax_t{aborted_}, std::uintmax_t{wrong_},
              took, static_cast<double>(finished()) / took, gone_ ? "gone" : "alive");
  return gone_ ? 3 : wrong_ > 0 ? 1 : 0;
}

void Load::start(Client& client) {
  const auto leaving_before = [&](std::uint64_t connection) { return connection * options_.abort_percent / 100; };
  client = Client{};
  client.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  client.unsent = options_.texts[below(options_.texts.size())];
  client.answer.emplace(options_);
  client.due = Clock::now() + patience;
  if (leaving_before(started_ + 1) > leaving_before(started_)) {
    client.manner = &options_.manners[below(options_.manners.size())];
    client.due = Clock::now() + impatience;
    client.to_read = client.manner->after.value_or(below(options_.expected ? options_.expected->size() : answer_guess));
    const std::string once = client.unsent;
    for (int i = 1; i < client.manner->requests; ++i) client.unsent += once;
    const int tiny = 1;
    if (client.manner->stalls) setsockopt(client.fd, SOL_SOCKET, SO_RCVBUF, &tiny, sizeof tiny);
  }
  if (connect(client.fd, reinterpret_cast<const sockaddr*>(&options_.server), sizeof options_.server) != 0 &&
      errno != EINPROGRESS) {
    // Anything else, such as a lack of local ports, passes: the slot is filled later.
    gone_ = gone_ || errno == ECONNREFUSED;
    return close_socket(client);
  }
  ++started_;
  epoll_event event{EPOLLIN | EPOLLOUT, {&client}};
  epoll_ctl(poll_, EPOLL_CTL_ADD, client.fd, &event);
}

// Sends the request, or what the socket takes of it.
void Load::ask(Client& client) {
  const ssize_t sent = send(client.fd, client.unsent.data(), client.unsent.size(), MSG_NOSIGNAL);
  if (sent < 0) return failed(client);
  client.unsent.erase(0, static_cast<size_t>(sent));
  if (!client.unsent.empty()) return;
  client.asked = true;
  epoll_event event{EPOLLIN, {&client}};
  if (client.manner != nullptr && client.manner->stalls) {
    client.due = Clock::now() + up_to(longest_stall);
    event.events = 0;
  } else if (client.manner != nullptr && client.to_read == 0) {
    return leave(client);
  }
  epoll_ctl(poll_, EPOLL_CTL_MOD, client.fd, &event);
}

void Load::hear(Client& client) {
  static char buffer[1 << 16];
  const size_t wanted = client.manner ? std::min<std::uint64_t>(client.to_read, sizeof buffer) : sizeof buffer;
  const ssize_t n = recv(client.fd, buffer, wanted, 0);
  if (n < 0) return failed(client);
  if (client.manner != nullptr) {
    client.to_read -= static_cast<std::uint64_t>(n);
    if (n == 0 || client.to_read == 0) leave(client);
    return;
  }
  client.due = Clock::now() + patience;
  client.answer->take({buffer, static_cast<size_t>(n)});
  if (n == 0 || client.answer->complete()) finish(client, client.answer->fault());
}

void Load::failed(Client& client) {
  if (errno == EAGAIN) return;
  gone_ = gone_ || errno == ECONNREFUSED;
  finish(client, std::strerror(errno));
}

void Load::leave(Client& client) {
  const linger at_once{1, 0};
  switch (client.manner->leaving) {
    case Leaving::close:
      return finish(client, nullptr);
    case Leaving::reset:
      setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      return finish(client, nullptr);
    case Leaving::fin:
      shutdown(client.fd, SHUT_WR);
      break;
    case Leaving::shutdown:
      shutdown(client.fd, SHUT_RDWR);
      break;
  }
  epoll_ctl(poll_, EPOLL_CTL_DEL, client.fd, nullptr);
  client.parting = true;
  client.due = Clock::now() + up_to(longest_parting);
}

void Load::expire(Client& client) {
  if (client.manner != nullptr && !client.parting) return leave(client);
  finish(client, "nothing has come for 10 s");
}

void Load::finish(Client& client, const char* fault) {
  close_socket(client);
  if (client.manner != nullptr) {
    ++aborted_;
  } else if (fault == nullptr) {
    ++complete_;
  } else {
    if (wrong_++ == 0) first_fault_ = fault;
  }
}

void Load::close_socket(Client& client) {
  close(client.fd);
  client.fd = -1;
}

bool Load::still_listening() const {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{patience.count(), 0};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const bool connected = connect(fd, reinterpret_cast<const sockaddr*>(&options_.server), sizeof options_.server) == 0;
  close(fd);
  return connected;
}

void Load::show_progress() {
  if (Clock::now() - shown_ < milliseconds(terminal_ ? 200 : 5000)) return;
  shown_ = Clock::now();
  const double rate = static_cast<double>(finished()) / seconds();
  const double left = static_cast<double>(options_.requests - finished()) / std::max(rate, 1.0);
  std::fprintf(stderr, "%s%ju of %ju requests, %.0f/s, %.0f s left%s", terminal_ ? "\r" : "    ",
               std::uintmax_t{finished()}, std::uintmax_t{options_.requests}, rate, left, terminal_ ? "\033[K" : "\n");
}

[[noreturn]] void refuse(const std::string& why) {
  std::fprintf(stderr, "clients: %s (see clients --help)\n", why.c_str());
  std::exit(2);
}

std::uint64_t number(std::string_view text, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end || value > most)
    refuse("not a number from 0 to " + std::to_string(most) + ": " + std::string(text));
  return value;
}

std::string unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      plain += text[i];
      continue;
    }
    switch (++i < text.size() ? text[i] : '\0') {
      case 'r':
        plain += '\r';
        break;
      case 'n':
        plain += '\n';
        break;
      case '\\':
        plain += '\\';
        break;
      case 'x': {
        unsigned char byte = 0;
        const auto digits = text.substr(i + 1, 2);
        const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
        if (parsed.ptr != digits.data() + 2) refuse("\\x wants two hexadecimal digits");
        plain += static_cast<char>(byte);
        i += 2;
        break;
      }
      default:
        refuse("unknown escape in --send");
    }
  }
  return plain;
}

std::string contents(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) refuse(std::string("cannot read ") + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

sockaddr_in address(const std::string& text) {
  sockaddr_in address{};
  const auto colon = text.find(':');
  address.sin_family = AF_INET;
  if (colon == std::string::npos || inet_pton(AF_INET, text.substr(0, colon).c_str(), &address.sin_addr) != 1)
    refuse("not HOST:PORT: " + text);
  if (ntohl(address.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET) refuse("not a server of this machine: " + text);
  address.sin_port = htons(static_cast<std::uint16_t>(number(text.substr(colon + 1), 65535)));
  return address;
}

Options parse(int argc, char* argv[]) {
  enum { requests, seconds, at_once, abort_percent, manner, seed, send_text, expect, no_expect, show_help };
  static const option known[] = {{"requests", required_argument, nullptr, requests},
                                 {"seconds", required_argument, nullptr, seconds},
                                 {"at-once", required_argument, nullptr, at_once},
                                 {"abort", required_argument, nullptr, abort_percent},
                                 {"manner", required_argument, nullptr, manner},
                                 {"seed", required_argument, nullptr, seed},
                                 {"send", required_argument, nullptr, send_text},
                                 {"expect", required_argument, nullptr, expect},
                                 {"no-expect", no_argument, nullptr, no_expect},
                                 {"help", no_argument, nullptr, show_help},
                                 {}};
  Options options;
  for (int choice; (choice = getopt_long(argc, argv, "", known, nullptr)) != -1;) {
    switch (choice) {
      case requests:
        options.requests = number(optarg, 100'000'000);
        break;
      case seconds:
        options.seconds = number(optarg, 3600);
        break;
      case at_once:
        options.at_once = std::max<std::uint64_t>(number(optarg, 1000), 1);
        break;
      case abort_percent:
        options.abort_percent = number(optarg, 100);
        break;
      case manner: {
        const auto found = std::ranges::find(manners, std::string_view(optarg), &Manner::name);
        if (found == std::end(manners)) refuse(std::string("unknown manner: ") + optarg);
        options.manners = {*found};
        break;
      }
      case seed:
        options.seed = number(optarg, UINT64_MAX);
        break;
      case send_text:
        options.http = false;
        options.texts = {unescape(optarg)};
        break;
      case expect:
        options.expected = contents(optarg);
        break;
      case no_expect:
        options.any_answer = true;
        break;
      case show_help:
        std::fputs(help, stdout);
        std::exit(0);
      default:
        std::exit(2);
    }
  }
  if (optind == argc) refuse("no server given");
  const std::string server = argv[optind++];
  options.server = address(server);
  if (!options.http && optind < argc) refuse("a URL and --send");
  if (options.http && optind == argc) argv[--optind] = const_cast<char*>("/");
  for (; optind < argc; ++optind)
    options.texts.push_back(std::string("GET ") + argv[optind] + " HTTP/1.1\r\nHost: " + server + "\r\n\r\n");
  return options;
}

}  // namespace

int main(int argc, char* argv[]) { return Load(parse(argc, argv)).run(); }
