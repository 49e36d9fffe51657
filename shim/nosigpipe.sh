#!/bin/sh
# Runs a command with libnosigpipe.so preloaded. The options are the shim's: each sets one NOSIGPIPE_ variable. Whether
# LD_PRELOAD reaches the command, and by which path, nosigpipe-doctor says, if it is there.
set -u

say() { our_said=$1 # of which no control character reaches the terminal
  until our_rest=${our_said#*[[:cntrl:]]} && [ "$our_rest" = "$our_said" ]; do
    our_said="${our_said%%[[:cntrl:]]*}?$our_rest"
  done
  printf 'nosigpipe: %s\n' "$our_said" >&2
}
fail() { say "$1"; exit 125; }

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

# What is exported by one of these names is COMMAND's, too: so no other program calls a variable so.
our_fallback=refuse our_lone_log='' our_options=' @OPTIONS@ fallback=FALLBACK '
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) help || exit 125; exit ;;
    --version) echo "nosigpipe @VERSION@" || exit 125; exit ;;
    --log) our_setting=log=stderr our_lone_log=yes ;;
    --) shift && break ;;
    -*) our_setting=${1#--} our_lone_log= ;;
    *) break ;;
  esac
  our_name=${our_setting%%=*}
  case "$our_name,$our_options" in
    *[!a-z-]*,*) fail "unknown option $1; see nosigpipe --help" ;;
    *" $our_name="*) our_variable=${our_options#*" $our_name="} ;;
    *) fail "unknown option $1; see nosigpipe --help" ;;
  esac
  if [ "$our_name" = "$our_setting" ]; then
    [ $# -gt 1 ] || fail "--$our_name needs a value: --$our_name=VALUE"
    shift && our_setting=$our_name=$1
  fi
  case $our_setting in
    fallback=refuse | fallback=ignore | fallback=run) our_fallback=${our_setting#*=} ;;
    fallback=*) fail "--$our_setting is not one of refuse|ignore|run" ;;
    *) export "NOSIGPIPE_${our_variable%% *}=${our_setting#*=}" ;;
  esac
  shift
done
[ "${1-}" ] || fail "no command given; see nosigpipe --help"
if [ "$our_lone_log" ] && ! command -v -- "$1" >/dev/null; then
  case $1 in */*) our_file=$1 ;; *) our_file=./$1 ;; esac
  fail "$1 is no command, and --log alone is --log=stderr: do you mean --log=$our_file?"
fi

# Each program that is started here costs as much as the start of COMMAND.
case $0 in */*) our_self=$0 ;; *) our_self=./$0 ;; esac
[ ! -L "$our_self" ] || our_self=$(readlink -f "$our_self")
our_here=$(CDPATH='' cd -P -- "${our_self%/*}/" && pwd -P)
our_reason='' our_remedy='' our_has_asan='' our_attach='' our_doctor=$our_here/nosigpipe-doctor
our_library=$our_here/libnosigpipe.so; [ -e "$our_library" ] || our_library=@LIBDIR@/libnosigpipe.so
[ -r "$our_library" ] || fail "$our_library cannot be read"
case $our_library in *[\ :]* | *"\${"* | *\$[LOP]*) fail "LD_PRELOAD cannot carry the path $our_library" ;; esac
[ ! -x "$our_doctor" ] ||
  { our_answer=$(LD_PRELOAD='' "$our_doctor" "--for-launcher=$our_library" -- "$@"); [ $? -gt 3 ]; } || eval "$our_answer"
case ${our_reason:+$our_fallback} in
  refuse) say "$our_reason"
    fail "instead: $our_remedy (or --fallback=ignore, or --fallback=run)" ;;
  ignore) say "$our_reason; SIGPIPE is ignored instead: for pipes and what it starts, too, and nothing is logged"
    trap '' PIPE; exec "$@" ;;
  run) exec "$@" ;;
esac

case ":${LD_PRELOAD-}:" in
  *[:\ ]"$our_library"[:\ ]*) ;;
  */libnosigpipe.so[:\ ]*) # one of another class would be told of at each exec
    our_before=${LD_PRELOAD%%/libnosigpipe.so*}
    export LD_PRELOAD="${our_before%"${our_before##*[:\ ]}"}$our_library${LD_PRELOAD#*/libnosigpipe.so}" ;;
  *[:\ /]lib*san.so*:* | *[:\ /]libclang_rt.*:*) export LD_PRELOAD="$LD_PRELOAD:$our_library" ;;
  *) export LD_PRELOAD="$our_library${LD_PRELOAD:+:$LD_PRELOAD}" ;;
esac
# gcc's AddressSanitizer would refuse to start behind us. To preload it, too, would put it into every child.
case $our_has_asan,${ASAN_OPTIONS-} in
  *verify_asan_link_order=*) ;;
  yes,*) export ASAN_OPTIONS="verify_asan_link_order=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}" ;;
esac
exec ${our_attach:+"$our_attach" --start --} "$@" # what is linked statically
