"""walertd: follows, judges, commits and delivers, until it is told to stop."""
