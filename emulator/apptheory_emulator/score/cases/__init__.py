"""The cases of the score card, a file for each group of them."""
