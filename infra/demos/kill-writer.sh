#!/usr/bin/env bash
# kill -9 of a writer process, perhaps in the middle of a transaction. The database rolls it back; consumer, queue and
# writer are replaced together, since a queue whose reader was killed cannot be trusted.
#
#   infra/demos/kill-writer.sh [TOPIC/PARTITION]
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

kill_one writer 4 'has a new writer, pid' "${1:-}"
