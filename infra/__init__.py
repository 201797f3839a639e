"""What runs around rtpipe: the embedded stack, topics, tables and users, the systemd unit, demos."""
