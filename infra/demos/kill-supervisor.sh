#!/usr/bin/env bash
# kill -9 of the supervisor itself. All its processes end by themselves; started again, every partition goes on at its
# last COMMIT.
#
#   infra/demos/kill-supervisor.sh
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# The process and everything below it, one pid a line.
family() {
  ps -eo pid=,ppid= | awk -v root="$1" '
    { parent[$1] = $2 }
    END { for (pid in parent) for (up = pid; up > 1; up = parent[up]) if (up == root) { print pid; break } }'
}

none_left() {
  local pid
  for pid in $family; do
    case $(ps -o stat= -p "$pid" || true) in '' | Z*) ;; *) return 1 ;; esac
  done
}

# Whether another supervisor answers whose partitions all run.
started_again() {
  look
  awk -v old="$supervisor" '
    NF { total++; if ($2 == "running" && $4 != "None" && $8 != old) good++ }
    END { exit !(total && total == good) }' <<<"$now"
}

# Offsets in the database over all partitions.
committed() { awk '{ sum += $5 } END { print sum + 0 }' <<<"$now"; }
moving() {
  look
  [ "$(committed)" -gt "$offset" ]
}

look
line=$(choose "")
supervisor=${line##* }
all=$(topics)
offset=$(committed)
family=$(family "$supervisor")

say 'Before:'
counts "$all"
say "kill -9 $supervisor, the supervisor; it has $(($(wc -l <<<"$family") - 1)) processes below it"
kill -9 "$supervisor"
began=$SECONDS
await 'all its processes are gone' none_left
say "all of them are gone, $((SECONDS - began)) s later"

say 'Start it again in its terminal:'
printf '  %s supervise --topics %s\n' "$typed" "$all"
await 'a supervisor runs and all its partitions do' started_again
await 'it commits (is the producer still at work?)' moving
say 'It runs again, and commits.'

say 'After:'
counts "$all"
what_next "$all"
