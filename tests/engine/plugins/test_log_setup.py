"""Logging set up in one line."""

import subprocess
import sys

PROGRAM = """
import logging
from headwater.plugins.log_setup import LOG_LEVELS, setup_logging

setup_logging(log_level=LOG_LEVELS["WARNING"])
setup_logging(log_level=LOG_LEVELS["DEBUG"])
logging.getLogger("shop").warning("late")
logging.getLogger("shop").info("early")
"""


def test_what_is_logged_is_shown_as_it_was_set_up_first() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)

    [line] = done.stdout.splitlines()
    assert line.startswith("[WARNING] ")
    assert line.endswith(" shop(7): late")
    assert done.stderr == ""
