"""Flags, environment and rtpipe.toml -> frozen settings; read nowhere else."""
