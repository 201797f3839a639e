"""Decides: plans partitions, starts one worker for each, restarts what dies, drains, serves the status.

rtpipe supervise                     the supervisor: never touches a message or a row
└── forkserver                       starts workers in milliseconds
    └── consumer (one a partition)   workers.consumer_process
        └── writer                   workers.writer_process
"""
