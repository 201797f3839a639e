"""`rtpipe setup`: makes tables, users and grants for topics that exist already."""
