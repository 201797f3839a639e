# shellcheck shell=bash
# Shared by the demos of this folder, which are run by hand while these two run in other terminals:
#
#   rtpipe supervise --topics dataset1,dataset2,dataset3
#   rtpipe produce --topics dataset1,dataset2,dataset3 --rate 3000 --duration 300
#
# Set the same RTPIPE_... variables here as there. Needs bash, ps and python3; talks to nobody but rtpipe.

set -euo pipefail

PATIENCE=${PATIENCE:-120} # seconds to wait for anything

typed=rtpipe                            # how the reader types it
if ! command -v rtpipe >/dev/null; then # not in an activated environment: the one that make has made
  typed="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/.venv/bin/rtpipe"
  PATH="${typed%/*}:$PATH"
fi

say() { printf '\n%s\n' "$*"; }

give_up() {
  printf 'demo: %s\n' "$*" >&2
  exit 1
}

command -v rtpipe >/dev/null || give_up 'rtpipe is not on the PATH'

# Ask the supervisors that run here. `now` then has one line for each of their partitions:
# TOPIC/PARTITION STATE PID WRITER_PID OFFSET_IN_DATABASE QUEUE BACKPRESSURE SUPERVISOR
look() {
  now=$({ rtpipe status --json 2>/dev/null || true; } | python3 -c '
import json, sys
said = sys.stdin.read()
for supervisor in json.loads(said)["supervisors"] if said else []:
    for p in supervisor["partitions"]:
        words = [p[key] for key in ("state", "pid", "writer_pid", "offset", "queue_depth", "backpressure")]
        print("%s/%d" % (p["topic"], p["partition"]), *words, supervisor["supervisor_pid"])')
}

# The line of one partition.
partition() { awk -v name="$1" '$1 == name' <<<"$now"; }

# The line of the partition that was asked for, or of the first one that runs.
choose() {
  local line
  line=$(awk -v name="$1" '(name == "" || $1 == name) && $2 == "running" && $4 != "None"' <<<"$now" | head -n 1)
  [ -n "$line" ] || give_up "no partition${1:+ $1} is running (see rtpipe status); start: rtpipe supervise --topics ..."
  printf '%s\n' "$line"
}

# All topics, separated by commas.
topics() { cut -d' ' -f1 <<<"$now" | sed 's,/[0-9]*$,,' | sort -u | paste -sd, -; }

# Offsets in Kafka, offsets in kafka_offsets and rows in the table of each of these topics, as one snapshot.
counts() {
  local report
  report=$(rtpipe verify --topics "$1" --json) || [ $? -eq 3 ] || give_up 'rtpipe verify failed'
  printf '%s' "$report" | python3 -c '
import json, sys
print("%-24s %14s %14s %14s" % ("TOPIC", "IN KAFKA", "IN DATABASE", "ROWS"))
for topic in json.load(sys.stdin)["topics"]:
    parts = topic["partitions"]
    kafka, stored = sum(p["high_watermark"] for p in parts), sum(p["stored_offset"] or 0 for p in parts)
    print("%-24s %14s %14s %14s" % (topic["topic"], format(kafka, ","), format(stored, ","), format(topic["rows_in_table"], ",")))'
}

# within SECONDS COMMAND...: run the command until it succeeds; fails if it does not in that time.
within() {
  local ends=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$ends" ] || return 1
    sleep 0.1
  done
}

# await WHAT COMMAND...: the same, patiently; gives up with a word of what did not come.
await() {
  local what=$1
  shift
  within "$PATIENCE" "$@" || give_up "after $PATIENCE s still not: $what"
}

# Whether the partition runs in other processes than these, and has committed since.
moves_again() {
  local state pid writer offset
  look
  read -r _ state pid writer offset _ <<<"$(partition "$1") "
  [ "$state" = running ] && [ "$pid" != "$2" ] && [ "$writer" != None ] && [ "$offset" -gt "$3" ]
}

# kill_one WHAT FIELD NEWS [TOPIC/PARTITION]: kill -9 the process in that field of a partition's line, and wait until the
# partition runs and commits again.
kill_one() {
  local what=$1 field=$2 news=$3 line name pid victim offset all began
  look
  line=$(choose "${4:-}")
  read -r name _ pid _ offset _ <<<"$line"
  victim=$(cut -d' ' -f"$field" <<<"$line")
  all=$(topics)

  say 'Before:'
  counts "$all"
  say "kill -9 $victim, the $what of $name, at offset $offset in the database"
  kill -9 "$victim"
  began=$SECONDS
  await "$name runs again and commits (is the producer still at work?)" moves_again "$name" "$pid" "$offset"
  line=$(partition "$name")
  say "$name $news $(cut -d' ' -f"$field" <<<"$line") and is at offset $(cut -d' ' -f5 <<<"$line"), $((SECONDS - began)) s later"

  say 'After:'
  counts "$all"
  what_next "$all"
}

what_next() {
  say 'Once the producer is done and the lag is 0 (rtpipe status), prove that nothing is lost and nothing is there twice:'
  printf '  %s verify --topics %s --values\n' "$typed" "$1"
}
