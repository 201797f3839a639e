"""Decides: plans partitions, starts a worker for each, restarts what dies, drains, answers `rtpipe status`.

    rtpipe supervise                     supervisor_process: never touches a message or a row
    └── forkserver                       starts workers in milliseconds
        └── consumer (one a partition)   workers.consumer_process
            └── writer                   workers.writer_process

The files beside this one are that process and how it is begun; `cli` is the tree of all commands:

    assembly             puts a run together: group_lock, run.first_plan, partition_plan
    supervisor_process   the loop; what it waits for and does is in `run`, what others ask of it in `control`
    background_question  what takes long, asked in a thread beside the loop
"""
