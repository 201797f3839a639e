"""`rtpipe demo` and `rtpipe chaos`: real kills on a running pipeline, then the proof."""
