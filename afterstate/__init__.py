"""What people run and import: the report and the explanations. Reads the warehouse, never changes it."""
