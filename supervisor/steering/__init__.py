"""What people ask of a running supervisor: pause, resume, restart, drain.

partition_acts   what is asked of some partitions; act says who asked and when; pause_file keeps pauses
asking           the other side: a command asks the supervisors of this machine
"""
