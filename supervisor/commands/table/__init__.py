"""`rtpipe table`: what a schema needs of its table, shown or done."""
