"""The programs whose page writes are watched: a counter, LMDB and SQLite, each one step at a time.

Each keeps one file.  ``path`` is the watched file, ``label`` says what ran, step() is one transaction,
close() ends it. The database modules are imported when used: Python may have been built without one.
"""

import os
import random
import struct

from tux3nb.witness.low.memory import PAGE, Region

_KEYS, _PER_TRANSACTION, _VALUE = 5000, 4, 100
_LOAD = f"transactions of {_PER_TRANSACTION} random updates of {_VALUE} bytes among {_KEYS} keys"
_SEED = 1


class Counter:
    """Counts in a shared mapping of 64 pages; low pages are written most often."""

    label = "counter: one store per step into a shared mapping of 64 pages, page drawn exponentially (mean 5)"
    _PAGES = 64

    def __init__(self, folder):
        self.path = os.path.join(folder, "counter")
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        for page in range(self._PAGES):
            os.pwrite(self._fd, bytes(PAGE), page * PAGE)
            os.fsync(self._fd)
        self._region = Region(self._PAGES, fd=self._fd, shared=True)
        self._random, self._steps = random.Random(_SEED), 0

    def step(self) -> None:
        """One store."""
        self._steps += 1
        page = min(int(self._random.expovariate(1 / 5)), self._PAGES - 1)
        self._region.write(struct.pack("<Q", self._steps), page)

    def close(self) -> None:
        """Unmap."""
        self._region.close()
        os.close(self._fd)


class Lmdb:
    """LMDB with a writable memory map: stores go straight into the page cache."""

    label = f"LMDB with writemap: {_LOAD}"

    def __init__(self, folder):
        import lmdb

        self.path = os.path.join(folder, "data.mdb")
        self._environment = lmdb.open(
            self.path,
            map_size=64 << 20,
            subdir=False,
            writemap=True,
            map_async=True,
            sync=False,
            metasync=False,
        )
        self._random = random.Random(_SEED)
        with self._environment.begin(write=True) as transaction:
            for key in range(_KEYS):
                transaction.put(b"%08d" % key, os.urandom(_VALUE))

    def step(self) -> None:
        """One transaction."""
        with self._environment.begin(write=True) as transaction:
            for _ in range(_PER_TRANSACTION):
                transaction.put(b"%08d" % self._random.randrange(_KEYS), os.urandom(_VALUE))

    def close(self) -> None:
        """Close the environment."""
        self._environment.close()


class Sqlite:
    """SQLite with mmap_size set: it reads through the mapping and writes by write(2)."""

    label = f"SQLite, which uses write(2): {_LOAD}"

    def __init__(self, folder):
        import sqlite3

        self.path = os.path.join(folder, "rows.db")
        self._database = sqlite3.connect(self.path, isolation_level=None)
        for pragma in ("mmap_size=268435456", "journal_mode=memory", "synchronous=off"):
            self._database.execute(f"pragma {pragma}")
        self._random = random.Random(_SEED)
        rows = [(key, os.urandom(_VALUE)) for key in range(_KEYS)]
        self._database.execute("create table t(k integer primary key, v blob)")
        self._database.execute("begin")
        self._database.executemany("insert into t values(?,?)", rows)
        self._database.execute("commit")

    def step(self) -> None:
        """One transaction."""
        self._database.execute("begin")
        for _ in range(_PER_TRANSACTION):
            change = (os.urandom(_VALUE), self._random.randrange(_KEYS))
            self._database.execute("update t set v=? where k=?", change)
        self._database.execute("commit")

    def close(self) -> None:
        """Close the database."""
        self._database.close()
