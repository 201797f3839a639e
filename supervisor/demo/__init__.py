"""`rtpipe demo` and `rtpipe chaos`: real kills on a running pipeline, and the proof at the end."""
