"""The page to look at beside a report: `report.html`, one file that asks for nothing."""
