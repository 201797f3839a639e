"""The tables that rtpipe keeps for itself beside the topics' tables."""
