"""Pictures, tables and sentences for notebooks: each figure states its finding."""
