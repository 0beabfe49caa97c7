"""Features: columns of a table, a matrix, or one vector per row become one matrix, by an encoding that is kept."""
