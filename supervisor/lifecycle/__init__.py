"""The life of one worker: started, heard, watched, ended, started again or halted.

served_workers       which partitions a run serves: taken, given up, gone; their totals
supervised_worker    one partition: standing (worker_state), worker_history, log_end, rate_meter, worker_log
orders               what is asked of it: drain, kill, halt; by a person: requests
generation/          one lifetime of its processes
ends/                what follows from the end of a generation; aftermath does it
start_pace           which workers may start now
stuck_workers        which workers are stuck, and their end
"""
