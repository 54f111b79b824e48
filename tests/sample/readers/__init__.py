"""Readers of the sample's formats that share no code with the package, one file a register or kind of literature.

Each has `FORMATS`: for the name of a format a function that takes the path of a file and gives the id and the whole
text of every input in it, with the standard library (and openpyxl) only.
"""
