"""What a bench, its machine and its sites look like in numbers, read in one go. Plain data out; nothing is changed but what is counted.

A part that cannot be read is a sentence in its place (`{"error": sentence}`), and no hole in the others.
"""
