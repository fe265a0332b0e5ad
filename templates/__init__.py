"""Templates, styles and catalogues: package data. They only loop and choose; `documents` makes the words."""
