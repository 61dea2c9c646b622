"""Rule files, the findings of rules, and `clc-analytics findings`."""
