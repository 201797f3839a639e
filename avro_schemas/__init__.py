"""Shapes: from a schema everything else follows (topic, subject, table, columns).

The lowest package: it opens no connection to Kafka or MySQL and imports nothing else of rtpipe.
"""
