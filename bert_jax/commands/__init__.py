"""The bodies of the command line's commands, one file each, with a function `run(arguments)`.

What a command can be given is in `arguments.py`, apart from the bodies: `--help` loads no body.
"""
