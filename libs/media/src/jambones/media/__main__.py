"""The media worker's process; started by the service that uses it, never by hand."""

import sys

from jambones.media.worker import WorkerSettings, main

if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), WorkerSettings.parse(sys.argv[3])))
