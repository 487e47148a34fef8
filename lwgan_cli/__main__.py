"""`python -m lwgan_cli` is `lwgan`."""

from lwgan_cli.cli.main import main

main()
