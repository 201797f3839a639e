"""What people ask of a running supervisor: pause, resume, restart, drain, limit, step over, reload.

partition_acts   what is asked of some partitions; act says who asked and when
act_file         pauses and limits on disk, so that they outlive the supervisor
step_over        the message at which a partition is halted becomes a dead letter
reload           the settings, read again
row_limits       how many rows a second each topic may write; less of them while health_throttle finds that
                 the database is not well (database_health)
asking           the other side: a command asks the supervisors of this machine
"""
