"""Templates of streaming functions, checked for what would keep them from streaming on AWS."""
