"""What crosses between the processes, plain and frozen."""
