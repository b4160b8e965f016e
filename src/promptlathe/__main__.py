"""`python -m promptlathe`."""

from promptlathe.cli.main import main

main()
