# Writes the options of a program for the completion of a shell, with -v shell=bash, zsh or fish and -v program=NAME, from
# lists of options (*.def); the launcher's own, which are in none, from the help in nosigpipe.sh.
#   bash  a line NAME|KIND|FILES|WORDS for each; KIND is none, alone (its value only behind =) or value
#   zsh   a word for _arguments each
#   fish  a command each; with -v lone=1 a line with those instead behind which no value follows as the next word

BEGIN { FS = "\"" }

function begin(option, its_kind, its_help) {
  write_out()
  name = option
  gsub(/_/, "-", name)
  kind = its_kind
  help = its_help
  files = words = ""
}

# The words of a list in a help: "group by one, two or three (default: one)".
function listed(text) {
  sub(/ \(.*/, "", text)
  sub(/^group by /, "", text)
  gsub(/, | or /, " ", text)
  return text
}

function escaped(text, what, by) {
  gsub(what, by, text)
  return text
}

function write_out(    action, option) {
  if (name == "") return
  if (lone) {
    if (kind != "value") printf "--%s ", name
    return
  }
  if (shell == "bash") print name "|" kind "|" files "|" words
  if (shell == "zsh") {
    action = files == "" ? "(" words ")" : words == "" ? "_" files : "{compadd -- " words "; _" files "}"
    if (files == "directories") action = "_files -/"
    if (words files == "") action = " "
    option = name == "help" ? "'(-)'{-h,--help}'" : "'--" name
    print "  " option (kind == "none" ? "" : kind == "alone" ? "=-" : "=") \
      "[" escaped(escaped(help, "[][]", "\\\\&"), "'", "'\\''") "]" \
      (kind == "none" ? "" : (kind == "alone" ? "::" : ":") name ":" action) "'"
  }
  if (shell == "fish")
    print "complete -c " program " -n __fish_before_command_of_" escaped(program, "-", "_") " -l " name \
      (name == "help" ? " -s h" : "") (kind == "value" ? " -r" : "") (files == "files" ? " -F" : " -f") \
      (files == "directories" ? " -a '(__fish_complete_directories)'" : words == "" ? "" : " -a '" words "'") \
      " -d '" escaped(help, "'", "\\'") "'"
}

/^(CHOICE|NUMBER)\(/ {
  split($1, parts, /, */)
  begin(parts[2], parts[2] == "log" ? "alone" : "value", $2)
}
/^ +VALUE\(/ {
  if ($2 ~ /PATH/) files = "files"
  else words = words (words == "" ? "" : " ") $2
}
/^OPTION\(/ {
  split($1, parts, /[(,]/)
  begin(parts[2], $2 == "" ? "none" : "value", $4)
  if ($2 ~ /^(WHAT|WHEN|NAME)$/) words = listed($4)
  if ($2 ~ /^(FILE|LIBRARY)$/) files = "files"
  if ($2 == "DIRECTORY") files = "directories"
}
/^  --fallback=/ {
  begin("fallback", "value", "where LD_PRELOAD does not reach the command")
  words = substr($0, index($0, "=") + 1)
  gsub(/\|/, " ", words)
}
/^  -h, --help  / { begin("help", "none", "show this and end") }
/^  --version  / { begin("version", "none", "show the version and end") }
END { write_out() }
