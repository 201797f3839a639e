"""The tables that rtpipe keeps for itself: offsets, dead letters, table changes, hosts, the journal."""
