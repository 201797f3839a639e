"""Decides: plans partitions, starts a worker for each, restarts what dies, drains, answers `rtpipe status`.

    rtpipe supervise                     supervisor_process: never touches a message or a row
    └── forkserver                       starts workers in milliseconds
        └── consumer (one a partition)   workers.consumer_process
            └── writer                   workers.writer_process

The files beside this one are that process; `cli` is the tree of all commands:

    assembly             puts a run together: group_lock, first_plan, partition_plan
    supervisor_process   the loop: waits by worker_waits (wait_set) for signal_inbox, control_socket and all
                         workers
                         shutdown, run_targets and kafka_changes say what else it does,
                         control_commands what it answers, and peer who asks
    background_question  what takes long, asked in a thread beside the loop
    event_ring           the newest events of the log, for whoever asks
"""
