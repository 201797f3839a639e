"""What the loop of `rtpipe supervise` is made of: what it waits for, does, answers, and when it ends."""
