"""Flags, environment and rtpipe.toml -> frozen settings; nobody else reads them."""
