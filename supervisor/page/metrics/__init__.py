"""`/metrics`: the status model in the text format of Prometheus; what is not known has no sample.

The bounds of histograms are those by which workers count their batches: workers/contract/batch_figures.
"""
