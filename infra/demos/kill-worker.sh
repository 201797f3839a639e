#!/usr/bin/env bash
# kill -9 of a consumer process in the middle of the stream. Its writer goes with it; the supervisor starts a new pair,
# which goes on at the last COMMIT. The other partitions do not notice.
#
#   infra/demos/kill-worker.sh [TOPIC/PARTITION]
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

kill_one consumer 3 'runs again as pid' "${1:-}"
