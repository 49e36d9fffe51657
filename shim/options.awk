# Writes options.def as the launcher needs it: the options of --help or, with -v names=1, their names in one line.

# The quoted texts of a line are the fields with even numbers.
BEGIN { FS = "\"" }

function option(text) {
  sub(/^[A-Z]*\([A-Z_]*, /, "", text)
  sub(/,.*/, "", text)
  gsub(/_/, "-", text)
  return text
}

# The range of a NUMBER: name, default, lowest, highest.
function range(text, words) {
  split(text, words, /, */)
  fallback = words[3]
  return words[4] ".." words[5]
}

function write_out() {
  if (names) return
  if (name == "") return
  printf "  --%s=%s\n      %s (default: %s)\n%s", name, values, what, fallback, lines
  name = values = lines = ""
}

/^(CHOICE|NUMBER)\(/ {
  write_out()
  name = option($1)
  what = $2
  all = all (all == "" ? "" : " ") name
}
/^NUMBER\(/ { values = range($1) }
/^ +VALUE\(/ {
  if (values == "") fallback = $2
  values = values (values == "" ? "" : "|") $2
  lines = lines sprintf("        %-12s %s\n", $2, $4)
}
END {
  write_out()
  if (names) print all
}
