"""From an exploration to answers: verdicts, runs, stories, the matrix and the records."""
