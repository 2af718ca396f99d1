"""How is a model server started? `python -m serving --release DIR --digest D --port P --spool DIR`."""

import sys

from serving.server import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
