"""Moves data: topic-partition -> consumer process -> bounded queue -> writer process -> table + offset.

One worker is two processes for one topic-partition:

    consumer_process   librdkafka -> batches of raw bytes -> batch_queue
    writer_process     batch_queue -> rows -> one transaction: offset (compare-and-set), rows, COMMIT

Worker, queue and writer are one generation: they live and die together.
"""
