# $ flowtrace run killed.py
"""What was recorded outlives the program."""

import os
import signal


def before():
    return "done"


def dies():
    os.kill(os.getpid(), signal.SIGKILL)


before()
dies()
