"""`python -m liqbayes.cli`."""

from liqbayes.cli import main

main()
