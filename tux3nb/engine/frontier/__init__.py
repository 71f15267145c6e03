"""The same search a layer at a time, with numpy."""
