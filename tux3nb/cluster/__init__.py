"""The same questions on several machines, with dask.distributed; nothing else of the package needs it.

`connect` finds the workers. `search` explores one large world: states are divided among shards by their hash, and a
layer at a time is expanded and exchanged. `tasks` does many small pieces of work. `shard` is what workers run.
"""
