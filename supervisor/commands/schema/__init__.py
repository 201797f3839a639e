"""`rtpipe schema`: from a schema file to Avro, and to the table that it gives."""
