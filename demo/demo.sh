#!/bin/sh
# usage: demo/demo.sh
# Shows the main job: servers that are killed by clients who leave in the middle of an answer, and the same servers,
# unmodified, living through it under nosigpipe. `make demo` builds what it needs. DEMO_REQUESTS in the environment is
# the number of requests (default 50000). The last line is the verdict, and the exit status follows from it: 0 if every
# server was killed bare and lived under nosigpipe, else 1. What is not installed or cannot be reached is left out.
set -u

# Where SIGPIPE is ignored, as in the children of some programs, no server would die of it.
sh -c 'kill -PIPE $$' && exec env --default-signal=PIPE "$0"

cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build}
requests=${DEMO_REQUESTS:-50000}
scenes=0 killed=0 alive=0

files=$(mktemp -d)
log=$files/log
server=    # the process under test
upstream=  # a server behind it
client=
trap 'stop $client $server $upstream; rm -rf "$files"' EXIT
trap 'exit 1' HUP INT PIPE TERM

stop() {
  for pid in "$@"; do
    kill "$pid" && wait "$pid"
  done 2>/dev/null
}

# Ends the scene: `check || fail WORD... || return`.
fail() {
  echo "demo: $*" >&2
  tail -n 5 "$files/err" >&2
  return 1
}

# can_have PACKAGE COMMAND...: whether it is installed and LD_PRELOAD reaches it, which nosigpipe-doctor's exit status
# says; if not, a line says why, and what to install.
can_have() {
  package=$1 our_reason='' logged=yes
  shift
  answer=$("$build/nosigpipe-doctor" "--for-launcher=$build/libnosigpipe.so" -- "$@")
  case $?,$answer in
    0,*our_attach=*) logged='' ;; # linked statically: kept safe, and has no log
    2,*) eval "$answer" && leave_out "$package" "$our_reason" ;;
    3,*) leave_out "$package" "$1 is not installed" ;;
  esac
}
leave_out() {
  echo "  left out: $2; to have it: apt-get install $1"
  return 1
}

# The servers, each run as `NAME [PREFIX]...`, where the prefix is a command that starts a command.
threads() { exec "$@" "$build/demo/server" 0 "$files"; }
event_loops() { exec "$@" "$build/demo/eventloop" 0 "$files"; }
http_daemon() {
  # shellcheck disable=SC2016  # the dollars are Perl's
  exec "$@" perl -MHTTP::Daemon -e '
    $| = 1;
    my $server = HTTP::Daemon->new(LocalAddr => "127.0.0.1", LocalPort => 0, Listen => 128) or die;
    printf "listening on 127.0.0.1:%d\n", $server->sockport;
    while (my $client = $server->accept) {
      $client->send_file_response($ARGV[0]) while $client->get_request;
      close $client;
    }' "$files/file"
}
proxyd=/lib/systemd/systemd-socket-proxyd
socket_proxy() { exec systemd-socket-activate -l "127.0.0.1:$free_port" "$@" $proxyd "127.0.0.1:$upstream_port"; }
inetd_cat() { exec tcpserver -1vHRl0 -b128 127.0.0.1 0 "$@" busybox cat "$files/file"; }

# start NAME [PREFIX]...: sets server and port. The port is what the server says; tcpserver says nothing else.
start() {
  stop "$server"
  : >"$files/out"
  : >"$files/err"
  "$@" >>"$files/out" 2>>"$files/err" &
  server=$!
  for _ in $(seq 100); do
    port=$(sed -n 's/^[Ll]istening on 127\.0\.0\.1:\([0-9]*\).*/\1/; /^[0-9][0-9]*$/p' "$files/out" "$files/err")
    [ -z "$port" ] || return 0
    sleep 0.1
  done
  fail "$1 did not start"
}

# clients ABORT-PERCENT REQUESTS ARGUMENT...: sets summary; the exit status is that of the clients.
clients() {
  percent=$1 count=$2
  shift 2
  "$build/demo/clients" --abort "$percent" --requests "$count" --seconds 300 --expect "$files/file" \
    "127.0.0.1:$port" "$@" >"$files/summary" &
  client=$!
  wait "$client"  # other than a command in the foreground it lets the traps act at once
  status=$?
  client=
  summary=$(cat "$files/summary")
  return $status
}
sum() { expr " $summary " : ".* $1=\([^ ]*\) "; }

# Waits for the server to end: sets ending. A status above 128 is a signal's: none of the servers exits with such.
await_end() {
  wait "$server"
  status=$?
  server=
  ending="exit status $status"
  [ $status -le 128 ] || ending="killed by signal $((status - 128)) (SIG$(kill -l $status))"
}

row() { printf '    %-24s %10s  %s\n' "$@"; }

