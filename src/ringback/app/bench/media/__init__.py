"""`ringback bench media`: what one core carries, measured against a bare loop of the same socket calls in C.

`cases` says what the media worker does, `figures` what is made of it, `rounds` in which order things run, `runs` how
one of them runs; `machine` is the kernel's side, `programs` the two C programs in `bench/`.
"""
