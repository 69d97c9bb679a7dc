"""The virtual clock, the loop that moves it, and the clocks of the standard library that follow it."""
