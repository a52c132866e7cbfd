"""What a judge is shown and how its verdicts are read; pure, but for reading rubric files."""
