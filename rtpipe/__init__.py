"""Avro topics into MySQL, exactly once. What all other packages use; it imports none of them.

The house. A room may import those below it, never those above it; workers and infra do not know each other
(`make check` holds this):

    supervisor      decides: commands, settings, the loop, status, verify
    workers         moves data: consumer -> queue -> writer -> one transaction
    infra           what is around it: tables, users, topics, the embedded stack
    avro_schemas    from a schema everything follows: columns, layouts, changes
    rtpipe          errors (with exit codes), log, clock, deadline, pause, credentials, secret_files, tls_trouble,
                    own_command, acting_person; Kafka; MySQL

docs/architecture.md has the picture of all folders, the terms, and the way of a message from file to file.
"""
