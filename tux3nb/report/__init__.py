"""From notebooks to offline pages: run them, export each as one self-contained HTML file, write an index."""
