"""``python -m bot.cli``: the same as ``assay``."""

import sys

from bot.cli import main

sys.exit(main())
