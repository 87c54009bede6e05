"""Review: decisions of reviewers, their agreement, random samples, and exchange with annotation tools."""
