#!/usr/bin/env bash
# kill -9 of a writer process, perhaps in the middle of a transaction. The database rolls it back; consumer, queue and
# writer are replaced together, since a queue whose reader was killed cannot be trusted.
#
#   infra/demos/kill-writer.sh [TOPIC/PARTITION]
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

look
line=$(choose "${1:-}")
read -r name _ pid writer offset _ <<<"$line"
all=$(topics)

say 'Before:'
counts "$all"
say "kill -9 $writer, the writer of $name, at offset $offset in the database"
kill -9 "$writer"
began=$SECONDS
await "$name runs again and commits (is the producer still at work?)" moves_again "$name" "$pid" "$offset"
line=$(partition "$name")
read -r _ _ _ new offset _ <<<"$line"
say "$name has a new writer, pid $new, and is at offset $offset, $((SECONDS - began)) s later"

say 'After:'
counts "$all"
what_next "$all"
