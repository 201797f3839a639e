#!/usr/bin/env bash
# kill -9 of a consumer process in the middle of the stream. Its writer goes with it; the supervisor starts a new pair,
# which goes on at the last COMMIT. The other partitions do not notice.
#
#   infra/demos/kill-worker.sh [TOPIC/PARTITION]
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

look
line=$(choose "${1:-}")
read -r name _ pid _ offset _ <<<"$line"
all=$(topics)

say 'Before:'
counts "$all"
say "kill -9 $pid, the consumer of $name, at offset $offset in the database"
kill -9 "$pid"
began=$SECONDS
await "$name runs again and commits (is the producer still at work?)" moves_again "$name" "$pid" "$offset"
line=$(partition "$name")
read -r _ _ new _ offset _ <<<"$line"
say "$name runs again as pid $new and is at offset $offset, $((SECONDS - began)) s later"

say 'After:'
counts "$all"
what_next "$all"
