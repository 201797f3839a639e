"""`rtpipe verify`: is everything consumed, and is the table what the topic says?"""
