"""`python -m urform` is `urform`."""

import sys

from urform.cli import main

sys.exit(main())
