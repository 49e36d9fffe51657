# Writes options.def as the launcher needs it: the options of --help or, with -v names=1, in one line
# their names, and with each that of its variable.

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

# The words of a text in lines of at most 80 columns: the first begins so, the others with so many blanks.
function wrapped(start, indent, text,    i, n, words, line, out) {
  n = split(text, words, " ")
  line = start
  for (i = 1; i <= n; i++) {
    if (i > 1 && length(line) + 1 + length(words[i]) > 80) {
      out = out line "\n"
      line = sprintf("%" indent "s", "") words[i]
    } else {
      line = line (i > 1 ? " " : "") words[i]
    }
  }
  return out line "\n"
}

function write_out() {
  if (names) return
  if (name == "") return
  printf "  --%s=%s\n%s%s", name, values, wrapped("      ", 6, what " (default: " fallback ")"), lines
  name = values = lines = ""
}

/^(CHOICE|NUMBER)\(/ {
  write_out()
  name = option($1)
  what = $2
  variable = toupper(name)
  gsub(/-/, "_", variable)
  all = all (all == "" ? "" : " ") name "=" variable
}
/^NUMBER\(/ { values = range($1) }
/^ +VALUE\(/ {
  if (values == "") fallback = $2
  values = values (values == "" ? "" : "|") $2
  lines = lines wrapped(sprintf("        %-12s ", $2), 21, $4)
}
END {
  write_out()
  if (names) print all
}
