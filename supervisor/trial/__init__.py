"""`rtpipe try`: what would become of messages, by the writer's own parts, in transactions that are rolled back."""
