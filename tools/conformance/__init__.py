"""dbt's own adapter suite (`dbt-tests-adapter`), run on our servers; `script/conformance` does it."""
