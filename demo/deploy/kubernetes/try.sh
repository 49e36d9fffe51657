# shellcheck shell=sh disable=SC2034,SC2154  # demo/deploy/try reads and sets them
packages=kubernetes-client programs=kubectl not_run='there is no cluster'

# Without one kubectl reads the pod as an object of its own, and leaves out what it does not know.
check() {
  kubectl set env --local -f "$here/pod.yaml" -o json TRIED=yes >"$work/pod.json" || return
  sed -n 's/^ *\(- \)\{0,1\}\([A-Za-z]*\):.*/\2/p' "$here/pod.yaml" | while read -r field; do
    grep -q "\"$field\":" "$work/pod.json" || { echo "kubectl knows no $field here" && return 1; }
  done || return
  echo 'kubectl knows each field'
}
