"""`python -m spanledger_cli`: the same as the `spanledger` command."""

from spanledger_cli.entry import main

main()
