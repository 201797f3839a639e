"""`/metrics`: the status model in the text format of Prometheus; what is not known has no sample."""
