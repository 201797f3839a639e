"""Decides: plans partitions, starts a worker for each, restarts what dies, drains, answers `rtpipe status`.

    rtpipe supervise                     supervisor_process: never touches a message or a row
    └── forkserver                       starts workers in milliseconds
        └── consumer (one a partition)   workers.consumer_process
            └── writer                   workers.writer_process

The files beside this one are the loop and what it decides with. The folders are what it asks, and the other commands.
"""
