"""Independent judges of the engine: a plain search of one policy, and SPIN on the printed Promela."""
