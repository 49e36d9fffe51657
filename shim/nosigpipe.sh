#!/bin/sh
# Runs a command with libnosigpipe.so preloaded. The options are the shim's: each sets one NOSIGPIPE_ variable. Whether
# LD_PRELOAD reaches the command, and by which path, nosigpipe-doctor says, if it is there.
set -u

fail() {
  echo "nosigpipe: $2" >&2
  exit "$1"
}

help() {
  cat <<'HELP'
Usage: nosigpipe [OPTION]... [--] COMMAND [ARG]...
Runs COMMAND, and what it starts, safe from SIGPIPE on sockets.

@OPTION_HELP@
  --fallback=refuse|ignore|run
      where LD_PRELOAD does not reach COMMAND: say so, run it with SIGPIPE
      ignored, or run it as it is (default: refuse)
  -h, --help   this text
  --version    the version

Each option but --fallback sets the environment variable of its name: --log
sets NOSIGPIPE_LOG. A value may also be the next word, but for --log: alone it
is --log=stderr. A PATH has a / in it.

Exit status: 125 if nosigpipe itself fails, 126 if COMMAND cannot be run, 127 if
it is not found, else COMMAND's.
HELP
}

fallback=refuse lone_log='' options=' @OPTIONS@ fallback=FALLBACK '
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) help || exit 125; exit ;;
    --version) echo "nosigpipe @VERSION@" || exit 125; exit ;;
    --log) setting=log=stderr lone_log=yes ;;
    --) shift && break ;;
    -*) setting=${1#--} lone_log= ;;
    *) break ;;
  esac
  name=${setting%%=*}
  case "$name,$options" in
    *[!a-z-]*,*) fail 125 "unknown option $1; see nosigpipe --help" ;;
    *" $name="*) variable=${options#*" $name="} ;;
    *) fail 125 "unknown option $1; see nosigpipe --help" ;;
  esac
  if [ "$name" = "$setting" ]; then
    [ $# -gt 1 ] || fail 125 "--$name needs a value: --$name=VALUE"
    shift
    setting=$name=$1
  fi
  case $setting in
    fallback=refuse | fallback=ignore | fallback=run) fallback=${setting#*=} ;;
    fallback=*) fail 125 "--$setting is not one of refuse|ignore|run" ;;
    *) export "NOSIGPIPE_${variable%% *}=${setting#*=}" ;;
  esac
  shift
done
[ $# -gt 0 ] || fail 125 "no command given; see nosigpipe --help"
if [ "$lone_log" ] && [ $# -gt 1 ] && ! command -v -- "$1" >/dev/null; then
  case $1 in */*) file=$1 ;; *) file=./$1 ;; esac
  fail 125 "$1 is no command, and --log alone is --log=stderr: do you mean --log=$file?"
fi

# Each program that is started here costs as much as the start of COMMAND.
case $0 in */*) self=$0 ;; *) self=./$0 ;; esac
[ ! -L "$self" ] || self=$(readlink -f "$self")
here=$(CDPATH='' cd -P -- "${self%/*}/" && pwd -P)
library=$here/libnosigpipe.so doctor=$here/nosigpipe-doctor reason='' remedy='' has_asan=''
[ -e "$library" ] || library=@LIBDIR@/libnosigpipe.so
[ -r "$library" ] || fail 125 "$library cannot be read"
case $library in *[\ :]* | *"\${"* | *\$[LOP]*) fail 125 "LD_PRELOAD cannot carry the path $library" ;; esac
if [ -x "$doctor" ] && { answer=$(LD_PRELOAD='' "$doctor" "--for-launcher=$library" -- "$@"); [ $? -le 3 ]; }; then
  eval "$answer"
else # there is none, or it has failed: by a tool that is often there
  case $(readelf -d "$(command -v -- "$1")" 2>/dev/null) in *libasan.so*) has_asan=yes ;; esac
fi
case ${reason:+$fallback} in
  refuse)
    echo "nosigpipe: $1 cannot be reached: $reason" >&2
    fail 125 "instead: $remedy (or --fallback=ignore, or --fallback=run)" ;;
  ignore)
    echo "nosigpipe: $reason; SIGPIPE is ignored instead: for pipes and what it starts, too, and nothing is logged" >&2
    trap '' PIPE
    exec "$@" ;;
  run) exec "$@" ;;
esac

case ":${LD_PRELOAD-}:" in
  *[:\ ]"$library"[:\ ]*) ;;
  *[:\ /]lib*san.so*:* | *[:\ /]libclang_rt.*:*) export LD_PRELOAD="$LD_PRELOAD:$library" ;;
  *) export LD_PRELOAD="$library${LD_PRELOAD:+:$LD_PRELOAD}" ;;
esac
# gcc's AddressSanitizer would refuse to start behind us. To preload it, too, would put it into every child.
case $has_asan,${ASAN_OPTIONS-} in
  *verify_asan_link_order=*) ;;
  yes,*) export ASAN_OPTIONS="verify_asan_link_order=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}" ;;
esac
exec "$@"
