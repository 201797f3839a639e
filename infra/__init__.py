"""What is around the pipeline: tables and users, topics, the embedded stack, the systemd unit, demos.

    provision ─> tables ─> database        used by `rtpipe setup`, `infra create`, and by the supervisor for new schemas
    stack                                  a Kafka, a registry and a database of one's own, for tests and demos

`systemd`, `demos` and `mysql` hold files that are installed or run as they are.
"""
