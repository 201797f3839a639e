"""The life of one worker: started, heard, watched, ended, started again or halted.

supervised_worker    one partition: worker_state, worker_history, worker_log, log_end, rate_meter
generation           one lifetime of its processes: process_handle, worker_context, heartbeat
end_verdict          what follows from its end: death_history, restart_policy
start_pace           which workers may start now
"""
