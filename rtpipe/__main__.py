"""`python -m rtpipe` is `rtpipe`."""

from supervisor.cli import main

if __name__ == "__main__":
    main()
