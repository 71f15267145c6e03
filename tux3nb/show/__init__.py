"""How answers are shown: tables, pictures, the explorer."""