# has_averted CALL...: whether each of these calls has, or without one any, where there can be a log; sets averted, and
# which have not.
has_averted() {
  averted=$(awk 'match($0, / call=[^ ]*/) { call = substr($0, RSTART + 6, RLENGTH - 6) }
    match($0, / kills=[0-9]*/) { kills[call] += substr($0, RSTART + 7, RLENGTH - 7) }
    END { for (call in kills) if (kills[call] > 0) print kills[call], call }' "$log" | sort -k 2)
  have_not=
  for call in "$@"; do
    echo "$averted" | grep -q " $call\$" || have_not="$have_not $call"
  done
  [ -z "$logged" ] || { [ -z "$have_not" ] && [ "$averted" ]; }
}

# table CALL...: what happened; these calls must have averted something, or without one any.
table() {
  row requests "$(sum requests)" "$(sum rate) a second"
  row 'read to the end' "$(sum complete)" 'every byte right'
  row 'left in the middle' "$(sum aborted)" ''
  missed=
  has_averted "$@" || missed="no SIGPIPE averted${have_not:+ in$have_not}"
  row 'SIGPIPEs averted' "$(echo "$averted" | awk '{ all += $1 } END { print all + 0 }')" ''
  echo "$averted" | while read -r count call; do row "  by $call" "$count" ''; done
  [ -z "$missed" ] || fail "$missed"
}

# dies NAME REQUESTS CLIENT-ARGUMENT...: the bare server is all right as long as clients stay, and is killed by some of so
# many that leave.
dies() {
  name=$1 most=$2
  shift 2
  start "$name" || return
  clients 0 200 "$@" || fail "$name does not answer right: $summary" || return
  echo '  bare, 200 requests, all read to the end: alive'
  clients 60 "$most" "$@"
  [ "$(sum server)" = gone ] || fail "$name is not dead: $summary" || return
  await_end
  echo "  bare, clients leave in the middle: $ending after $(sum requests) requests"
  [ "$ending" = 'killed by signal 13 (SIGPIPE)' ] || fail 'not killed by SIGPIPE' || return
  killed=$((killed + 1))
}

# survives NAME REQUESTS CALL,... CLIENT-ARGUMENT...: under nosigpipe the same server takes that many requests, and as many
# more, up to five times, while by chance nobody has left just as one of the calls was at it.
survives() {
  name=$1 count=$2 calls=$3
  shift 3
  : >"$log"
  echo "  under nosigpipe, $count requests, most of which leave in the middle:"
  start "$name" "$build/nosigpipe" "--log=$log" --interval=0 || return
  # shellcheck disable=SC2086  # a list of words
  for round in 1 2 3 4 5; do
    clients 60 "$count" --seed "$round" "$@" || fail "clients are not content: $summary" || return
    [ "$(sum requests)" -eq "$count" ] || fail "too slow: $summary" || return
    [ $(($(sum aborted) * 2)) -ge "$count" ] || fail "fewer than half left in the middle: $summary" || return
    ! has_averted $calls || break
  done
  # shellcheck disable=SC2086
  table $calls || return
  clients 0 200 "$@" || fail "does not answer right any more: $summary" || return
  kill -0 "$server" || fail 'the process is gone' || return
  row alive yes 'the next 200 answers are right'
  alive=$((alive + 1))
}

# Each scene: first what it needs, else it is left out.
scene_threads() {
  can_have g++ "$build/demo/server" || return
  scenes=$((scenes + 1))
  urls='/write/file /writev/file /send/file /sendmsg/file /sendfile/file /splice/file'
  # shellcheck disable=SC2086  # a list of words
  dies threads 20000 $urls
  # shellcheck disable=SC2086
  survives threads "$requests" 'write writev sendto sendmsg sendfile splice' $urls
}

scene_event_loops() {
  can_have g++ "$build/demo/eventloop" || return
  scenes=$((scenes + 1))
  dies event_loops 20000 /file
  survives event_loops $((requests / 5)) sendfile /file
}

scene_http_daemon() {
  can_have 'perl libhttp-daemon-perl' perl || return
  perl -MHTTP::Daemon -e 1 2>/dev/null || leave_out libhttp-daemon-perl 'it is not installed' || return
  scenes=$((scenes + 1))
  dies http_daemon 20000
  survives http_daemon 1000 write
}

scene_socket_proxy() {
  can_have systemd $proxyd && can_have systemd systemd-socket-activate -E LD_PRELOAD -l 1 true || return
  scenes=$((scenes + 1))
  start threads || return
  free_port=$port
  start threads "$build/nosigpipe" || return
  upstream=$server upstream_port=$port server=
  dies socket_proxy 100000 --manner unread /write/file
  survives socket_proxy 8000 splice --manner unread /write/file
}

# The server lives in any case: what is killed are its children.
scene_inetd_cat() {
  can_have ucspi-tcp tcpserver && can_have busybox busybox || return
  scenes=$((scenes + 1))
  start inetd_cat || return
  echo '  bare, 200 connections, most of which leave in the middle:'
  clients 60 200 --at-once 16 --send ''
  row 'processes killed' "$(grep -c ' status 13$' "$files/err")" 'by signal 13 (SIGPIPE)'
  grep -q ' status 13$' "$files/err" || fail 'none killed' || return
  killed=$((killed + 1))
  : >"$log"
  echo '  under nosigpipe, 300 connections, most of which leave in the middle:'
  start inetd_cat "$build/nosigpipe" "--log=$log" --interval=0 || return
  clients 60 300 --at-once 16 --send '' || fail "clients are not content: $summary" || return
  table || return
  ! grep ' status 13$' "$files/err" || fail 'some killed' || return
  row 'processes killed' 0 ''
  alive=$((alive + 1))
}

# play TITLE SCENE
play() {
  echo "$1"
  "scene_$2"
  stop "$server" "$upstream"
  server='' upstream=''
}

# Numbers of seven bytes a line: what is lost, doubled or swapped shows.
seq 100000 142856 >"$files/file"

play 'A thread per connection (demo/server)' threads
play 'Event loops, the likeness of a Drogon application (demo/eventloop)' event_loops
play 'HTTP::Daemon of Perl' http_daemon
play systemd-socket-proxyd socket_proxy
play 'busybox cat, a process per connection under tcpserver' inetd_cat

echo "killed $killed of $scenes bare, alive $alive of $scenes"
[ "$scenes" -gt 0 ] && [ $((killed + alive)) -eq $((2 * scenes)) ]
