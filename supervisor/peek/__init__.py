"""`rtpipe peek`: messages of a topic, decoded, each beside its row."""
