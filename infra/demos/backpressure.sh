#!/usr/bin/env bash
# A writer that hangs: the queue between consumer and writer fills, the consumer stops reading. When the writer goes on,
# the queue drains and the consumer goes on, too. Both are one WARN line each in the log of the supervisor:
#
#   Backpressure activated and message processing stopped...
#   Backpressure has been resolved. Resuming message processing...
#
# The writer is stopped with SIGSTOP, for 20 seconds at most: after 30 the supervisor would replace it. A queue holds 8
# batches of 5,000 messages, so it takes a busy producer to fill it in that time:
#
#   rtpipe produce --topics dataset1 --duration 60
#
#   infra/demos/backpressure.sh [TOPIC/PARTITION]
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

pressed() {
  look
  [ "$(partition "$name" | cut -d' ' -f7)" = "$1" ]
}

look
line=$(choose "${1:-}")
read -r name _ _ writer _ <<<"$line"
all=$(topics)

say 'Before:'
counts "$all"
say "stop pid $writer, the writer of $name"
trap 'kill -CONT "$writer" 2>/dev/null || true' EXIT
kill -STOP "$writer"
PATIENCE=20 await "the queue of $name is full; produce faster, or to ${name%/*} alone" pressed True
say "Backpressure: $name reads no more; $(partition "$name" | cut -d' ' -f6) batches wait in its queue. See the log of the supervisor."

say "let pid $writer go on"
kill -CONT "$writer"
await "backpressure of $name is resolved" pressed False
say "Resolved: $name reads again."

say 'After:'
counts "$all"
what_next "$all"
