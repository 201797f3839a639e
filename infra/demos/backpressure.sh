#!/usr/bin/env bash
# A writer that hangs: the queue between consumer and writer fills, the consumer stops reading. When the writer goes on,
# the queue drains and the consumer goes on, too. Both are one WARN line each in the log of the supervisor:
#
#   Backpressure activated and message processing stopped...
#   Backpressure has been resolved. Resuming message processing...
#
# The writer is stopped with SIGSTOP, for 25 seconds at most: after 30 the supervisor would replace it. A queue holds 8
# batches of 5,000 messages: where the producer that runs does not fill it within 3 seconds, another one sends to the
# topic as fast as it can.
#
#   infra/demos/backpressure.sh [TOPIC/PARTITION]
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

pressed() {
  look
  [ "$(partition "$name" | cut -d' ' -f7)" = "$1" ]
}

# Whether the partition is 5,000 messages further: its producer is fast.
flows() {
  look
  [ "$(partition "$name" | cut -d' ' -f5)" -gt "$((offset + 5000))" ]
}

look
line=$(choose "${1:-}")
read -r name _ _ writer offset _ <<<"$line"
all=$(topics)

say 'Before:'
counts "$all"
say "stop pid $writer, the writer of $name"
helper=
# shellcheck disable=SC2317 # the trap calls it
let_go() {
  kill -CONT "$writer" 2>/dev/null || true
  [ -z "$helper" ] || kill "$helper" 2>/dev/null || true
}
trap let_go EXIT
kill -STOP "$writer"
if ! within 3 pressed True; then
  kill -CONT "$writer"
  say "its queue does not fill fast enough: more messages to ${name%/*}, then once more"
  rtpipe produce --topics "${name%/*}" --duration 120 >/dev/null &
  helper=$!
  await "messages flow to $name" flows
  kill -STOP "$writer"
  PATIENCE=25 await "the queue of $name is full" pressed True
  kill "$helper" 2>/dev/null || true
  wait "$helper" || true
fi
say "Backpressure: $name reads no more; $(partition "$name" | cut -d' ' -f6) batches wait in its queue. See the log of the supervisor."

say "let pid $writer go on"
kill -CONT "$writer"
await "backpressure of $name is resolved" pressed False
say "Resolved: $name reads again."

say 'After:'
counts "$all"
what_next "$all"
