"""A worker that runs out of luck: somebody kills it in the middle of an import."""

import os
import signal


class Importer:
    def __init__(self):
        self.seen = 0

    def read(self, name):
        return [f"{name}:{row}" for row in range(3)]

    def store(self, row):
        self.seen += 1
        if self.seen == 8:
            os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does where memory ends
        return self.seen

    def run(self, names):
        for name in names:
            for row in self.read(name):
                self.store(row)


Importer().run(["monday", "tuesday", "wednesday"])
