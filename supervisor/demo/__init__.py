"""`rtpipe demo`: real kills on a running pipeline, then the proof."""
