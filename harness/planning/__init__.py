"""What a run would take and could show, before it is made: no engine starts, no model loads."""
