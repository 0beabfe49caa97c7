"""Features: columns of a table, a matrix, or one vector per row become one matrix, and the way there is kept."""
