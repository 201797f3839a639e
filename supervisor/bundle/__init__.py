"""`rtpipe support-bundle`: what somebody who helps wants to know, in one file without secrets."""
