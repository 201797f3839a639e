"""`rtpipe_journal` beside the workers that write it: read by a command, and its old rows removed by a supervisor."""
