// Erlang, whose runtime exports a sigaction of its own that calls libc's __sigaction. Where the shim's own call of
// sigaction found that one, the two called each other until the stack was used up: nothing in Erlang started.
#include "foreign/server.h"
#include "support/source_tree.h"

namespace {

// A client leaves, and the server's three answers come to nothing from the second on.
const std::string kProgram = R"(
  {ok, L} = gen_tcp:listen(0, [{active, false}, {ip, {127, 0, 0, 1}}]),
  {ok, Port} = inet:port(L),
  {ok, Client} = gen_tcp:connect({127, 0, 0, 1}, Port, []),
  {ok, Server} = gen_tcp:accept(L),
  gen_tcp:close(Client),
  Sent = [begin timer:sleep(100), gen_tcp:send(Server, "a") end || _ <- [1, 2, 3]],
  io:format("~p~n", [Sent]),
  halt(0).
)";
const std::string kSent = "[ok,{error,closed},{error,enotconn}]\n";

Ending erl(const Start& start = {}) { return run({"erl", "-noshell", "-eval", kProgram}, start); }

// The shim's objects, linked as they were when a call inside the shim still went through the loader.
std::string linked_the_old_way(const Directory& directory) {
  const auto library = directory / "old.so";
  output_of({"sh", "-c",
             "find " + built("shim") +
                 " -name '*.o' ! -path '*/report/*' ! -path '*/doctor/*' ! -path '*/attach/*' ! -path '*/tools/*' "
                 "-exec gcc -shared "
                 "-nostartfiles -o " +
                 library + " {} +"});
  return library;
}

Start under(const std::string& library) {
  Start start;
  start.env = {"LD_PRELOAD=" + library};
  return start;
}

// A broker with everything in a directory of its own, on ports of its own, all of them on the loopback.
class Rabbit {
 public:
  explicit Rabbit(Start start)
      : epmd_({"epmd", "-port", epmd_port_, "-address", "127.0.0.1"}, at_home({})),
        server_({kPrograms + "rabbitmq-server"}, at_home(std::move(start))) {}

  bool answers() {
    return eventually([&] { return server_.running() && says({"await_startup"}); }, kStart);
  }
  bool says(const Strings& words) const { return control(words).exited(0); }
  Ending control(const Strings& words) const {
    return run(joined({kPrograms + "rabbitmqctl"}, words), at_home({}), kStart);
  }
  // In this process the broker is: the shell that is started has become it.
  std::string maps() const { return contents("/proc/" + std::to_string(server_.pid()) + "/maps"); }
  Ending stopped() {
    control({"stop"});
    return ended();
  }
  Ending ended() { return server_.wait(kStart); }

 private:
  static constexpr std::chrono::seconds kStart{60};
  inline static const std::string kPrograms = "/usr/lib/rabbitmq/bin/";

  Start at_home(Start start) const {
    for (const auto& [name, value] : std::initializer_list<std::pair<std::string, std::string>>{
             {"HOME", home_.path()},
             {"ERL_EPMD_PORT", epmd_port_},
             {"ERL_EPMD_ADDRESS", "127.0.0.1"},
             {"RABBITMQ_NODENAME", "nosigpipe@localhost"},
             {"RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1"},
             {"RABBITMQ_NODE_PORT", port_},
             {"RABBITMQ_DIST_PORT", distribution_port_},
             {"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}"},
             {"RABBITMQ_MNESIA_BASE", home_ / "mnesia"},
             {"RABBITMQ_LOG_BASE", home_ / "log"},
             {"RABBITMQ_ENABLED_PLUGINS_FILE", home_ / "plugins"},
             {"RABBITMQ_CONF_ENV_FILE", "/dev/null"}})
      start.env.push_back(name + "=" + value);
    return start;
  }

  const Directory home_;
  const std::string epmd_port_ = std::to_string(free_port());
  const std::string port_ = std::to_string(free_port());
  const std::string distribution_port_ = std::to_string(free_port());
  Process epmd_;  // of ours, that none is left in the background
  Process server_;
};

}  // namespace

TEST_CASE("Erlang says the same of a client that leaves as bare") {
  REQUIRE(erl().out == kSent);
  for (const std::string guard : {"auto", "mask", "catch", "hooks"}) {
    const auto ending = erl(with_shim({"NOSIGPIPE_GUARD=" + guard}));
    INFO("guard=" << guard << ": " << ending.text() << "\n" << ending.err);
    CHECK(ending.exited(0));
    CHECK(ending.out == kSent);
  }
}

TEST_CASE("the control: Erlang does not start under a shim whose own calls go through the loader") {
  const Directory directory;
  CHECK(erl(under(linked_the_old_way(directory))).killed_by(SIGSEGV));
}

TEST_CASE("RabbitMQ starts and answers and stops under the shim as bare") {
  for (const auto& start : {Start{}, with_shim()}) {
    Rabbit rabbit(start);
    REQUIRE(rabbit.answers());
    CHECK((rabbit.maps().find("libnosigpipe.so") != std::string::npos) == start.shim);
    CHECK(rabbit.says({"ping"}));
    CHECK(rabbit.control({"status"}).out.find("RabbitMQ version: ") != std::string::npos);
    const auto ending = rabbit.stopped();
    CHECK(ending.out.find("Starting broker") != std::string::npos);
    INFO(ending.text() << "\n" << ending.err);
    CHECK(ending.exited(0));
  }
}

TEST_CASE("the control: RabbitMQ does not start under a shim whose own calls go through the loader") {
  const Directory directory;
  Rabbit rabbit(under(linked_the_old_way(directory)));
  const auto ending = rabbit.ended();  // the status is a shell's
  INFO(ending.text() << "\n" << ending.err);
  CHECK(!ending.timed_out);
  CHECK(ending.out.find("Starting broker") == std::string::npos);
}
