"""What can be set: a file for each subject, with the default and the range of each setting."""
