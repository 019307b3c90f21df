"""What operators need at run time: phones that register, lines to other networks, and guards before both."""
