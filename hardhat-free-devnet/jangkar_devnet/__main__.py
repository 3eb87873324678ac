"""`python -m jangkar_devnet`."""

from jangkar_devnet.cli import main

raise SystemExit(main())
