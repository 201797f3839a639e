"""One lifetime of a consumer, its queue and its writer.

generation           the whole: last_reports (what they said), watchdog (heartbeat_limits), generation_end
worker_processes     what it needs of its processes; process_handle has the real ones, started by worker_context
"""
