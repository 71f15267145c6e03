"""The language of cases: what a case is, its columns, free-running worlds."""
