"""What does supervisord start? This, which becomes the process that a JSON file describes.

supervisord's configuration cannot carry every value (quotes, percent signs, semicolons); a JSON file can. It also keeps
secrets out of the arguments that `ps` shows. Run as a script by a bare interpreter: nothing but the standard library.
"""

import json
import os
import sys
from pathlib import Path

if __name__ == "__main__":
    spec = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    os.chdir(spec["directory"])
    os.execvpe(spec["command"][0], spec["command"], os.environ | spec["environment"])  # noqa: S606  # it is what this is for
