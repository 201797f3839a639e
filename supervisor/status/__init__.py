"""What is told of a run: to `rtpipe status`, to systemd, to the log."""
