"""Moves data: topic-partition -> consumer process -> bounded queue -> writer process -> table and offset.

One worker is two processes for one topic-partition:

    consumer_process   intake: librdkafka -> batches of raw bytes -> the queue; supervisor_link, writer_link
    writer_process     commit: the queue -> rows -> one transaction: offset (compare-and-set), rows, COMMIT

Consumer, queue and writer are one generation: they live and die together. `launch` and `preload` start them,
`parent_watch` ends them with their parent, `bell` wakes a loop, `memory` gives memory back,
`phase_clock` tells where a writer's time goes, `event_relay` what is logged, `kill_points` kills them in tests.
"""
