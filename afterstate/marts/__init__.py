"""Questions to the marts: exports, look-ups and the SQL that the report and the explanations share."""
