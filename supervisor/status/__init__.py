"""What a run says of itself: to `rtpipe status`, to systemd, to the log."""
