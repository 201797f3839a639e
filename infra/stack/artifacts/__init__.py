"""The files that the embedded stack runs on: locked, downloaded, checked, unpacked once."""
